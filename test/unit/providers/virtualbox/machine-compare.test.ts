import { describe, expect, test } from "vitest";
import { changesOf, sentence } from "../../../../providers/core/change";
import type { Attached } from "../../../../providers/virtualbox/chain";
import type { NicFacts, VmFacts } from "../../../../providers/virtualbox/client";
import type { MachineInputs } from "../../../../providers/virtualbox/machine";
import { machineChanges } from "../../../../providers/virtualbox/machine.changes";
import { compare } from "../../../../providers/virtualbox/machine-compare";

const forward = { name: "ssh", protocol: "tcp" as const, hostPort: 2022, guestPort: 22 };
const inputs: MachineInputs = {
  name: "w1",
  uuid: "60c5590f-72ee-4292-8954-5afc28bf63ca",
  backend: "b",
  hostName: "w1",
  osType: "Linux_64",
  cpus: 2,
  memoryMiB: 512,
  firmware: "bios",
  boot: ["hd", "network"],
  disks: [{ medium: "lp-root" }],
  nics: [
    { type: "nat", mac: "52:54:00:00:00:01", ip: "10.0.2.15", forwards: [forward] },
    { type: "hostonly", attachment: "admin", mac: "52:54:00:00:00:02" },
  ],
  sharedFolders: [],
  running: true,
  wait: { for: "none" },
};
const natCard: NicFacts = {
  slot: 1,
  type: "nat",
  mac: "52:54:00:00:00:01",
  model: "virtio",
  cable: true,
  properties: {},
  nat: {
    forwards: [{ ...forward, hostIp: "127.0.0.1", guestIp: "" }],
    tftp: { enabled: false },
    localhostReachable: false,
  },
};
const hostCard: NicFacts = {
  slot: 2,
  type: "hostonly",
  attachment: "vboxnet3",
  mac: "52:54:00:00:00:02",
  model: "virtio",
  cable: true,
  properties: {},
};
const root: Attached = {
  controller: "SATA",
  port: 0,
  device: 0,
  path: "/m/lp-root.vdi",
  medium: "u",
  ours: "lp-root.vdi",
};
const facts: VmFacts = {
  name: "w1",
  uuid: inputs.uuid,
  configFile: "/vms/w1/w1.vbox",
  power: "running",
  poweredAt: "",
  osType: "Linux_64",
  description: "somebody's",
  cpus: 2,
  memoryMiB: 512,
  firmware: "bios",
  boot: ["disk", "net", "none", "none"],
  nics: [natCard, hostCard],
  controllers: [{ name: "SATA", bus: "sata", ports: 30 }],
  attachments: [root],
  sharedFolders: [],
  extraData: {},
};
const context = { interfaces: { admin: "vboxnet3" }, seed: "lp-w1-seed.iso", adopted: false };
const differences = (more: Partial<VmFacts>, attached = [root], wanted: Partial<MachineInputs> = {}) =>
  compare({ ...inputs, ...wanted }, { ...facts, ...more }, attached, context);

describe("a machine that is as the config says", () => {
  test("shows no difference, whatever else VirtualBox has of it", () => {
    expect(differences({})).toEqual({ differences: {}, nics: [], detach: [], attach: [], live: true });
  });

  test("trap virtualbox#44: a way to the host that VirtualBox opened by itself is no drift, one that is wanted is", () => {
    const open = {
      ...natCard,
      nat: { ...natCard.nat, localhostReachable: true } as NicFacts["nat"] & object,
    };
    expect(differences({ nics: [open, hostCard] }).differences).toEqual({});
    const wanting = {
      nics: [{ ...inputs.nics[0], hostReachable: true }, inputs.nics[1]] as MachineInputs["nics"],
    };
    expect(differences({}, [root], wanting).nics).toMatchObject([{ slot: 1, localhostReachable: true }]);
    expect(differences({ nics: [open, hostCard] }, [root], wanting).differences).toEqual({});
  });

  test("trap virtualbox#13, kickstart-pxe#48: the NAT's own TFTP server is compared, which only the settings file tells", () => {
    const tftp = { enabled: true, prefix: "/srv", bootFile: "a.pxe" };
    const card = { ...natCard, nat: { ...natCard.nat, tftp } as NicFacts["nat"] & object };
    expect(differences({ nics: [card, hostCard] }).differences.nics?.[0]?.tftp).toEqual({
      prefix: "/srv",
      bootFile: "a.pxe",
      nextServer: "",
    });
    const wanting = {
      nics: [{ ...inputs.nics[0], tftp: { prefix: "/srv", bootFile: "a.pxe" } }, inputs.nics[1]],
    };
    expect(differences({ nics: [card, hostCard] }, [root], wanting as Partial<MachineInputs>).nics).toEqual(
      [],
    );
  });
});

