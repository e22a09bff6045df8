import { describe, expect, test } from "vitest";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { plan } from "../../../../stacks/plan/plan";
import { resourceKey } from "../../../../stacks/plan/types";
import { deskLab, deskMachine, vmOf } from "./desk";
import { GIB, inputsOf, lab, machine, NOW, planned, resource, told } from "./lab";

describe("a machine of VirtualBox by default", () => {
  const result = planned(deskLab({ machines: { w1: deskMachine() } }));

  test("is on VirtualBox's own NAT, with a port of the host for its SSH, and waits for that", () => {
    const { nics, ssh, wait } = vmOf(result, "w1");
    expect(nics).toHaveLength(1);
    expect(nics[0]).toMatchObject({ type: "nat", model: "virtio", cable: true });
    expect(nics[0]?.forwards).toEqual([
      { name: "ssh", protocol: "tcp", hostIp: "127.0.0.1", hostPort: ssh?.port, guestPort: 22 },
    ]);
    expect(ssh?.host).toBe("127.0.0.1");
    expect(ssh?.port).toBeGreaterThanOrEqual(2200);
    expect(ssh?.port).toBeLessThanOrEqual(2999);
    expect(wait).toEqual({ for: "ssh", port: 22, timeoutS: 600 });
  });

  test("has VirtualBox's words for the rest", () => {
    expect(vmOf(result, "w1")).toMatchObject({
      name: "w1",
      hostName: "w1",
      osType: "Linux_64",
      cpus: 1,
      memoryMiB: 1024,
      firmware: "bios",
      boot: ["hd"],
      disks: [{ medium: "lp-k3v9q2x7-dev-w1-disk0", bus: "sata", device: "disk" }],
      sharedFolders: [],
      running: true,
    });
  });

  test("trap virtualbox#48: its MAC is planned, kept in the lock file and the same next time", () => {
    const mac = vmOf(result, "w1").nics[0]?.mac;
    expect(mac).toMatch(/^52:54:00:/);
    expect(result.lock.macs).toEqual({ w1: { "type:nat": mac } });
    expect(planned(deskLab({ machines: { w1: deskMachine() } }), result.lock).newFacts).toEqual([]);
  });

  test("`networks: []` is a machine without a card", () => {
    const without = planned(deskLab({ machines: { w1: deskMachine({ networks: [] }) } }));
    expect(vmOf(without, "w1").nics).toEqual([]);
    expect(vmOf(without, "w1")).not.toHaveProperty("ssh");
  });

  test("the embedded VirtualBox is a host of that name; an embedded backend is the embedded libvirt", () => {
    const both = planned(
      deskLab({
        backends: { desk: { kind: "virtualbox", host: "embedded:" }, here: { kind: "embedded" } },
        machines: { w1: deskMachine(), w2: machine({ backend: "here", networks: [] }) },
      }),
    );
    expect(vmOf(both, "w1").ssh?.host).toBe("127.0.0.1");
    expect(resource(both, "libvirt:Domain", "w2").backend).toEqual({ kind: "embedded" });
  });
});

describe("one schema: another backend is another resource, and the same machine", () => {
  const onRack = planned(lab({ machines: { w1: machine({ cpus: 3, memoryMiB: 2048 }) } }));
  const onDesk = planned(
    lab({
      backends: { rack: { kind: "virtualbox" } },
      machines: { w1: machine({ cpus: 3, memoryMiB: 2048 }) },
    }),
  );

  test("what both have is the same", () => {
    const domain = inputsOf(onRack, "libvirt:Domain", "w1");
    const vm = inputsOf(onDesk, "virtualbox:Machine", "w1");
    for (const field of ["name", "hostName", "cpus", "memoryMiB", "firmware", "cloudInit", "running", "wait"])
      expect(vm[field]).toEqual(domain[field]);
    expect(onDesk.resources.map(({ kind }) => kind).sort()).toEqual([
      "virtualbox:Machine",
      "virtualbox:Medium",
      "virtualbox:Medium",
      "virtualbox:Network",
    ]);
  });

  test("it keeps its MAC when it moves with its network", () => {
    const mac = (kind: string, result: typeof onRack) =>
      (inputsOf(result, kind, "w1").nics as { mac: string }[])[0]?.mac;
    expect(mac("virtualbox:Machine", onDesk)).toBe(mac("libvirt:Domain", onRack));
  });
});

