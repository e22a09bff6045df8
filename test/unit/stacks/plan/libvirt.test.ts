import { describe, expect, test } from "vitest";
import type { LibvirtBackend, MachineConfig } from "../../../../stacks/config/types";
import { GIB, inputsOf, KEY, lab, machine, planned, resource, told } from "./lab";

const one = (parts: Partial<MachineConfig>, backend: Partial<LibvirtBackend> = {}) =>
  lab({
    backends: { rack: { kind: "libvirt", uri: "qemu:///system", ...backend } },
    images: {
      rocky9: { path: "images/rocky9.qcow2" },
      installer: { url: "https://example.org/install.ISO?x=1", checksum: `sha256:${"B".repeat(64)}` },
      vmlinuz: { path: "images/vmlinuz" },
      initrd: { path: "images/initrd.gz" },
    },
    machines: { w1: { backend: "rack", ...parts } },
  });

const domain = (parts: Partial<MachineConfig>, backend: Partial<LibvirtBackend> = {}) =>
  inputsOf(planned(one(parts, backend)), "libvirt:Domain", "w1");

const disk = { sizeBytes: 20 * GIB, image: "rocky9" };
const blank = { sizeBytes: 20 * GIB };
const PREFIX = "lp-k3v9q2x7-dev-";

describe("defaults", () => {
  test("a disk is enough", () => {
    const { uuid: _, ...rest } = domain({ disks: [blank] });
    expect(rest).toEqual({
      accel: "auto",
      autostart: false,
      backend: "rack",
      boot: ["hd"],
      cpus: 1,
      disks: [
        {
          bus: "virtio",
          device: "disk",
          format: "qcow2",
          pool: `${PREFIX}rack`,
          volume: `${PREFIX}w1-disk0`,
        },
      ],
      firmware: "bios",
      hostName: "w1",
      memoryMiB: 1024,
      name: "w1",
      nics: [],
      running: true,
      wait: { for: "none" },
    });
  });

  test("what the user says goes before them", () => {
    const said = {
      cpus: 4,
      memoryMiB: 8192,
      firmware: "uefi" as const,
      boot: ["network" as const, "hd" as const],
      running: false,
      autostart: true,
      hostName: "worker-1.lab.example",
      name: "their-vm",
      hostKey: KEY,
      template: "<domain/>",
      adopt: true,
      onDestroy: "delete" as const,
    };
    expect(
      domain({ ...said, disks: [blank], networks: [{ network: "admin" }] }, { accel: "tcg" }),
    ).toMatchObject({
      ...said,
      accel: "tcg",
    });
  });

  test("boots the disk first and the installer's ISO while the disk is blank", () => {
    expect(domain({ disks: [blank], iso: "installer" }).boot).toEqual(["hd", "cdrom"]);
    expect(domain({ iso: "installer" }).boot).toEqual(["cdrom"]);
  });
});

describe("cloud-init", () => {
  test("is on by itself with an image, and not where an ISO installs", () => {
    expect(domain({ disks: [disk] })).toMatchObject({
      cloudInit: { user: "labplan" },
      seedPool: `${PREFIX}rack`,
    });
    expect(domain({ disks: [blank] })).not.toHaveProperty("cloudInit");
    expect(domain({ disks: [disk], iso: "installer" })).not.toHaveProperty("cloudInit");
    expect(domain({ disks: [blank], cloudInit: {} })).toHaveProperty("cloudInit");
  });

  test("passes the user's own data on", () => {
    const cloudInit = {
      user: "ann",
      sshKeys: [KEY],
      userData: { write_files: [{ path: "/etc/x", content: "{{secret:token}}" }] },
      networkConfig: { version: 2 },
    };
    expect(domain({ disks: [disk], cloudInit }).cloudInit).toEqual(cloudInit);
  });
});

