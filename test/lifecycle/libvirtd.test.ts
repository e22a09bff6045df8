import * as fs from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { guestAvailable, type TinyGuest, tinyGuest } from "../systems/libvirt/guest";
import { available, type Libvirtd, startLibvirtd } from "../systems/libvirt/start";
import { TestLab } from "./harness";

const reason = available() ?? guestAvailable();

describe.skipIf(reason && !process.env.CI)(
  `a lab on a real libvirtd${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let daemon: Libvirtd;
    let world: LibvirtClient;
    let guest: TinyGuest;
    let lab: TestLab;

    const config = (machine: object = {}) => ({
      backends: { rack: { kind: "libvirt", uri: daemon.uri } },
      networks: {
        admin: { backend: "rack", cidr: "192.168.151.0/24", mode: "nat" },
        spare: { backend: "rack", cidr: "192.168.152.0/24", mode: "isolated" },
      },
      machines: {
        tiny: {
          backend: "rack",
          memory: "128 MiB",
          disk: "64 MiB",
          networks: ["admin"],
          kernel: { kernel: guest.kernel, initrd: guest.initrd, cmdline: guest.cmdline },
          sshKeys: [fs.readFileSync(`${guest.identityFile}.pub`, "utf8").trim()],
          user: "root",
          wait: { for: "ssh", timeout: "180s" },
          ...machine,
        },
      },
    });
    const domain = async () => {
      const found = await world.domainByName("tiny");
      if (!found) throw new Error("there is no domain tiny");
      return found;
    };
    const unchanged = async () => expect((await lab.preview()).ops).toEqual({});

    beforeAll(async () => {
      guest = await tinyGuest();
      daemon = await startLibvirtd();
      world = await connectLibvirt(daemon.uri);
      // Inside the namespaces: nothing outside may send a packet to the guests' addresses.
      lab = await TestLab.create(config(), { enter: daemon.enter });
      lab.env = { LABPLAN_SHUTDOWN_S: "2" }; // the tiny guest does not listen to the power button
    });
    afterAll(async () => {
      await lab?.close();
      await world?.close();
      await daemon?.stop();
    });

    test("up: the machine runs, has its planned address, and its own host key lets us in", async () => {
      await lab.up();
      expect(await world.domainState(await domain())).toBe("running");
      const { machines } = await lab.outputs<{
        machines: Record<string, { address: string; sshHostKey: string }>;
      }>();
      const { address = "", sshHostKey = "" } = machines.tiny ?? {};
      expect(lab.lockText).toContain(address);
      const known = `${lab.folder}/known_hosts`;
      fs.writeFileSync(known, `${address} ${sshHostKey}\n`);
      const options = [
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        `UserKnownHostsFile=${known}`,
        "-o",
        "BatchMode=yes",
      ];
      const ran = await daemon.nsenter([
        "ssh",
        "-i",
        guest.identityFile,
        ...options,
        `root@${address}`,
        "hostname",
      ]);
      expect(ran).toMatchObject({ code: 0, stdout: "tiny\n" });
      await unchanged();
    });

    test("a second card needs a restart, autostart is live, and the preview says both", async () => {
      const before = await domain();
      lab.write(config({ networks: ["admin", "spare"], autostart: true }));
      const { ops, text } = await lab.preview();
      expect(ops["libvirt:Domain tiny"]).toBe("update");
      expect(text).toMatch(/autostart false → true: live/);
      expect(text).toMatch(/nics .*: needs a restart/);
      await lab.up();
      const after = await domain();
      expect(after.id).not.toBe(before.id);
      expect((await world.domainXml(after)).match(/<interface /g)).toHaveLength(2);
      expect(await world.domainAutostart(after)).toBe(true);
      await unchanged();
    });

    test("live: the disk grows under the running machine, and never shrinks", async () => {
      const before = await domain();
      const edit = (disk: string) =>
        lab.write(config({ networks: ["admin", "spare"], autostart: true, disk }));
      edit("96 MiB");
      expect((await lab.preview()).text).toMatch(/capacity 67108864 → 100663296: live/);
      await lab.up();
      expect((await domain()).id).toBe(before.id);
      await unchanged();
      edit("32 MiB");
      const { code, text } = await lab.run(["preview"]);
      expect(code).not.toBe(0);
      expect(text).toMatch(/shrink/);
      edit("96 MiB");
    });

    test("restart: more memory", async () => {
      const before = await domain();
      lab.write(config({ networks: ["admin", "spare"], autostart: true, disk: "96 MiB", memory: "160 MiB" }));
      expect((await lab.preview()).text).toMatch(/memoryMiB 128 → 160: needs a restart/);
      await lab.up();
      const after = await domain();
      expect(after.id).not.toBe(before.id);
      expect(await world.domainXml(after)).toContain(">163840<");
      await unchanged();
    });

    test("recreate: another CIDR under a running machine", async () => {
      const edited = config({
        networks: ["admin", "spare"],
        autostart: true,
        disk: "96 MiB",
        memory: "160 MiB",
      });
      edited.networks.admin.cidr = "192.168.153.0/24";
      lab.write(edited);
      const { ops, text } = await lab.preview();
      expect(text).toContain("cidr 192.168.151.0/24 → 192.168.153.0/24: recreated");
      expect(ops["libvirt:Network admin"]).toMatch(/replace|delete/);
      expect(ops["libvirt:Domain tiny"]).toMatch(/replace|delete/);
      expect(ops["libvirt:Volume tiny.disk0"]).toBeUndefined();
      await lab.up();
      const { machines } = await lab.outputs<{ machines: Record<string, { address: string }> }>();
      expect(machines.tiny?.address).toMatch(/^192\.168\.153\./);
      await unchanged();
    });

    test("destroy leaves no network, volume, domain or file", async () => {
      await lab.destroy();
      expect(await world.domains()).toEqual([]);
      expect(await world.networks()).toEqual([]);
      expect(await world.pools()).toEqual([]);
      expect(fs.readdirSync(`${daemon.stateDir}/lib/images`)).toEqual([]);
    });
  },
);
