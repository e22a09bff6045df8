import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Registry } from "../../kickstart/server/registry";
import { readIso } from "../../providers/seed/iso9660";
import { keptIn } from "../../providers/seed/read-back";
import { folderOf } from "../../providers/virtualbox/folder";
import type { MachineInputs } from "../../providers/virtualbox/machine";
import { machineDefinition } from "../../providers/virtualbox/machine.handlers";
import { mediumDefinition } from "../../providers/virtualbox/medium.handlers";
import { snapshotDefinition } from "../../providers/virtualbox/snapshot.handlers";
import { benchOf } from "./virtualbox-handlers.bench";
import {
  clientOf,
  disk,
  type HandlerSystem,
  inventory,
  machine,
  macOf,
  nat,
  PREFIX,
  snapshotOf,
} from "./virtualbox-handlers.lab";

const MIB = 1024 * 1024;
const cloudInit = {
  user: "me",
  sshKeys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGN1cnZlMjU1MTktdGVzdA me@here"],
};

/** Seeds are files, and are tried everywhere; what runs, only where machines can be started. */
export function runningSuite(system: () => HandlerSystem): void {
  describe("machines with a seed, and machines that run", () => {
    const { apply, observe, preview, remove, trace } = benchOf(system, machineDefinition);
    const media = benchOf(system, mediumDefinition);
    const snapshots = benchOf(system, snapshotDefinition);
    const client = () => clientOf(system());
    let port = 42500;
    beforeAll(() => {
      process.env.LABPLAN_SHUTDOWN_S = "1";
    });
    afterAll(() => {
      delete process.env.LABPLAN_SHUTDOWN_S;
    });

    const forward = (hostPort: number, name = "ssh") => ({
      name,
      protocol: "tcp" as const,
      hostPort,
      guestPort: 22,
    });
    const seeded = (more: Partial<MachineInputs> = {}) =>
      machine("w1", { cloudInit, nics: [nat("w1")], ...more });
    /** When it was last started or stopped, as VirtualBox writes it. */
    const since = async (uuid: string) => (await (await client()).vm(uuid))?.poweredAt;

    const texts = async (name = "w1") => {
      const c = await client();
      const bytes = await c.readFile(c.join(await folderOf(c, system()), `${PREFIX}${name}-seed.iso`));
      const files = (bytes && readIso(bytes)) ?? [];
      return Object.fromEntries(files.map((file) => [file.name, file.data.toString("utf8")]));
    };

    describe("seeds", () => {
      it("hold host name, user and keys, tell the host key before the first boot, and go with the machine", async () => {
        const state = await apply(seeded());
        expect(state.sshHostKey).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\S+$/);
        const seed = await texts();
        expect(seed["meta-data"]).toContain("local-hostname: w1");
        expect(seed["user-data"]).toContain(cloudInit.sshKeys[0]);
        expect(seed["user-data"]).toContain(state.sshHostKey);
        expect(seed["network-config"]).toContain(macOf("w1"));
        expect(JSON.stringify(state)).not.toContain("PRIVATE KEY");
        expect(await preview(seeded(), state)).toEqual([]);
        await remove(state);
        expect(await inventory(system())).toEqual({});
      });

      it("keep the host key through every edit, a rename included", async () => {
        const state = await apply(seeded());
        const edited = {
          ...seeded(),
          name: "worker",
          hostName: "w9",
          cloudInit: { ...cloudInit, user: "you" },
        };
        const after = await apply(edited, state, { name: "w1" });
        expect(after.sshHostKey).toBe(state.sshHostKey);
        expect((await texts("worker"))["meta-data"]).toContain("local-hostname: w9");
        expect(await texts("w1")).toEqual({});
      });

      it("fill secrets in when they are written, and never before", async () => {
        const canary = 'canary: "x"\n- y';
        const inputs = seeded({ cloudInit: { ...cloudInit, userData: { token: "a {{secret:pw}} b" } } });
        const told = trace();
        const state = await apply(inputs, undefined, { secrets: { pw: canary }, trace: told });
        expect((await texts())["user-data"]).toContain("canary");
        expect(JSON.stringify([state, told, await inventory(system())])).not.toContain("canary");
      });

      it("that are gone or cut off are told, and made again", async () => {
        const state = await apply(seeded());
        const c = await client();
        const path = c.join(await folderOf(c, system()), `${PREFIX}w1-seed.iso`);
        const whole = await c.readFile(path);
        await c.removeFile(path);
        expect(await preview(seeded(), state)).toEqual(["intact"]);
        await c.putFile(path, (whole as Buffer).subarray(0, 1000));
        const after = await apply(seeded(), state);
        expect((await texts())["user-data"]).toContain(after.sshHostKey);
        const without = await apply(machine("w1", { nics: [nat("w1")] }), after);
        expect(await preview(machine("w1", { nics: [nat("w1")] }), without)).toEqual([]);
        expect(Object.keys(await inventory(system())).filter((key) => key.includes("seed"))).toEqual([]);
      });

      describe("with a boot record", () => {
        let folder = "";
        beforeEach(() => {
          folder = mkdtempSync(join(tmpdir(), "labplan-boot-"));
          process.env.LABPLAN_BOOT_HOME = folder;
        });
        afterEach(() => {
          delete process.env.LABPLAN_BOOT_HOME;
          rmSync(folder, { recursive: true, force: true });
        });

        it("trap virtualbox#43, virtualbox#44: bring a token, and the way to the host that its calls need", async () => {
          const inputs = seeded({ bootRecord: { url: "http://10.0.2.2:8069" } });
          const state = await apply(inputs);
          const token = new Registry(folder).current(macOf("w1"))?.token;
          expect(token).toMatch(/^[0-9a-f]{32}$/);
          expect(keptIn((await texts())["user-data"] ?? "").bootToken).toBe(token);
          expect((await (await client()).vm(state.uuid))?.nics[0]?.nat?.localhostReachable).toBe(true);
          await remove(state);
          expect(new Registry(folder).current(macOf("w1"))).toBeUndefined();
        });
      });
    });

    const running = (title: string, work: () => Promise<void>) =>
      it(title, async () => {
        if (system().canStart) await work();
      });

    describe("that run", () => {
      running(
        "trap virtualbox#50: are ready when SSH proves its host key at the forwarded port, without anything inside",
        async () => {
          port++;
          const inputs = seeded({
            running: true,
            nics: [nat("w1", { forwards: [forward(port)] })],
            ssh: { host: "127.0.0.1", port },
            wait: { for: "ssh", timeoutS: 60 },
          });
          const state = await apply(inputs);
          expect(state).toMatchObject({ running: true, address: "127.0.0.1", sshPort: port });
          expect(state.sshHostKey).toMatch(/^ssh-ed25519 /);
          expect(await preview(inputs, state)).toEqual([]);
          const off = await apply({ ...inputs, running: false }, state);
          expect(off.running).toBe(false);
          expect(await preview(inputs, off)).toEqual(["running"]);
          const again = await apply(inputs, off);
          expect(again.sshHostKey).toBe(state.sshHostKey);
          await remove(again);
          expect(await inventory(system())).toEqual({});
        },
      );

      running(
        "trap virtualbox#49: are restarted for what needs it, once, and not for what does not",
        async () => {
          port++;
          const inputs = machine("w1", { running: true, nics: [nat("w1", { forwards: [forward(port)] })] });
          const state = await apply(inputs);
          const started = await since(state.uuid);
          expect(await apply(inputs, state)).toEqual(state);
          expect(await since(state.uuid)).toBe(started);

          const live = {
            ...inputs,
            nics: [nat("w1", { forwards: [forward(++port), forward(++port, "b")], cable: false })],
          };
          const after = await apply(live, state);
          expect(await since(state.uuid)).toBe(started);
          expect(await preview(live, after)).toEqual([]);

          const told = trace();
          const bigger = { ...live, cpus: 2, memoryMiB: 128 };
          const restarted = await apply(bigger, after, { trace: told });
          expect(restarted).toMatchObject({ running: true, cpus: 2 });
          expect(told.progress.join()).toMatch(/a restart brings in cpus, memoryMiB/);
          expect(await since(state.uuid)).not.toBe(started);
        },
      );

      running("that were stopped, paused or saved outside run again", async () => {
        const inputs = machine("w1", { running: true });
        const state = await apply(inputs);
        const c = await client();
        await c.powerOff(state.uuid);
        expect((await observe(inputs, state))?.running).toBe(false);
        expect((await apply(inputs, state)).running).toBe(true);
      });

      running("stop for a disk that grows and for a linked disk's snapshot, and run again", async () => {
        await media.apply(disk("image"));
        const root = await media.apply(disk("root", { parent: disk("image").name, clone: "linked" }));
        const inputs = machine("w1", { running: true, disks: [{ medium: root.name }] });
        const state = await apply(inputs);
        const c = await client();
        const grown = await media.apply(
          disk("root", { parent: disk("image").name, clone: "linked", capacity: 32 * MIB }),
        );
        expect(grown.capacity).toBe(32 * MIB);
        expect(await c.power(state.uuid)).toBe("running");
        const taken = await snapshots.apply(snapshotOf("w1", "clean"));
        expect(await c.power(state.uuid)).toBe("running");
        const back = await snapshots.apply({ ...taken, restore: 1 }, taken);
        expect(await c.power(state.uuid)).toBe("running");
        await snapshots.remove(back);
        expect(await c.power(state.uuid)).toBe("running");
        expect(await preview(inputs, state)).toEqual([]);
      });
    });
  });
}