describe("waiting", () => {
  const nets = [{ network: "admin" }];
  const keys = { cloudInit: { sshKeys: [KEY] } };

  test("for ssh where somebody can log in at a known address", () => {
    const ssh = { for: "ssh", port: 22, timeoutS: 600 };
    expect(domain({ disks: [disk], networks: nets, ...keys }).wait).toEqual(ssh);
    expect(domain({ disks: [disk], networks: nets }).wait).toEqual({ for: "none" });
    expect(domain({ disks: [disk], ...keys }).wait).toEqual({ for: "none" });
    expect(domain({ disks: [disk], networks: [{ bridge: "br0" }], ...keys }).wait).toEqual({ for: "none" });
    expect(domain({ disks: [disk], networks: [{ bridge: "br0", ip: "192.0.2.7" }], ...keys }).wait).toEqual(
      ssh,
    );
    expect(domain({ disks: [disk], networks: nets, running: false, ...keys }).wait).toEqual({ for: "none" });
    expect(domain({ disks: [blank], networks: nets, ...keys }).wait).toEqual({ for: "none" });
  });

  test("as the user says, with the rest filled in", () => {
    expect(domain({ disks: [disk], networks: nets, wait: { for: "address" } }).wait).toEqual({
      for: "address",
      timeoutS: 600,
    });
    expect(
      domain({ disks: [disk], networks: nets, wait: { for: "ssh", timeoutS: 90, user: "ann", port: 2222 } })
        .wait,
    ).toEqual({ for: "ssh", timeoutS: 90, user: "ann", port: 2222 });
  });

  test("for ssh on a blank disk only in the lab that comes with us, whose machines answer", () => {
    const parts = { disks: [blank], networks: nets, wait: { for: "ssh" as const } };
    expect(told(one(parts))).toEqual([
      expect.stringContaining("machines.w1.wait: it waits for ssh, and nothing on it would answer"),
    ]);
    const embedded = { ...one({ ...parts, ...keys }), backends: { rack: { kind: "embedded" as const } } };
    expect(inputsOf(planned(embedded), "libvirt:Domain", "w1").wait).toMatchObject({ for: "ssh" });
    const { wait: _, ...byItself } = embedded.machines.w1 ?? { backend: "rack" };
    const plan = planned({ ...embedded, machines: { w1: byItself } });
    expect(inputsOf(plan, "libvirt:Domain", "w1").wait).toMatchObject({ for: "ssh" });
  });
});

