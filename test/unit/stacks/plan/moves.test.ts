import { describe, expect, test } from "vitest";
import type { LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { deskLab, deskMachine, vmOf } from "./desk";
import { GIB, planned, told } from "./lab";

const at = (backend: string, parts: Partial<MachineConfig> = {}): LabConfig =>
  deskLab({ machines: { web1: deskMachine({ backend, networks: [{ bridge: "br0" }], ...parts }) } });

describe("a machine that is given another backend", () => {
  const before = planned(at("rack"));
  const note =
    "web1 moves from rack (libvirt) to desk (VirtualBox): it is made anew there; its disks are not copied and those on rack are deleted.";

  test("the lock file knows where it was", () => {
    expect(before.lock.homes).toEqual({ web1: "rack" });
    expect(before.notes).toEqual([]);
  });

  test("is refused while it has disks to lose, with both ways out", () => {
    expect(told(at("desk"), before.lock)).toEqual([
      `machines.web1.backend: ${note.replace(/\.$/, "")}. If that is meant, add \`allow: [wipe]\` to it until it is done; if not, set \`backend: rack\` again.`,
    ]);
  });

  test("moves with `allow: [wipe]`, and the preview says so", () => {
    const after = planned(at("desk", { allow: ["wipe"] }), before.lock);
    expect(after.notes).toEqual([note]);
    expect(after.lock.homes).toEqual({ web1: "desk" });
    // Once it is done, there is nothing more to say or to allow.
    expect(planned(at("desk"), after.lock).notes).toEqual([]);
  });

  test("keeps its MAC, and is another machine at the new hypervisor", () => {
    const after = planned(at("desk", { allow: ["wipe"] }), before.lock);
    expect(vmOf(after, "web1").nics[0]?.mac).toBe(before.lock.macs?.web1?.["bridge:br0"]);
    expect(vmOf(after, "web1").uuid).not.toBe(
      before.resources.find(({ name }) => name === "web1")?.inputs.uuid,
    );
  });

  test("loses nothing without disks, or with volumes that are kept", () => {
    const diskless = { disks: [], boot: ["network" as const] };
    const first = planned(at("rack", diskless));
    expect(planned(at("desk", diskless), first.lock).notes).toEqual([
      "web1 moves from rack (libvirt) to desk (VirtualBox): it is made anew there.",
    ]);
    const kept = { disks: [{ sizeBytes: 0, volume: "old.qcow2" }] };
    const backends: LabConfig["backends"] = {
      rack: { kind: "libvirt", uri: "qemu:///system", pool: "default" },
      rack2: { kind: "libvirt", uri: "qemu+ssh://root@rack2/system", pool: "default" },
    };
    const old = planned({ ...at("rack", kept), backends });
    expect(told({ ...at("rack2", kept), backends }, old.lock)).toEqual([]);
    expect(told({ ...at("rack2", { disks: [{ sizeBytes: GIB }] }), backends }, old.lock)).toHaveLength(1);
  });

  test("is followed through a rename, and told without a kind when its backend is gone", () => {
    const moved: LabConfig = {
      ...deskLab(),
      backends: { desk: { kind: "virtualbox" } },
      machines: { www: deskMachine({ formerly: "web1" }) },
    };
    expect(told(moved, before.lock)).toEqual([
      expect.stringContaining("www moves from rack to desk (VirtualBox)"),
    ]);
  });

  test("is new without an entry in the lock file", () => {
    const { homes: _, ...lock } = before.lock;
    expect(planned(at("desk"), lock).notes).toEqual([]);
  });
});
