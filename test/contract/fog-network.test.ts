import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FogDouble, startFogDouble } from "../systems/fog/double";
import { diskOf, type MetalHost, type Rack, rackOf } from "../systems/fog/hosts";
import { diskImages, fosAvailable, HOST_UP, miniFos } from "../systems/fog/mini";
import { available, type Libvirtd, startLibvirtd } from "../systems/libvirt/start";
import { available as pxeAvailable } from "../systems/pxe/start";

/** What a network-booting machine does with the embedded FOG server: its cards' own iPXE, a kernel, a disk. */

const reason = available() ?? pxeAvailable() ?? fosAvailable();
const PORT = 8080;
const IMAGING_MS = 90_000;

interface Task {
  id: string;
  stateID: string;
  percent: string;
}

describe.skipIf(reason && !process.env.CI)(
  `machines that boot from the embedded FOG server${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let daemon: Libvirtd;
    let fog: FogDouble;
    let rack: Rack;

    beforeAll(async () => {
      const [fos, disks] = [await miniFos(), await diskImages()];
      daemon = await startLibvirtd();
      rack = await rackOf(daemon, ["node1", "node2"], PORT, disks.diskMiB);
      fog = await startFogDouble({ enter: daemon.enter, bind: rack.address, port: PORT, fos, disks });
    });
    afterAll(async () => {
      await fog?.stop();
      await daemon?.stop();
    });

    const virsh = (...words: string[]) => daemon.nsenter(["virsh", "--connect", daemon.uri, ...words]);
    const isOff = async (name: string) => (await virsh("domstate", name)).stdout.trim() === "shut off";

    const registerImage = async (name: string) =>
      (
        await fog.call<{ id: string }>("POST", "/image/create", {
          name,
          path: name,
          imageTypeID: "1",
          imagePartitionTypeID: "1",
          osID: "50",
          isEnabled: "1",
          storagegroups: [1],
        })
      ).id;
    const register = async ({ name, mac }: MetalHost, imageID: string) =>
      (await fog.call<{ id: string }>("POST", "/host/create", { name, macs: [mac], imageID })).id;

    /** Start a task, boot the host for it, and follow it until the host has switched itself off. */
    async function carryOut(host: MetalHost, hostID: string, taskTypeID: number): Promise<Set<string>> {
      await fog.call("POST", `/host/${hostID}/task`, { taskTypeID, taskName: "test" });
      const { tasks } = await fog.call<{ tasks: (Task & { hostID: string })[] }>("GET", "/task/active");
      const id = tasks.find((task) => task.hostID === hostID)?.id;
      await virsh("start", host.name);
      const seen = new Set<string>();
      for (const end = Date.now() + IMAGING_MS; !(await isOff(host.name)); await sleep(300)) {
        if (Date.now() > end) throw new Error(`${host.name} does not end:\n${host.console()}\n${fog.log()}`);
        const { stateID, percent } = await fog.call<Task>("GET", `/task/${id}`);
        seen.add(`${stateID}:${percent}`);
      }
      expect((await fog.call<Task>("GET", `/task/${id}`)).stateID, host.console()).toBe("4");
      return seen;
    }

    async function bootsFromDisk(host: MetalHost, image: string): Promise<void> {
      await virsh("start", host.name);
      const line = new RegExp(`${HOST_UP} \\S+ ${host.name} ${image}`);
      await expect.poll(() => host.console(), { timeout: IMAGING_MS, interval: 500 }).toMatch(line);
      await virsh("destroy", host.name);
    }

    it("are imaged with progress, boot from their disk without a task, are captured, and wiped", async () => {
      const [one, two] = rack.hosts as [MetalHost, MetalHost];
      const work = await registerImage("work");
      const golden = await registerImage("golden");
      const [first, second] = [await register(one, work), await register(two, golden)];

      const seen = await carryOut(one, first, 1);
      expect([...seen].filter((each) => /^3:[1-9]/.test(each)).length).toBeGreaterThan(1);
      await bootsFromDisk(one, "work-1");

      await fog.call("PUT", `/host/${first}/edit`, { imageID: golden });
      await carryOut(one, first, 2);
      await carryOut(two, second, 1);
      await bootsFromDisk(two, "work-1");

      const disk = () =>
        readFileSync(join(daemon.stateDir, diskOf(one.name).replace("/var/lib/libvirt", "lib")));
      expect(disk().subarray(510, 512).toString("hex")).toBe("55aa");
      await carryOut(one, first, 18);
      expect(disk().every((byte) => byte === 0)).toBe(true);
    }, 400_000);
  },
);