describe("volumes", () => {
  test("an image is uploaded once to each backend and overlaid by each disk", () => {
    const config = lab({ machines: { w1: machine(), w2: machine() } });
    const plan = planned(config);
    const volumes = plan.resources.filter(({ kind }) => kind === "libvirt:Volume").map(({ name }) => name);
    expect(volumes).toEqual(["rocky9@rack", "w1.disk0", "w2.disk0"]);
    expect(inputsOf(plan, "libvirt:Volume", "rocky9@rack")).toEqual({
      backend: "rack",
      checksum: `sha256:${"a".repeat(64)}`,
      format: "qcow2",
      name: `${PREFIX}rocky9-image`,
      pool: `${PREFIX}rack`,
      source: { path: "images/rocky9.qcow2" },
    });
    expect(inputsOf(plan, "libvirt:Volume", "w1.disk0")).toEqual({
      backend: "rack",
      backing: `${PREFIX}rocky9-image`,
      capacity: 20 * GIB,
      format: "qcow2",
      name: `${PREFIX}w1-disk0`,
      pool: `${PREFIX}rack`,
    });
  });

  test("on two backends it is two volumes", () => {
    const rack = { kind: "libvirt" as const, uri: "qemu:///system" };
    const config = lab({
      backends: { rack, desk: { ...rack, uri: "qemu:///session" } },
      machines: { w1: machine(), w2: machine({ backend: "desk", networks: [] }) },
    });
    const names = planned(config).resources.map(({ kind, name }) => `${kind} ${name}`);
    expect(names).toContain("libvirt:Volume rocky9@rack");
    expect(names).toContain("libvirt:Volume rocky9@desk");
    expect(names).toContain("libvirt:Pool rack");
    expect(names).toContain("libvirt:Pool desk");
  });

  test("an image that nobody uses is not uploaded, and no pool made for networks alone", () => {
    expect(planned(lab()).resources.map(({ kind }) => kind)).toEqual(["libvirt:Network"]);
    const kinds = planned(one({ disks: [], kernel: { kernel: "/boot/vmlinuz" } })).resources.map(
      ({ kind }) => kind,
    );
    expect(kinds).toEqual(["libvirt:Domain", "libvirt:Network"]);
  });

  test("sizes are whole sectors, as qcow2 keeps them", () => {
    const plan = planned(one({ disks: [{ sizeBytes: 1_000_001 }] }));
    expect(inputsOf(plan, "libvirt:Volume", "w1.disk0").capacity).toBe(1_000_448);
  });

  test("an ISO goes into a drive, told by its name", () => {
    const plan = planned(one({ disks: [blank], iso: "installer" }));
    expect(inputsOf(plan, "libvirt:Domain", "w1").disks).toContainEqual({
      bus: "sata",
      device: "cdrom",
      format: "iso",
      pool: `${PREFIX}rack`,
      volume: `${PREFIX}installer-iso`,
    });
    expect(inputsOf(plan, "libvirt:Volume", "installer@rack:iso")).toMatchObject({
      format: "iso",
      source: { url: "https://example.org/install.ISO?x=1" },
      checksum: `sha256:${"b".repeat(64)}`,
    });
  });

  test("a kernel's image becomes a path on the hypervisor, in our own pool", () => {
    const kernel = { kernel: "vmlinuz", initrd: "initrd", cmdline: "console=ttyS0" };
    const plan = planned(one({ kernel }, { poolPath: "/srv/lab/" }));
    expect(inputsOf(plan, "libvirt:Domain", "w1").kernel).toEqual({
      kernel: `/srv/lab/${PREFIX}rack/${PREFIX}vmlinuz-file`,
      initrd: `/srv/lab/${PREFIX}rack/${PREFIX}initrd-file`,
      cmdline: "console=ttyS0",
    });
    expect(inputsOf(plan, "libvirt:Volume", "vmlinuz@rack:file")).toMatchObject({ format: "raw" });
    expect(resource(plan, "libvirt:Domain", "w1").dependsOn).toContain("libvirt:Volume vmlinuz@rack:file");
  });

  test("an existing pool is used and not made; our names in it carry the lab's mark", () => {
    const plan = planned(one({ disks: [disk, { sizeBytes: 0, volume: "data.raw" }] }, { pool: "default" }));
    expect(plan.resources.map(({ kind }) => kind)).not.toContain("libvirt:Pool");
    expect(inputsOf(plan, "libvirt:Volume", "w1.disk0")).toMatchObject({
      pool: "default",
      name: `${PREFIX}w1-disk0`,
    });
    expect(inputsOf(plan, "libvirt:Domain", "w1").disks).toEqual([
      expect.objectContaining({ volume: `${PREFIX}w1-disk0` }),
      { bus: "virtio", device: "disk", format: "raw", pool: "default", volume: "data.raw" },
    ]);
    expect(resource(plan, "libvirt:Volume", "w1.disk0").dependsOn).toEqual(["libvirt:Volume rocky9@rack"]);
  });
});

