import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MetalHost } from "../systems/fog/hosts";
import { HOST_UP } from "../systems/fog/mini";
import { type IpmiBmc, startIpmiBmc } from "../systems/power/start";
import { type FogRack, fogRackAvailable, startFogRack } from "./fog-rack";
import { TestLab } from "./harness";
import { KEY } from "./lab-config";

/**
 * Hosts of bare metal through their whole life, on real parts except FOG itself: domains with a Redfish and an IPMI
 * BMC in front, booted from the network by their cards' iPXE, imaged by a small FOS with a disk that has a boot loader
 * and OpenSSH. Everything runs in namespaces of its own.
 */

const reason = fogRackAvailable();

interface MachineOutputs {
  address: string;
  sshHostKey: string;
  credentials?: { user: string; password: string };
}

interface Task {
  id: string;
  hostID: string;
  typeID: string;
  stateID: string;
}

describe.skipIf(reason && !process.env.CI)(
  `hosts of a FOG server, with BMCs and real systems${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let site: FogRack;
    let ipmi: IpmiBmc;
    let lab: TestLab;
    let one: MetalHost;
    let two: MetalHost;

    const config = (
      node1: object = {},
      node2: object = {},
      more: { backends?: object; machines?: object } = {},
    ) => ({
      backends: {
        metal: site.backend(),
        ...more.backends,
      },
      bootServer: { address: site.rack.address },
      images: site.images(),
      machines: {
        node1: {
          ...host(one),
          address: one.ip,
          power: site.power(),
          ...node1,
        },
        // Its address is found in the DHCP server's log.
        node2: {
          ...host(two),
          power: {
            kind: "ipmi",
            host: ipmi.host,
            port: ipmi.port,
            user: ipmi.user,
            password: { secret: "ipmiPassword" },
          },
          ...node2,
        },
        ...more.machines,
      },
    });
    const host = (metal: MetalHost) => ({
      ...site.host(metal),
      onRelease: "image:clean",
      access: { sshKeys: [KEY] },
    });

    const machines = async () => (await lab.outputs<{ machines: Record<string, MachineOutputs> }>()).machines;
    const tasks = async () => (await site.fog.call<{ tasks: Task[] }>("GET", "/task")).tasks;
    /** Logs in with the key of the image, at a machine that proves the host key of the outputs. */
    async function onHost(name: string, script: string): Promise<string> {
      const { address, sshHostKey } = (await machines())[name] as MachineOutputs;
      const known = path.join(lab.folder, "known_hosts");
      fs.writeFileSync(known, `${address} ${sshHostKey}\n`);
      const options = ["StrictHostKeyChecking=yes", `UserKnownHostsFile=${known}`];
      const { code, stdout, stderr } = await site.daemon.nsenter(site.ssh(address, options, script));
      if (code !== 0) throw new Error(`on ${name}: ${stderr}`);
      return stdout;
    }

    beforeAll(async () => {
      site = await startFogRack(["node1", "node2"]);
      const { daemon } = site;
      [one, two] = site.rack.hosts as [MetalHost, MetalHost];
      ipmi = await startIpmiBmc(daemon.uri, "node2", daemon);
      lab = await TestLab.create(config({ allow: [] }), {
        enter: site.enter,
        secrets: { ...site.secrets, ipmiPassword: ipmi.password },
      });
      lab.env = { LABPLAN_BOOT_HOME: `${lab.folder}/.labplan/boot` };
    }, 300_000);
    afterAll(async () => {
      await lab?.close();
      await ipmi?.stop();
      await site?.stop();
    });

    test("a host that does not allow to be wiped is refused; allowed, the preview says what is lost, and nothing happens", async () => {
      const refused = await lab.run(["preview"]);
      expect(refused.code).not.toBe(0);
      expect(refused.text).toMatch(/node1.*allow: \[wipe\]/s);
      lab.write(config());
      const { ops, text } = await lab.preview();
      expect(ops).toMatchObject({ "fog:ImagedHost node1": "create", "fog:ImagedHost node2": "create" });
      expect(text).toMatch(/wipes node1: image .*work/);
      expect(text).toMatch(/on release: image clean/);
      expect([await tasks(), await site.isOff(one), await site.isOff(two)]).toEqual([[], true, true]);
    });

    test("up: both boot from the network, are imaged, and prove what they are; keys and a password let in", async () => {
      await lab.up();
      for (const [name, { ip }] of Object.entries({ node1: one, node2: two })) {
        const { address, credentials } = (await machines())[name] as MachineOutputs;
        expect(address).toBe(ip);
        expect(credentials?.password).toMatch(/^\S{20,}$/);
        expect(await onHost(name, "cat /etc/lab-image; grep -c ^root:.y /etc/shadow")).toBe("work-1\n1\n");
        expect(await onHost(name, "cat /root/.ssh/authorized_keys")).toContain(KEY.split(" ")[1]);
      }
      expect(one.console()).toContain("FOS-EVENT 0");
      expect((await machines()).node1?.sshHostKey).not.toBe((await machines()).node2?.sshHostKey);
      expect((await tasks()).map(({ stateID }) => stateID)).toEqual(["4", "4"]);
      expect((await lab.preview()).ops).toEqual({});
    }, 300_000);

    test("a tenant removes our keys; another image for his host wipes it all the same, and the other host is not touched", async () => {
      const bootId = await onHost("node2", "cat /proc/sys/kernel/random/boot_id");
      await onHost("node1", "echo mine > /root/tenant; rm /root/.ssh/authorized_keys; sync");
      lab.write(config({ image: "clean" }));
      const { ops, text } = await lab.preview();
      expect(ops).toMatchObject({ "fog:ImagedHost node1": "update" });
      expect(Object.keys(ops).filter((key) => key.endsWith("node2"))).toEqual([]);
      expect(text).toMatch(/wipes node1: image work → clean \(about .*\)/);
      await lab.up();
      expect(await onHost("node1", "cat /etc/lab-image; ls /root")).toBe("clean-1\n");
      expect(await onHost("node2", "cat /proc/sys/kernel/random/boot_id")).toBe(bootId);
      expect(await tasks()).toHaveLength(3);
    }, 300_000);

    test("destroy: both are given back with the clean image, by power alone; nothing of ours is left in the server", async () => {
      await onHost("node2", "echo mine > /root/tenant; rm /root/.ssh/authorized_keys; sync");
      await lab.destroy();
      expect((await tasks()).map(({ stateID, typeID }) => stateID + typeID)).toEqual(Array(5).fill("41"));
      expect((await site.fog.call<{ hosts: object[] }>("GET", "/host")).hosts).toEqual([]);
      await site.daemon.nsenter(["virsh", "--connect", site.daemon.uri, "start", two.name]);
      const line = new RegExp(`${HOST_UP} \\S+ ${two.name} clean-1`);
      await expect.poll(() => two.console(), { timeout: 90_000, interval: 500 }).toMatch(line);
    }, 300_000);
  },
);