describe("cards", () => {
  const networks = {
    lab: { backend: "desk", cidr: "10.77.0.0/24" },
    back: { backend: "desk", mode: "isolated" as const, cidr: "10.78.0.0/24" },
    control: { backend: "desk", mode: "hostonly" as const, cidr: "192.168.57.0/24" },
    office: { backend: "desk", bridge: "eth0" },
  };
  const cardsOf = (cards: NonNullable<ReturnType<typeof deskMachine>["networks"]>) =>
    vmOf(planned(deskLab({ networks, machines: { w1: deskMachine({ networks: cards }) } })), "w1").nics;

  test("on declared networks: NAT network, internal, host-only and bridged", () => {
    const cards = cardsOf([
      { network: "lab" },
      { network: "back" },
      { network: "control" },
      { network: "office", ip: "192.0.2.5" },
      { bridge: "en0: Wi-Fi" },
    ]);
    expect(cards.map(({ type, attachment, ip }) => [type, attachment, ip])).toEqual([
      ["natnetwork", "lab", "10.77.0.4"],
      ["intnet", "lp-k3v9q2x7-dev-back", undefined],
      ["hostonly", "lp-k3v9q2x7-dev-control", "192.168.57.3"],
      ["bridged", "eth0", "192.0.2.5"],
      ["bridged", "en0: Wi-Fi", undefined],
    ]);
  });

  test("of every type, on networks that are not declared", () => {
    const cards = cardsOf([
      { type: "nat" },
      { type: "intnet", attachment: "theirs", cable: false },
      { type: "hostonly", attachment: "vboxnet3", ip: "192.168.56.7" },
      { type: "natnetwork", attachment: "NatNetwork" },
      { type: "generic", attachment: "UDPTunnel", properties: { dport: "10001" }, model: "e1000" },
      { type: "none" },
    ]);
    expect(cards.map(({ type, attachment }) => [type, attachment])).toEqual([
      ["nat", undefined],
      ["intnet", "theirs"],
      ["hostonly", "vboxnet3"],
      ["natnetwork", "NatNetwork"],
      ["generic", "UDPTunnel"],
      ["none", undefined],
    ]);
    expect(cards[1]).toMatchObject({ cable: false });
    expect(cards[4]).toMatchObject({ properties: { dport: "10001" }, model: "e1000" });
    expect(new Set(cards.map(({ mac }) => mac)).size).toBe(6);
  });

  test("keep their MAC when they are put in another order", () => {
    const cards = [{ type: "nat" as const }, { network: "lab" }, { type: "none" as const }];
    const macs = (list: { mac: string }[]) => list.map(({ mac }) => mac).sort();
    expect(macs(cardsOf([...cards].reverse()))).toEqual(macs(cardsOf(cards)));
  });

  test("trap virtualbox#20: the same MAC in two machines, on whatever hypervisor, is refused", () => {
    const mac = "52:54:00:aa:bb:cc";
    const config = deskLab({
      machines: {
        w1: deskMachine({ networks: [{ type: "nat", mac }] }),
        w2: machine({ networks: [{ bridge: "br0", mac }] }),
        w3: deskMachine({ networks: [{ type: "nat", mac: "53:54:00:00:00:01" }] }),
      },
    });
    expect(told(config)).toEqual([
      expect.stringContaining(
        'machines.w3.networks.0.mac: MAC address "53:54:00:00:00:01": its first pair 53 marks a multicast',
      ),
      expect.stringContaining(`machines.w2.networks.0.mac: the MAC address ${mac} is that of "w1" too`),
    ]);
  });
});