describe("edges", () => {
  test("a domain stands on its networks, volumes and pool; a disk on its base; all on the pool", () => {
    const plan = planned(lab({ machines: { w1: machine() } }));
    const edges = (kind: string, name: string) => {
      const { dependsOn, recreateWith } = resource(plan, kind, name);
      expect(recreateWith).toEqual(dependsOn);
      return dependsOn;
    };
    expect(edges("libvirt:Domain", "w1")).toEqual([
      "libvirt:Network admin",
      "libvirt:Pool rack",
      "libvirt:Volume w1.disk0",
    ]);
    expect(edges("libvirt:Volume", "w1.disk0")).toEqual(["libvirt:Pool rack", "libvirt:Volume rocky9@rack"]);
    expect(edges("libvirt:Volume", "rocky9@rack")).toEqual(["libvirt:Pool rack"]);
    expect(edges("libvirt:Network", "admin")).toEqual([]);
    expect(plan.resources.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
      "libvirt:Network admin",
      "libvirt:Pool rack",
      "libvirt:Volume rocky9@rack",
      "libvirt:Volume w1.disk0",
      "libvirt:Domain w1",
    ]);
  });

  test("every resource carries its backend's connection data", () => {
    const config = lab({ machines: { w1: machine() } });
    for (const { backend } of planned(config).resources) expect(backend).toEqual(config.backends.rack);
  });
});