describe("what differs", () => {
  test("is told as it is, and only that", () => {
    const { differences: found, live } = differences({ cpus: 4, boot: ["floppy", "dvd", "disk", "none"] });
    expect(found).toEqual({ cpus: 4, boot: ["floppy", "cdrom", "hd"] });
    expect(live).toBe(false);
  });

  test("is changed live where it is but a port forward or a cable", () => {
    const other = { ...forward, hostPort: 2023, hostIp: "127.0.0.1", guestIp: "" };
    const nics = [
      { ...natCard, cable: false, nat: { ...natCard.nat, forwards: [other] } as NicFacts["nat"] & object },
      hostCard,
    ];
    const { differences: found, live } = differences({ nics });
    expect(live).toBe(true);
    expect(found.nics?.[0]).toMatchObject({ cable: false, forwards: [{ hostPort: 2023 }], ip: "10.0.2.15" });
    expect(found.nics?.[1]).toBe(inputs.nics[1]);
    expect(differences({ nics: [{ ...natCard, mac: "52:54:00:00:00:09" }, hostCard] }).live).toBe(false);
  });

  test("a card of somebody else's in a machine of ours is taken out; in an adopted one it stays", () => {
    const theirs = { ...hostCard, slot: 5, type: "intnet" as const, attachment: "theirs" };
    const extra = { nics: [natCard, hostCard, theirs] };
    expect(differences(extra).nics).toEqual([{ slot: 5, type: "none" }]);
    expect(differences(extra).differences.nics).toHaveLength(3);
    const kept = compare(inputs, { ...facts, ...extra }, [root], { ...context, adopted: true });
    expect(kept.differences).toEqual({});
  });

  test("a disk in the wrong place, or of somebody else's, is taken out; an empty drive says nothing", () => {
    const wrong = { ...root, port: 4 };
    const empty: Attached = { controller: "SATA", port: 9, device: 0, ours: undefined };
    const moved = differences({}, [wrong, empty]);
    expect(moved.detach).toEqual([wrong]);
    expect(moved.attach).toMatchObject([{ medium: "lp-root", slot: { controller: "SATA", port: 0 } }]);
    const theirs: Attached = { ...root, port: 1, path: "/home/a.vdi", ours: undefined };
    expect(differences({}, [root, theirs]).differences.disks).toEqual([
      { medium: "lp-root" },
      { medium: "/home/a.vdi", bus: "sata" },
    ]);
  });

  test("a seed that is missing, or there unasked, is no disk, and is set right", () => {
    const seeded = differences({}, [root], { cloudInit: {} });
    expect(seeded.differences).toEqual({ intact: false });
    expect(seeded.attach).toMatchObject([{ kind: "dvd", medium: undefined, slot: { port: 1 } }]);
    const seed: Attached = { ...root, port: 1, path: "/m/lp-w1-seed.iso", ours: "lp-w1-seed.iso" };
    expect(differences({}, [root, seed], { cloudInit: {} }).differences).toEqual({});
    expect(differences({}, [root, seed]).differences).toEqual({ intact: false });
  });
});

test("trap virtualbox#49: the preview says which edit of cards needs a restart, and which does not", () => {
  const told = (nics: MachineInputs["nics"]) =>
    changesOf({ changes: machineChanges } as never, { nics: inputs.nics }, { nics }).fields.map(
      (change) => sentence(change).match(/: (live|needs a restart) \(/)?.[1],
    );
  const [first, second] = inputs.nics as [MachineInputs["nics"][number], MachineInputs["nics"][number]];
  expect(told([{ ...first, forwards: [{ ...forward, hostPort: 2024 }] }, second])).toEqual(["live"]);
  expect(told([{ ...first, cable: false }, second])).toEqual(["live"]);
  expect(told([{ ...first, model: "e1000" }, second])).toEqual(["needs a restart"]);
  expect(told([first])).toEqual(["needs a restart"]);
});