describe("networks", () => {
  const networkOf = (config: Parameters<typeof deskLab>[0], name: string) =>
    inputsOf(planned(deskLab(config)), "virtualbox:Network", name);

  test("nat is a NAT network; its DHCP server and the host are where VirtualBox has them", () => {
    const machines = { w1: deskMachine({ networks: [{ network: "lab" }] }) };
    const result = planned(
      deskLab({ networks: { lab: { backend: "desk", cidr: "10.77.0.0/24" } }, machines }),
    );
    const { port = 0 } = vmOf(result, "w1").ssh ?? {};
    const mac = vmOf(result, "w1").nics[0]?.mac ?? "";
    expect(inputsOf(result, "virtualbox:Network", "lab")).toEqual({
      name: "lab",
      backend: "desk",
      type: "natnetwork",
      cidr: "10.77.0.0/24",
      gateway: "10.77.0.1",
      dhcp: {
        server: "10.77.0.3",
        from: "10.77.0.128",
        to: "10.77.0.254",
        hosts: [{ mac, ip: "10.77.0.4", name: "w1" }],
      },
      forwards: [
        {
          name: "w1-ssh",
          protocol: "tcp",
          hostIp: "127.0.0.1",
          hostPort: port,
          guestPort: 22,
          guestIp: "10.77.0.4",
        },
      ],
    });
    // The card itself has none: its network forwards.
    expect(vmOf(result, "w1").nics[0]).not.toHaveProperty("forwards");
  });

  test("an internal network is but a name, of this lab alone; with DHCP there is a server to make", () => {
    const without = planned(
      deskLab({ networks: { back: { backend: "desk", mode: "isolated", cidr: "10.78.0.0/24" } } }),
    );
    expect(without.resources).toEqual([]);
    const back = { backend: "desk", mode: "isolated" as const, cidr: "10.78.0.0/24", dhcp: true };
    expect(networkOf({ networks: { back } }, "back")).toMatchObject({
      name: "lp-k3v9q2x7-dev-back",
      type: "intnet",
      dhcp: { server: "10.78.0.2", from: "10.78.0.128", to: "10.78.0.254", hosts: [] },
    });
    expect(networkOf({ networks: { back: { ...back, name: "wires" } } }, "back")).toMatchObject({
      name: "wires",
    });
  });

  test("a network of the host's own is not made", () => {
    expect(planned(deskLab({ networks: { office: { backend: "desk", bridge: "eth0" } } })).resources).toEqual(
      [],
    );
  });

  test("a host-only network without a cidr is put where VirtualBox lets it be; elsewhere is warned of", () => {
    const result = planned(deskLab({ networks: { control: { backend: "desk", mode: "hostonly" } } }));
    expect(result.lock.cidrs.control).toMatch(/^192\.168\.(5[6-9]|6[0-3])\.0\/24$/);
    expect(result.notes).toEqual([]);
    const outside = planned(
      deskLab({ networks: { control: { backend: "desk", mode: "hostonly", cidr: "10.9.0.0/24" } } }),
    );
    expect(outside.notes).toEqual([
      expect.stringContaining("/etc/vbox/networks.conf of its host allows 10.9.0.0/24"),
    ]);
  });

  test("no machine gets an address that VirtualBox takes, not even by an old lock file", () => {
    const config = deskLab({
      networks: { lab: { backend: "desk", cidr: "10.77.0.0/29" } },
      machines: { w1: deskMachine({ networks: [{ network: "lab" }] }) },
    });
    const lock = { ...emptyLock(), addresses: { lab: { w1: "10.77.0.2" } } };
    expect(vmOf(planned(config, lock), "w1").nics[0]?.ip).toBe("10.77.0.4");
    expect(told(deskLab({ networks: { lab: { backend: "desk", cidr: "10.77.0.0/30" } } }))).toEqual([
      expect.stringContaining("a /30 has no room for VirtualBox's own addresses"),
    ]);
    const range = { from: "10.77.0.2", to: "10.77.0.5" };
    expect(
      told(deskLab({ networks: { lab: { backend: "desk", cidr: "10.77.0.0/29", dhcp: range } } })),
    ).toEqual([expect.stringContaining("holds 10.77.0.2, which VirtualBox keeps for itself")]);
  });

  test("a static address goes into the guest where nobody serves it", () => {
    const result = planned(
      deskLab({
        networks: { back: { backend: "desk", mode: "isolated", cidr: "10.78.0.0/24" } },
        machines: { w1: deskMachine({ networks: [{ type: "nat" }, { network: "back", ip: "10.78.0.9" }] }) },
      }),
    );
    expect(vmOf(result, "w1").cloudInit?.networkConfig).toMatchObject({
      ethernets: { nic0: { dhcp4: true }, nic1: { addresses: ["10.78.0.9/24"] } },
    });
  });
});