describe("what is refused", () => {
  const nets = [{ network: "admin" }];
  const cases: [string, Partial<MachineConfig>, string, string][] = [
    ["half a processor", { disks: [disk], cpus: 0.5 }, "cpus", "cpus 0.5 is not possible"],
    ["more processors than there are", { disks: [disk], cpus: 1000 }, "cpus", "1 to 512"],
    [
      "memory that nothing boots in",
      { disks: [disk], memoryMiB: 32 },
      "memoryMiB",
      "32 MiB of memory is not possible",
    ],
    ["a disk of no size", { disks: [{ sizeBytes: 0 }] }, "disks.0.sizeBytes", "a disk of 0 bytes"],
    [
      "a disk of 100 TiB",
      { disks: [{ sizeBytes: 100 * 2 ** 40 }] },
      "disks.0.sizeBytes",
      "a disk of 100 TiB is not possible",
    ],
    [
      "an image that is not declared",
      { disks: [{ ...blank, image: "roky9" }] },
      "disks.0.image",
      'Did you mean "rocky9"?',
    ],
    [
      "an ISO as a disk",
      { disks: [{ ...blank, image: "installer" }] },
      "disks.0.image",
      "`iso: installer`".replaceAll("`", ""),
    ],
    [
      "a raw overlay",
      { disks: [{ ...disk, format: "raw" }] },
      "disks.0.format",
      "raw disk cannot be an overlay",
    ],
    [
      "a volume without an existing pool",
      { disks: [{ sizeBytes: 0, volume: "x.qcow2" }] },
      "disks.0.volume",
      "must lie in a pool that exists",
    ],
    ["nothing to boot", { networks: nets }, "", "there is nothing to boot"],
    ["network boot without a card", { boot: ["network"] }, "boot", "has no network card"],
    ["CD-ROM boot without an ISO", { disks: [disk], boot: ["hd", "cdrom"] }, "boot", "no ISO is in it"],
    ["disk boot without a disk", { iso: "installer", boot: ["hd", "cdrom"] }, "boot", "has no disk"],
    [
      "a drive with an image that is none",
      { disks: [disk], iso: "instaler" },
      "iso",
      'Did you mean "installer"?',
    ],
    [
      "a kernel that is nowhere",
      { kernel: { kernel: "vmlinux" } },
      "kernel.kernel",
      'no declared image and no absolute path on the hypervisor. Did you mean "vmlinuz"?',
    ],
    [
      "waiting for a machine that is off",
      { disks: [disk], networks: nets, running: false, wait: { for: "ssh" } },
      "wait",
      "`running: false`",
    ],
    ["waiting without a card", { disks: [disk], wait: { for: "address" } }, "wait", "without a network card"],
    [
      "waiting for no time",
      { disks: [disk], networks: nets, wait: { for: "ssh", timeoutS: 0 } },
      "wait.timeoutS",
      "a wait of 0 s",
    ],
    ["a host name with an underscore", { disks: [disk], hostName: "pod_1" }, "hostName", "like pod-1"],
    [
      "a network that is not declared",
      { disks: [disk], networks: [{ network: "admn" }] },
      "networks.0.network",
      'no network "admn" is declared. Did you mean "admin"?',
    ],
    [
      "a card on a network and a bridge",
      { disks: [disk], networks: [{ network: "admin", bridge: "br0" }] },
      "networks.0",
      "exactly one of",
    ],
    ["a card on nothing", { disks: [disk], networks: [{}] }, "networks.0", "exactly one of"],
    [
      "an address that is none",
      { disks: [disk], networks: [{ network: "admin", ip: "10.20.0.5/24" }] },
      "networks.0.ip",
      "without a prefix",
    ],
    [
      "an address elsewhere",
      { disks: [disk], networks: [{ network: "admin", ip: "10.21.0.5" }] },
      "networks.0.ip",
      "is outside 10.20.0.0/24",
    ],
    [
      "the gateway's address",
      { disks: [disk], networks: [{ network: "admin", ip: "10.20.0.1" }] },
      "networks.0.ip",
      "is the gateway",
    ],
    [
      "the broadcast address",
      { disks: [disk], networks: [{ network: "admin", ip: "10.20.0.255" }] },
      "networks.0.ip",
      "is the broadcast address",
    ],
    [
      "the network's own address",
      { disks: [disk], networks: [{ network: "admin", ip: "10.20.0.0" }] },
      "networks.0.ip",
      "is the network's own address",
    ],
    [
      "a multicast MAC",
      { disks: [disk], networks: [{ network: "admin", mac: "01:00:5e:00:00:01" }] },
      "networks.0.mac",
      "multicast",
    ],
    ["a backend that is not declared", { disks: [disk], backend: "rak" }, "backend", 'Did you mean "rack"?'],
  ];
  test.each(cases)("%s", (_, parts, field, message) => {
    const problems = told(one(parts));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.replaceAll("`", "")).toContain(message.replaceAll("`", ""));
    expect(problems[0]?.split(": ")[0]).toBe(["machines", "w1", ...(field ? [field] : [])].join("."));
  });

  test("nothing to boot is no matter while it is off, or where a template brings the drives", () => {
    expect(told(one({ running: false }))).toEqual([]);
    expect(told(one({ template: "<domain/>" }))).toEqual([]);
  });

  test("a kernel by image in a pool whose folder is not known", () => {
    const kernel = { kernel: "vmlinuz", initrd: "/boot/initrd" };
    expect(told(one({ kernel }, { pool: "default" }))).toEqual([
      expect.stringContaining('machines.w1.kernel.kernel: the folder of pool "default" is not known'),
    ]);
    expect(told(one({ kernel: { kernel: "/boot/vmlinuz" } }, { pool: "default" }))).toEqual([]);
  });

  test("an existing volume whose format does not show", () => {
    const config = one({ disks: [{ sizeBytes: 0, volume: "data" }] }, { pool: "default" });
    expect(told(config)).toEqual([expect.stringContaining("machines.w1.disks.0.volume: the format")]);
  });

  test("a pool of one's own and a folder for ours", () => {
    expect(told(one({ disks: [blank] }, { pool: "default", poolPath: "/srv" }))).toEqual([
      expect.stringContaining("backends.rack.poolPath"),
    ]);
  });

  test("a login in an image's url", () => {
    const images = { x: { url: "https://ann:canary@example.org/x.qcow2", checksum: "" } };
    const problems = told(lab({ images }));
    expect(problems).toEqual([expect.stringContaining("images.x.url: the url holds a login")]);
    expect(problems.join()).not.toContain("canary");
  });
});

