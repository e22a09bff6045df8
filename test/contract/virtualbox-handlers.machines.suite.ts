import { describe, expect, it } from "vitest";
import { folderOf } from "../../providers/virtualbox/folder";
import { hostFacts } from "../../providers/virtualbox/host-facts";
import { machineDefinition } from "../../providers/virtualbox/machine.handlers";
import { settingsOf } from "../../providers/virtualbox/machine-settings";
import { mediumDefinition } from "../../providers/virtualbox/medium.handlers";
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
  uuidOf,
} from "./virtualbox-handlers.lab";

export function machineSuite(system: () => HandlerSystem): void {
  describe("machines", () => {
    const { apply, observe, precheck, preview, remove, run, trace } = benchOf(system, machineDefinition);
    const media = benchOf(system, mediumDefinition);
    const client = () => clientOf(system());
    /** What a run leaves that is killed while VirtualBox makes its machine. */
    const half = async (name: string) => {
      const c = await client();
      const folder = await folderOf(c, system());
      await c.makeFolder(folder);
      await c.putFile(c.join(folder, `${PREFIX}${name}.making`), uuidOf(name));
    };

    it("are made with every setting, look the same afterwards, and leave nothing behind", async () => {
      const before = await inventory(system());
      const root = await media.apply(disk("root"));
      const data = await media.apply(disk("data"));
      const inputs = machine("w1", {
        cpus: 2,
        memoryMiB: 256,
        firmware: "uefi",
        boot: ["network", "hd", "cdrom"],
        disks: [{ medium: root.name }, { medium: data.name, bus: "nvme" }],
        nics: [
          nat("w1", {
            forwards: [{ name: "ssh", protocol: "tcp", hostPort: 42022, guestPort: 22 }],
            tftp: { prefix: "/srv/tftp", bootFile: "boot.pxe" },
            hostReachable: true,
          }),
          { type: "intnet", attachment: "storage", mac: macOf("w1b"), model: "e1000", cable: false },
          { type: "natnetwork", attachment: "admin", mac: macOf("w1c") },
          { type: "generic", attachment: "UDPTunnel", properties: { dport: "10001" }, mac: macOf("w1d") },
          { type: "none", mac: macOf("w1e") },
        ],
        sharedFolders: [{ name: "src", path: "/tmp", readOnly: true }],
      });
      expect(await observe(inputs)).toBeUndefined();
      const told = trace();
      const state = await apply(inputs, undefined, { trace: told });
      expect(state).toMatchObject({ ...inputs, intact: true });
      expect(told.steps.map((title) => title.split(" ")[0])).toEqual(
        [1, 2, 3, 4, 5, 6, 7].map((n) => `${n}/7`),
      );
      expect(await preview(inputs, state)).toEqual([]);
      const facts = await (await client()).vm(inputs.uuid);
      expect(facts).toMatchObject({
        name: "w1",
        cpus: 2,
        memoryMiB: 256,
        firmware: "uefi",
        boot: ["net", "disk", "dvd", "none"],
        extraData: { "labplan/mark": "ct8handl/test/w1", "labplan/uuid": inputs.uuid },
      });
      await remove(state);
      await media.remove(root);
      await media.remove(data);
      expect(await inventory(system())).toEqual(before);
      await remove(state); // gone is success
    });

    it("trap virtualbox#30: nothing of a new machine's defaults stays that the config does not say", async () => {
      const state = await apply(machine("w1", { boot: ["hd"] }));
      expect(await (await client()).vm(state.uuid)).toMatchObject({
        nics: [],
        boot: ["disk", "none", "none", "none"],
      });
    });

    it("trap virtualbox#33: all settings of a machine are written by one modifyvm", async () => {
      const c = await client();
      const calls: unknown[] = [];
      const modify = c.modifyVm;
      const inputs = machine("w1", { cpus: 2, nics: [nat("w1"), nat("w1b")] });
      const counting = {
        ...c,
        modifyVm: (...args: Parameters<typeof modify>) => {
          calls.push(args[1]);
          return modify(...args);
        },
      };
      // What one call writes is all that differs from the machine in the end.
      await c.createVm({ name: "plain", uuid: uuidOf("plain"), osType: "Linux_64" });
      await counting.modifyVm(uuidOf("plain"), { ...settingsOf(inputs, undefined, {}), name: "plain" });
      expect(calls).toHaveLength(1);
      await apply(inputs);
      const [plain, made] = [await c.vm(uuidOf("plain")), await c.vm(inputs.uuid)];
      const settings = (facts: typeof plain) => ({
        cpus: facts?.cpus,
        memoryMiB: facts?.memoryMiB,
        boot: facts?.boot,
        nics: facts?.nics,
      });
      expect(settings(plain)).toEqual(settings(made));
    });

    it.each([
      ["cpus", { cpus: 3 }],
      ["memoryMiB", { memoryMiB: 128 }],
      ["firmware", { firmware: "uefi" as const }],
      ["boot", { boot: ["cdrom" as const, "hd" as const] }],
      ["osType", { osType: "Debian_64" }],
      ["nics", { nics: [nat("w1", { model: "e1000" as const })] }],
      ["nics", { nics: [] }],
      ["nics", { nics: [nat("w1"), nat("w1x")] }],
      [
        "nics",
        {
          nics: [
            nat("w1", { forwards: [{ name: "a", protocol: "udp" as const, hostPort: 1053, guestPort: 53 }] }),
          ],
        },
      ],
      ["sharedFolders", { sharedFolders: [{ name: "a", path: "/tmp", autoMount: true }] }],
    ])("an edit of %s is carried out, and no other", async (field, edit) => {
      const inputs = machine("w1", {
        nics: [nat("w1", { forwards: [{ name: "a", protocol: "tcp", hostPort: 42100, guestPort: 22 }] })],
        sharedFolders: [{ name: "a", path: "/tmp" }],
      });
      const first = await apply(inputs);
      const edited = { ...inputs, ...edit };
      expect(await preview(edited, first)).toEqual([field]);
      const state = await apply(edited, first);
      expect(state).toMatchObject(edited);
      expect(await preview(edited, state)).toEqual([]);
    });

    it("trap virtualbox#25: a renamed machine keeps its UUID and its disks", async () => {
      const root = await media.apply(disk("root"));
      const inputs = machine("w1", { disks: [{ medium: root.name }] });
      const first = await apply(inputs);
      const state = await apply({ ...inputs, name: "worker" }, first, { name: "w1" });
      const facts = await (await client()).vm(inputs.uuid);
      expect(facts).toMatchObject({ name: "worker", attachments: [{ path: root.path }] });
      expect(facts?.configFile).toContain("worker");
      await remove(state, { name: "w1" });
      expect((await media.observe(root, root))?.path).toBe(root.path);
      await media.remove(root);
      expect(await inventory(system())).toEqual({});
    });

    it("trap virtualbox#51: whatever was changed outside is told and set right, by an edit and no rebuild", async () => {
      const root = await media.apply(disk("root"));
      const inputs = machine("w1", {
        disks: [{ medium: root.name }],
        nics: [nat("w1", { forwards: [{ name: "ssh", protocol: "tcp", hostPort: 42101, guestPort: 22 }] })],
      });
      const state = await apply(inputs);
      const c = await client();
      await c.modifyVm(state.uuid, {
        cpus: 4,
        nics: [
          {
            slot: 1,
            type: "nat",
            forwards: [{ name: "ssh", protocol: "tcp", hostPort: 42102, guestPort: 22 }],
          },
          { slot: 2, type: "intnet", attachment: "theirs" },
        ],
      });
      await c.detach(state.uuid, { controller: "SATA", port: 0 });
      const theirs = c.join(
        (await c.vm(state.uuid))?.configFile.replace(/[/\\][^/\\]*$/, "") ?? "",
        "theirs.vdi",
      );
      await c.createMedium({ path: theirs, sizeBytes: 1 << 20 });
      await c.attach(state.uuid, { controller: "SATA", port: 3 }, { kind: "disk", medium: theirs });
      const live = await observe(inputs, state);
      expect(live).toMatchObject({ cpus: 4, disks: [{ medium: theirs, bus: "sata" }] });
      expect(live?.nics).toHaveLength(2);
      expect((await preview(inputs, state)).sort()).toEqual(["cpus", "disks", "nics"]);
      const after = await apply(inputs, state);
      expect(await preview(inputs, after)).toEqual([]);
      // Taken out of the machine, and no more: it is somebody's.
      expect(await c.fileExists(theirs)).toBe(true);
      expect((await c.vm(state.uuid))?.attachments).toMatchObject([{ path: root.path }]);
    });

    it("trap virtualbox#52: a run that finds all as it should be writes nothing", async () => {
      const inputs = machine("w1", {
        nics: [nat("w1", { forwards: [{ name: "ssh", protocol: "tcp", hostPort: 42103, guestPort: 22 }] })],
      });
      const state = await apply(inputs);
      const c = await client();
      const file = (await c.vm(state.uuid))?.configFile ?? "";
      const before = await c.readFile(file);
      expect(await apply(inputs, state)).toEqual(state);
      expect((await c.readFile(file))?.toString()).toBe(before?.toString());
    });

    it("trap virtualbox#47: a machine whose making was cut short is known and finished", async () => {
      const inputs = machine("w1");
      const c = await client();
      await half("w1");
      await c.createVm({ name: "w1", uuid: inputs.uuid, osType: "Linux_64" });
      expect(await observe(inputs)).toMatchObject({ intact: false, name: "w1" });
      expect(await precheck(inputs)).toEqual([]);
      const state = await apply(inputs);
      expect(state).toMatchObject({ name: "w1", intact: true });
      expect(await c.vms()).toHaveLength(1);
    });

    it("trap virtualbox#26: settings that a killed run wrote and did not register are taken in", async () => {
      const inputs = machine("w1");
      const c = await client();
      await half("w1");
      await c.createVm({ name: "w1", uuid: inputs.uuid, osType: "Linux_64" });
      await c.unregisterVm(inputs.uuid);
      await apply(inputs);
      expect((await c.vms()).map(({ name }) => name)).toEqual(["w1"]);
    });

    it("trap virtualbox#19, virtualbox#21, virtualbox#22: ports of others, missing cards and interfaces are refused before anything is made", async () => {
      const c = await client();
      await c.createVm({ name: "theirs", uuid: uuidOf("theirs"), osType: "Linux_64" });
      await c.modifyVm(uuidOf("theirs"), {
        nics: [
          {
            slot: 1,
            type: "nat",
            mac: macOf("same"),
            forwards: [{ name: "web", protocol: "tcp", hostIp: "0.0.0.0", hostPort: 42104, guestPort: 80 }],
          },
        ],
      });
      await c.addNatNetwork({
        name: "theirnet",
        cidr: "10.198.0.0/24",
        dhcp: false,
        forwards: [{ name: "web", protocol: "tcp", hostPort: 42105, guestIp: "10.198.0.9", guestPort: 80 }],
      });
      hostFacts.forget(c);
      const forward = (hostPort: number) => ({
        name: `p${hostPort}`,
        protocol: "tcp" as const,
        hostPort,
        guestPort: 80,
      });
      const inputs = machine("w1", {
        osType: "Moon_64",
        nics: [
          nat("w1", { forwards: [forward(42104), forward(42105), forward(42106)] }),
          nat("same"),
          { type: "bridged", attachment: "nosuchcard", mac: macOf("br") },
          { type: "hostonly", attachment: "vboxnet77", mac: macOf("ho") },
          { type: "hostonly", attachment: "planned", mac: macOf("ho2") },
        ],
      });
      const problems = await precheck(inputs);
      expect(problems.map(({ message }) => message)).toEqual([
        expect.stringContaining('port 42104/tcp of the host leads to machine "theirs"'),
        expect.stringContaining('port 42105/tcp of the host leads to NAT network "theirnet"'),
        expect.stringContaining('that of machine "theirs" already'),
        expect.stringContaining('no network card "nosuchcard"'),
        expect.stringContaining('no host-only interface "vboxnet77"'),
        expect.stringContaining('no guest type "Moon_64"'),
      ]);
      await expect(apply({ ...inputs, osType: "Linux_64" })).rejects.toThrow(/port 42104/);
      expect((await c.vms()).map(({ name }) => name)).toEqual(["theirs"]);
    });

    it("trap virtualbox#2: a machine that cannot run here is refused in the preview, with the module's name", async () => {
      const problems = await precheck(machine("w1", { running: true }));
      if (system().canStart) expect(problems).toEqual([]);
      else
        expect(problems).toEqual([
          { field: "running", message: expect.stringMatching(/machine "w1" cannot run: .*vboxdrv/) },
        ]);
    });

    it("trap virtualbox#27: a disk that cannot be attached leaves a machine that the next run finishes", async () => {
      const inputs = machine("w1", { disks: [{ medium: `${PREFIX}root` }] });
      const told = trace();
      await expect(apply(inputs, undefined, { trace: told })).rejects.toThrow(/machine "w1"/);
      expect(told.saved).toMatchObject({ uuid: inputs.uuid });
      await media.apply(disk("root"));
      const state = await apply(inputs, told.saved as never);
      expect(state).toMatchObject({ ...inputs, intact: true });
    });

    it("refuses a boot record that no seed would bring", async () => {
      expect(
        await machineDefinition.precheck?.(
          machine("w1", { bootRecord: { url: "http://10.0.2.2:8069" } }),
          run("w1"),
        ),
      ).toEqual([{ field: "bootRecord", message: expect.stringContaining("no cloud-init") }]);
    });
  });
}
