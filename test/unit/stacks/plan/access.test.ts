import { describe, expect, test } from "vitest";
import type { AccessInputs } from "../../../../providers/ssh/access";
import type { LabConfig, MachineConfig } from "../../../../stacks/config/types";
import { KEY, planned, resource, told } from "./lab";
import { fogImage, guest, host, metalLab } from "./metal";

const accessOf = (config: LabConfig, name: string) => resource(planned(config), "ssh:Access", name);
const inputsOf = (config: LabConfig, name: string) =>
  accessOf(config, name).inputs as unknown as AccessInputs;

describe("who can log in", () => {
  test("to a host: its image's user, by the bastion and key of its FOG server, with a password of its own", () => {
    const backends: LabConfig["backends"] = {
      metal: {
        kind: "fog",
        url: "http://fog.example/fog",
        bastion: "ssh://jump@gate.example:2200",
        bastionHostKey: `${KEY}\n`,
        identityFile: "keys/lab",
      },
    };
    const images = { c7: fogImage({ user: "lab" }) };
    const config = metalLab({ node1: host({ access: { sshKeys: [` ${KEY} `] } }) }, { backends, images });
    expect(inputsOf(config, "node1")).toEqual({
      name: "node1",
      backend: "metal",
      user: "lab",
      login: { user: "lab", identityFile: "keys/lab", via: "jump@gate.example:2200", viaHostKey: KEY },
      authorizedKeys: [KEY],
      exclusive: false,
      password: "generated",
      passwordVersion: 1,
    });
  });

  test("to a virtual machine: its cloud-init's user, by way of its hypervisor", () => {
    const backends: LabConfig["backends"] = {
      rack: { kind: "libvirt", uri: "qemu+ssh://root@rack1.example/system", hostKey: KEY },
    };
    const inside = guest({ networks: [{ network: "lab" }], access: { user: "ann", password: "none" } });
    const networks = { lab: { backend: "rack", cidr: "10.20.0.0/24" } };
    const config = metalLab({ w1: inside }, { backends, networks, images: { base: { path: "b.qcow2" } } });
    expect(inputsOf(config, "w1")).toMatchObject({
      user: "ann",
      login: { user: "labplan", via: "root@rack1.example", viaHostKey: KEY },
      password: "none",
    });
  });

  test("not through another machine of the lab, whose address nobody knows beforehand", () => {
    const backends: LabConfig["backends"] = {
      ...metalLab({}).backends,
      inner: { kind: "libvirt", uri: "qemu+ssh://root@node1/system", machine: "node1" },
    };
    const networks = { lab: { backend: "inner", cidr: "10.20.0.0/24" } };
    const vm = guest({ backend: "inner", networks: [{ network: "lab" }], access: {} });
    expect(told(metalLab({ node1: host(), vm }, { backends, networks }))).toEqual([
      expect.stringContaining('machines.vm.access: it is reached through machine "node1" of this lab'),
    ]);
  });

  test("a password that is not generated has no version, and nobody takes away every key of his own", () => {
    const wish = (access: MachineConfig["access"]) =>
      told(metalLab({ node1: host({ access: access ?? {} }) }));
    expect(wish({ password: { secret: "x" }, passwordVersion: 2 })).toEqual([
      expect.stringContaining("machines.node1.access.passwordVersion"),
    ]);
    expect(wish({ exclusive: true })).toHaveLength(1);
    expect(wish({ exclusive: true, sshKeys: [KEY] })).toEqual([]);
    expect(wish({ exclusive: true, user: "ops" })).toEqual([]);
  });
});

describe("it is on its machine", () => {
  const onOf = (config: LabConfig, name: string) => accessOf(config, name).on;

  test.each([
    [{ do: "image", image: "c7" }, true],
    [{ do: "wipe" }, true],
    [{ do: "poweroff" }, false],
    [{ do: "keep" }, false],
  ] as const)("and goes with a host that is given back by %j: %s", (onRelease, deletedWith) => {
    const config = metalLab({ node1: host({ access: {}, onRelease }) });
    expect(onOf(config, "node1")).toEqual({
      key: "fog:ImagedHost node1",
      deletedWith,
      edition: "http://fog.example/fog node1 c7 1",
    });
    expect(accessOf(config, "node1").dependsOn).toEqual(["fog:ImagedHost node1"]);
  });

  test("which is another one with another image, generation or name", () => {
    const editions = [{}, { image: "rocky" }, { imageGeneration: 2 }, { name: "other" }].map(
      (parts) => onOf(metalLab({ node1: host({ access: {}, ...parts }) }), "node1")?.edition,
    );
    expect(new Set(editions).size).toBe(4);
    const same = [
      { onRelease: { do: "wipe" as const } },
      { address: "192.0.2.9" },
      { imaging: { bootS: 5 } },
    ];
    for (const parts of same)
      expect(onOf(metalLab({ node1: host({ access: {}, ...parts }) }), "node1")?.edition).toBe(editions[0]);
  });

  test("and goes with a virtual machine, unless that stays or has a disk that does", () => {
    const of = (parts: Partial<MachineConfig>) =>
      onOf(metalLab({ w1: guest({ access: {}, ...parts }) }), "w1")?.deletedWith;
    expect(of({})).toBe(true);
    expect(of({ adopt: true })).toBe(false);
    expect(of({ adopt: true, onDestroy: "delete" })).toBe(true);
    const rack = { kind: "libvirt" as const, uri: "qemu:///system", pool: "default" };
    const disks = [{ sizeBytes: 0, volume: "kept.qcow2" }];
    const keeping = metalLab({ w1: guest({ access: {}, disks }) }, { backends: { rack }, images: {} });
    expect(onOf(keeping, "w1")?.deletedWith).toBe(false);
  });
});