describe("machines side by side", () => {
  const pair = (a: Partial<MachineConfig>, b: Partial<MachineConfig>) =>
    lab({ machines: { a: machine(a), b: machine(b) } });

  test("have host names of their own, whatever the case", () => {
    expect(told(pair({ hostName: "web" }, { hostName: "WEB" }))).toEqual([
      'machines.b.hostName: the host name "WEB" is that of "a" too. Set another `hostName:`.',
    ]);
  });

  test("and short ones on one network, by which its DHCP server knows them", () => {
    expect(told(pair({ hostName: "web.one" }, { hostName: "web.two" }))).toEqual([
      expect.stringContaining('machines.b.hostName: its host name begins with "web"'),
    ]);
    expect(told(pair({ hostName: "web.one" }, { hostName: "web.two", networks: [] }))).toEqual([]);
  });

  test("have names of their own at the hypervisor", () => {
    expect(told(pair({}, { name: "a" }))).toEqual([
      expect.stringContaining('machines.b.name: machine "a" is called "a" at that hypervisor too'),
    ]);
  });

  test("have MACs of their own, also across backends", () => {
    const mac = "52:54:00:00:00:07";
    const config = pair(
      { networks: [{ network: "admin", mac }] },
      { networks: [{ network: "admin", mac: mac.toUpperCase() }] },
    );
    expect(told(config)).toEqual([
      expect.stringContaining(`machines.b.networks.0.mac: the MAC address ${mac} is that of "a" too`),
    ]);
  });

  test("a given MAC that is another machine's planned one is told where it is given", () => {
    const first = planned(lab({ machines: { b: machine() } }));
    const mac = first.lock.macs?.b?.admin ?? "";
    expect(
      told(
        lab({ machines: { a: machine({ networks: [{ network: "admin", mac }] }), b: machine() } }),
        first.lock,
      ),
    ).toEqual([
      expect.stringContaining(`machines.a.networks.0.mac: the MAC address ${mac} is that of "b" too`),
    ]);
  });

  test("have addresses of their own on a bridge of the host too", () => {
    const on = { networks: [{ bridge: "br0", ip: "192.0.2.7" }] };
    expect(told(pair(on, on))).toEqual([
      expect.stringContaining("machines.b.networks.0.ip: ip 192.0.2.7 on that bridge"),
    ]);
  });

  test("are on networks of their own hypervisor", () => {
    const config = lab({
      backends: { rack: { kind: "embedded" }, desk: { kind: "libvirt", uri: "qemu:///system" } },
      machines: { w1: machine({ backend: "desk" }) },
    });
    expect(told(config)).toEqual([
      expect.stringContaining(
        'machines.w1.networks.0.network: w1 is on backend "desk", its network "admin" on "rack"',
      ),
    ]);
  });

  test("name the network whose bridge they are on", () => {
    const config = lab({
      networks: { admin: { backend: "rack", cidr: "10.20.0.0/24", bridge: "br-admin" } },
      machines: { w1: machine({ networks: [{ bridge: "br-admin" }] }) },
    });
    expect(told(config)).toEqual([expect.stringContaining("Name the network instead: `network: admin`")]);
  });
});

describe("cards", () => {
  test("keep their MAC when the cards are put in another order", () => {
    const nets = {
      admin: { backend: "rack", cidr: "10.20.0.0/24" },
      back: { backend: "rack", cidr: "10.20.1.0/24" },
    };
    const cards = [{ network: "admin" }, { network: "back" }, { bridge: "br0" }];
    const config = lab({ networks: nets, machines: { w1: machine({ networks: cards }) } });
    const turned = lab({ networks: nets, machines: { w1: machine({ networks: [...cards].reverse() }) } });
    const nics = (c: typeof config) => inputsOf(planned(c), "libvirt:Domain", "w1").nics as object[];
    expect(nics(turned)).toEqual(nics(config).reverse());
  });

  test("on a host bridge hold its name, on a network the network's name at the hypervisor", () => {
    const config = lab({
      networks: { admin: { backend: "rack", cidr: "10.20.0.0/24", name: "their-admin" } },
      machines: { w1: machine({ networks: [{ network: "admin", model: "e1000" }, { bridge: "br0" }] }) },
    });
    expect(inputsOf(planned(config), "libvirt:Domain", "w1").nics).toEqual([
      expect.objectContaining({ network: "their-admin", model: "e1000" }),
      { bridge: "br0", mac: expect.any(String), model: "virtio" },
    ]);
  });
});
