import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BootLog } from "../../kickstart/server/log";
import { Registry } from "../../kickstart/server/registry";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { available, type Libvirtd, startLibvirtd } from "../systems/libvirt/start";
import { type MiniInstaller, miniAvailable, miniInstaller } from "../systems/pxe/mini";
import { available as pxeAvailable } from "../systems/pxe/start";
import { TestLab } from "./harness";
import { killTree } from "./kill-tree";
import { KEY } from "./lab-config";

const HASH = "$6$canary$lifecycleHashOfTheRootPassword";
const reason = available() ?? pxeAvailable() ?? miniAvailable();

describe.skipIf(reason && !process.env.CI)(
  `an image that a stand-in for the installer makes on a real libvirtd${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let daemon: Libvirtd;
    let world: LibvirtClient;
    let mini: MiniInstaller;
    let lab: TestLab;
    let home: string;

    const config = (install: object = {}, machine: object = {}) => ({
      backends: { rack: { kind: "libvirt", uri: daemon.uri } },
      networks: {
        admin: { backend: "rack", cidr: "192.168.161.0/24", mode: "nat", ipv6: { cidr: "fd00:161::/64" } },
      },
      images: {
        rocky9: {
          install: {
            backend: "rack",
            family: "rocky",
            release: "9",
            mirror: "http://192.0.2.1/rocky",
            network: "admin",
            kernel: { path: mini.kernel },
            initrd: { path: mini.initrd },
            sshKeys: [KEY],
            rootPassword: { secret: "rootHash" },
            timeout: "5m",
            ...install,
          },
        },
      },
      machines: Object.fromEntries(
        ["w1", "w2"].map((name) => [
          name,
          {
            backend: "rack",
            memory: "128 MiB",
            disk: "20 GiB",
            image: "rocky9",
            networks: ["admin"],
            running: false,
            ...machine,
          },
        ]),
      ),
    });
    const events = () => new BootLog(home).read();
    const tokens = new Set<string>();
    const keepTokens = () => {
      for (const { token } of new Registry(home).list()) tokens.add(token);
    };
    const domains = async () => (await world.domains()).map(({ name }) => name).sort();
    const everythingKept = async () => {
      const files = fs.readdirSync(lab.folder, { recursive: true, withFileTypes: true });
      const texts = files
        .filter((entry) => entry.isFile() && !entry.parentPath.includes("registrations"))
        .map((entry) => fs.readFileSync(`${entry.parentPath}/${entry.name}`, "latin1"));
      return [await lab.state(), ...texts].join("\n");
    };

    beforeAll(async () => {
      mini = await miniInstaller();
      daemon = await startLibvirtd();
      world = await connectLibvirt(daemon.uri);
      lab = await TestLab.create(config({ commands: [": mini.stages=pre,failed"] }), {
        enter: daemon.enter,
        secrets: { rootHash: HASH },
      });
      home = `${lab.folder}/.labplan/boot`;
      lab.env = { LABPLAN_SHUTDOWN_S: "0.5", LABPLAN_BOOT_HOME: home };
    });
    afterAll(async () => {
      await lab?.close();
      await world?.close();
      await daemon?.stop();
      mini?.remove();
    });

    test("preview: the rendered kickstart is shown, with names of secrets in it, and nothing is made", async () => {
      const { code, text } = await lab.run(["preview", "--diff", "--show-full-output"]);
      expect([code, text]).toEqual([0, expect.stringContaining("rootpw --iscrypted {{secret:rootHash}}")]);
      expect(text).toContain("logvol");
      expect(text).toMatch(
        /image "rocky9": its kickstart has \d+ lines; "--diff --show-full-output" shows them/,
      );
      expect(text).not.toContain(HASH);
      expect([await domains(), fs.existsSync(home)]).toEqual([[], false]);
    });

    test("a failed installation fails the up with its stage; the machines on it are not made", async () => {
      const { code, text } = await lab.run(["up", "--yes", "--skip-preview"]);
      expect(code).not.toBe(0);
      expect(text).toMatch(/image "rocky9": its installer failed after "pre"/);
      expect(text).not.toContain(HASH);
      keepTokens();
      expect((await domains()).filter((name) => !name.includes("builder"))).toEqual([]);
    });

    test("a kill -9 in the middle of the next one: the run after it carries on with the same builder", async () => {
      lab.write(config({ commands: [": mini.stages=pre,wait25,installed"] }));
      const before = events().length;
      const builds = () =>
        new Set(
          events()
            .slice(before)
            .flatMap(({ build }) => build ?? []),
        ).size;
      const { child, done } = lab.start(["up", "--yes", "--skip-preview"]);
      const limit = Date.now() + 150_000;
      while (
        !events()
          .slice(before)
          .some(({ stage }) => stage === "pre")
      ) {
        if (Date.now() > limit) throw new Error(`it did not come so far: ${JSON.stringify(events())}`);
        await sleep(100);
      }
      keepTokens();
      killTree(child.pid ?? 0);
      await done;
      await lab.run(["cancel", "--yes"]);
      const text = await lab.up();
      expect(text).toMatch(/carries on with the installation under way/);
      expect(builds()).toBe(1);
      expect(events().at(-1)).toMatchObject({ stage: "installed" });
      expect(await domains()).toEqual(["w1", "w2"]);
    });

    test("the clones lie over the image, each with a card and a host name of its own; nothing is left to do", async () => {
      const xml = await Promise.all((await world.domains()).map((ref) => world.domainXml(ref)));
      const macs = xml.map((text) => /<mac address='([^']+)'/.exec(text)?.[1]);
      expect(new Set(macs).size).toBe(2);
      const [, pool, volume] = /<source pool='([^']+)' volume='([^']+)'/.exec(xml[0] ?? "") ?? [];
      const file = `/var/lib/libvirt/images/${pool}/${volume}`;
      const { stdout } = await daemon.nsenter(["qemu-img", "info", "-U", file]);
      expect(stdout).toMatch(/backing file: .*rocky9/);
      expect((await lab.preview()).ops).toEqual({});
    });

    test("an edit of the config alone is told with its lines, and changes nothing", async () => {
      lab.write(config({ commands: [": mini.stages=pre,installed"], timezone: "Europe/Berlin" }));
      const { ops, text } = await lab.preview();
      expect(ops).toEqual({});
      expect(text).toMatch(/image "rocky9" stays as it is installed/);
      expect(text).toMatch(/^- timezone UTC --utc$/m);
      expect(text).toMatch(/^\+ timezone Europe\/Berlin --utc$/m);
    });

    test("trap kickstart-pxe#24: no token and no root password's hash is kept anywhere", async () => {
      const kept = await everythingKept();
      expect(kept).toContain("rocky9");
      expect(tokens.size).toBe(2);
      for (const canary of [HASH, ...tokens]) expect(kept).not.toContain(canary);
    });

    test("destroy leaves no machine, disk, network or registration", async () => {
      await lab.destroy();
      expect([await domains(), await world.networks(), await world.pools()]).toEqual([[], [], []]);
      expect((await daemon.nsenter(["find", "/var/lib/libvirt", "-name", "*rocky9*"])).stdout).toBe("");
      expect(fs.readdirSync(`${home}/registrations`)).toEqual([]);
    });
  },
);