describe("a hypervisor that is a machine of the lab", () => {
  const inner = (machine: string, uri = `qemu+ssh://root@${machine}/system`): LabConfig["backends"] => ({
    ...metalLab({}).backends,
    inner: { kind: "libvirt", uri, machine },
  });
  const vm = (): MachineConfig => ({ backend: "inner", disks: [{ sizeBytes: 2 ** 30, image: "base" }] });

  test("everything on it comes after it, and goes with it as it is given back", () => {
    const node1 = host({ onRelease: { do: "wipe" } });
    const networks = { lab: { backend: "inner", cidr: "10.20.0.0/24" } };
    const plan = planned(metalLab({ node1, vm: vm() }, { backends: inner("node1"), networks }));
    const on = plan.resources.filter(({ backend }) => backend.kind === "libvirt");
    expect(on.map(({ kind }) => kind).sort()).toEqual([
      "libvirt:Domain",
      "libvirt:Network",
      "libvirt:Pool",
      "libvirt:Volume",
      "libvirt:Volume",
    ]);
    for (const one of on) {
      expect(one.dependsOn).toContain("fog:ImagedHost node1");
      expect(one.on).toMatchObject({ key: "fog:ImagedHost node1", deletedWith: true });
    }
  });

  test("but what is registered at the boot server here is taken back here", () => {
    const networks = { lab: { backend: "inner", cidr: "10.20.0.0/24" } };
    const calling = { ...vm(), networks: [{ network: "lab" }], wait: { for: "boot" as const } };
    const parts = { backends: inner("node1"), networks, bootServer: { address: "192.0.2.1" } };
    const plan = planned(metalLab({ node1: host({ onRelease: { do: "wipe" } }), vm: calling }, parts));
    expect(resource(plan, "boot:Record", "vm").on).toMatchObject({
      key: "fog:ImagedHost node1",
      deletedWith: false,
    });
  });

  test("nothing else is on it", () => {
    const plan = planned(metalLab({ node1: host(), w1: guest() }, { backends: inner("node1") }));
    expect(plan.resources.filter(({ on }) => on)).toEqual([]);
  });

  test("may be virtual itself, where it is waited for and reached from here", () => {
    const ready = metalLab({ w1: guest(), vm: vm() }, { backends: inner("w1") });
    expect(resource(planned(ready), "libvirt:Domain", "vm").on?.key).toBe("libvirt:Domain w1");
    const blind = metalLab({ w1: guest({ wait: { for: "none" } }), vm: vm() }, { backends: inner("w1") });
    expect(told(blind)).toEqual([
      expect.stringContaining("backends.inner.machine: nothing waits until machine"),
    ]);
    const far = { rack: { kind: "libvirt" as const, uri: "qemu+ssh://root@rack1/system" } };
    const networks = { lab: { backend: "rack", cidr: "10.20.0.0/24" } };
    const hidden = metalLab(
      { w1: guest({ networks: [{ network: "lab" }] }), vm: vm() },
      { backends: { ...inner("w1"), ...far }, networks },
    );
    expect(told(hidden)).toEqual([expect.stringContaining("is reached through root@rack1 alone")]);
  });

  test("cannot be on itself, not even by a way round", () => {
    const backends: LabConfig["backends"] = {
      one: { kind: "libvirt", uri: "qemu+ssh://root@b/system", machine: "b" },
      two: { kind: "libvirt", uri: "qemu+ssh://root@a/system", machine: "a" },
    };
    const config = metalLab(
      { a: guest({ backend: "one" }), b: guest({ backend: "two", networks: [] }) },
      { backends },
    );
    expect(told(config).filter((line) => line.includes("would live on itself"))).toEqual([
      expect.stringContaining('backends.one.machine: machine "b" would live on itself: b → a → b'),
      expect.stringContaining('backends.two.machine: machine "a" would live on itself: a → b → a'),
    ]);
  });

  test("has its own address, port and key, and says nothing else of them", () => {
    const uri = (text: string) => told(metalLab({ node1: host() }, { backends: inner("node1", text) }));
    expect(uri("qemu+ssh://root@node1/system")).toEqual([]);
    expect(uri("qemu+ssh://Root@NODE1/session")).toEqual([]);
    expect(uri("qemu:///system")).toEqual([expect.stringContaining("Write qemu+ssh://root@node1/system")]);
    expect(uri("qemu+ssh://ann@192.0.2.1/system")).toEqual([
      expect.stringContaining("Write qemu+ssh://ann@node1/system"),
    ]);
    expect(uri("qemu+ssh://root@node1:2222/system")).toEqual([
      expect.stringContaining("the port is the machine's own"),
    ]);
    const backends = inner("node1");
    Object.assign(backends.inner ?? {}, { hostKey: KEY });
    expect(told(metalLab({ node1: host() }, { backends }))).toEqual([
      expect.stringContaining('backends.inner.hostKey: the host key is that of machine "node1"'),
    ]);
  });
});