describe("media", () => {
  const disksOf = (config: ReturnType<typeof deskMachine>) => {
    const result = planned(deskLab({ machines: { w1: config } }));
    return result.resources.filter(({ kind }) => kind === "virtualbox:Medium");
  };

  test("an image is made once and cloned: linked by default, or in full", () => {
    const [image, linked, full] = disksOf(
      deskMachine({
        disks: [
          { sizeBytes: 20 * GIB, image: "rocky9" },
          { sizeBytes: 30 * GIB + 1, image: "rocky9", clone: "full", bus: "virtio" },
        ],
      }),
    );
    expect(image).toMatchObject({
      name: "rocky9@desk",
      inputs: {
        name: "lp-k3v9q2x7-dev-rocky9-image",
        format: "vdi",
        source: { path: "images/rocky9.qcow2" },
        checksum: `sha256:${"a".repeat(64)}`,
      },
    });
    expect(linked).toMatchObject({
      name: "w1.disk0",
      inputs: { capacity: 20 * GIB, parent: "lp-k3v9q2x7-dev-rocky9-image", clone: "linked" },
      dependsOn: ["virtualbox:Medium rocky9@desk"],
      recreateWith: ["virtualbox:Medium rocky9@desk"],
    });
    // Whole MiB; and none of the image's business once it is copied: another image loses nothing of it.
    expect(full).toMatchObject({
      inputs: { capacity: 30 * GIB + 2 ** 20, clone: "full" },
      dependsOn: ["virtualbox:Medium rocky9@desk"],
      recreateWith: [],
    });
  });

  test("a disk without an image is blank; an ISO goes into a drive", () => {
    const result = planned(
      deskLab({
        images: { installer: { path: "installer.iso" } },
        machines: { w1: deskMachine({ disks: [{ sizeBytes: GIB }], iso: "installer", networks: [] }) },
      }),
    );
    expect(inputsOf(result, "virtualbox:Medium", "w1.disk0")).toEqual({
      name: "lp-k3v9q2x7-dev-w1-disk0",
      backend: "desk",
      format: "vdi",
      capacity: GIB,
    });
    expect(vmOf(result, "w1")).toMatchObject({
      boot: ["hd", "cdrom"],
      disks: [{ device: "disk" }, { medium: "lp-k3v9q2x7-dev-installer-iso", device: "dvd", bus: "sata" }],
    });
  });

  test("trap virtualbox#25: no medium lies under the machine's name, so that a rename moves none", () => {
    const before = planned(deskLab({ machines: { w1: deskMachine() } }));
    const after = planned(
      deskLab({ machines: { web1: deskMachine({ formerly: "w1", name: "front" }) } }),
      before.lock,
    );
    expect(inputsOf(after, "virtualbox:Medium", "web1.disk0")).toEqual(
      inputsOf(before, "virtualbox:Medium", "w1.disk0"),
    );
    expect(vmOf(after, "web1")).toMatchObject({ name: "front", uuid: vmOf(before, "w1").uuid });
  });
});

describe("what only VirtualBox has", () => {
  test("snapshots are resources, each after the one before it, and anew with the machine", () => {
    const result = planned(
      deskLab({
        machines: {
          w1: deskMachine({
            snapshots: [{ name: "clean" }, { name: "tested", description: "ok", restore: 2 }],
          }),
        },
      }),
    );
    const { uuid } = vmOf(result, "w1");
    expect(resource(result, "virtualbox:Snapshot", "w1@tested")).toMatchObject({
      inputs: {
        name: "tested",
        backend: "desk",
        machine: "w1",
        machineUuid: uuid,
        description: "ok",
        restore: 2,
      },
      dependsOn: ["virtualbox:Machine w1", "virtualbox:Snapshot w1@clean"],
      recreateWith: ["virtualbox:Machine w1"],
    });
    expect(inputsOf(result, "virtualbox:Snapshot", "w1@clean")).toMatchObject({
      description: "",
      restore: 0,
    });
  });

  test("trap virtualbox#54: the guest type is the user's; shared folders are passed on", () => {
    const folder = { name: "src", path: "/srv/src", readOnly: true };
    const result = planned(
      deskLab({ machines: { w1: deskMachine({ osType: "RedHat_64", sharedFolders: [folder] }) } }),
    );
    expect(vmOf(result, "w1")).toMatchObject({ osType: "RedHat_64", sharedFolders: [folder] });
  });

  test("a machine stands on its disks and networks, and goes with them", () => {
    const result = planned(
      deskLab({
        networks: { lab: { backend: "desk" }, back: { backend: "desk", mode: "isolated" } },
        machines: { w1: deskMachine({ networks: [{ network: "lab" }, { network: "back" }] }) },
      }),
    );
    const needs = [resourceKey("virtualbox:Medium", "w1.disk0"), resourceKey("virtualbox:Network", "lab")];
    expect(resource(result, "virtualbox:Machine", "w1")).toMatchObject({
      dependsOn: needs,
      recreateWith: needs,
    });
  });
});

describe("fields of the other hypervisor", () => {
  test("are refused, each with its reason and the way out, all at once", () => {
    const config = deskLab({
      machines: {
        w1: machine({
          networks: [{ type: "nat", forwards: [{ protocol: "tcp", hostPort: 1, guestPort: 1 }] }],
          disks: [{ sizeBytes: GIB, bus: "nvme" }],
          snapshots: [{ name: "a" }],
        }),
        w2: deskMachine({ template: "<x/>", kernel: { kernel: "/k" }, autostart: true }),
      },
    });
    const places = plan(config, emptyLock(), NOW).problems.map(({ path }) => path.join("."));
    expect(places.sort()).toEqual([
      "machines.w1.disks.0.bus",
      "machines.w1.networks.0.type",
      "machines.w1.snapshots",
      "machines.w2.autostart",
      "machines.w2.kernel",
      "machines.w2.template",
    ]);
  });

  test("an empty list of them is none", () => {
    expect(told(lab({ machines: { w1: machine({ snapshots: [], sharedFolders: [] }) } }))).toEqual([]);
  });
});
