import { describe, expect, test } from "vitest";
import type { BuildInputs } from "../../../../providers/boot/build";
import type { InstallConfig, LabConfig } from "../../../../stacks/config/types";
import type { LabPlan } from "../../../../stacks/plan/types";
import { deskLab, deskMachine } from "./desk";
import { GIB, inputsOf, KEY, machine, planned, resource, told } from "./lab";

const MIRROR = "https://dl.example/rocky";
const rocky = (parts: Partial<InstallConfig> = {}): InstallConfig => ({
  backend: "desk",
  family: "rocky",
  release: "9",
  mirror: MIRROR,
  sshKeys: [KEY],
  ...parts,
});
const withInstall = (install: InstallConfig, parts: Partial<LabConfig> = {}): LabConfig =>
  deskLab({ images: { rocky9: { install } }, ...parts });
const buildOf = (plan: LabPlan, name = "rocky9:rocky9-g1"): BuildInputs =>
  inputsOf(plan, "boot:Build", name) as unknown as BuildInputs;

describe("an image that is installed on VirtualBox", () => {
  const result = planned(withInstall(rocky(), { machines: { w1: deskMachine() } }));
  const build = buildOf(result);

  test("is a blank disk of its own, a build on it, and clones of it afterwards", () => {
    expect(inputsOf(result, "virtualbox:Medium", "rocky9@desk:rocky9-g1")).toEqual({
      name: "lp-k3v9q2x7-dev-rocky9-rocky9-g1-image",
      backend: "desk",
      format: "vdi",
      capacity: 20 * GIB,
    });
    expect(resource(result, "boot:Build", "rocky9:rocky9-g1")).toMatchObject({
      dependsOn: ["virtualbox:Medium rocky9@desk:rocky9-g1"],
      recreateWith: ["virtualbox:Medium rocky9@desk:rocky9-g1"],
    });
    expect(resource(result, "virtualbox:Medium", "w1.disk0")).toMatchObject({
      inputs: { parent: "lp-k3v9q2x7-dev-rocky9-rocky9-g1-image", clone: "linked" },
      dependsOn: ["boot:Build rocky9:rocky9-g1", "virtualbox:Medium rocky9@desk:rocky9-g1"],
    });
  });

  test("trap kickstart-pxe#46, virtualbox#45: boots by VirtualBox's own TFTP, and finds the boot server at the host's loopback", () => {
    expect(build).toMatchObject({
      name: "rocky9",
      via: "virtualbox-tftp",
      server: { url: "http://10.0.2.2:8069", bind: "127.0.0.1", httpPort: 8069, tftpPort: 0 },
      generation: 1,
      timeoutS: 5400,
      builder: {
        kind: "virtualbox:Machine",
        inputs: {
          name: "lp-k3v9q2x7-dev-rocky9-builder",
          osType: "RedHat_64",
          cpus: 2,
          memoryMiB: 3072,
          boot: ["hd", "network"],
          disks: [{ medium: "lp-k3v9q2x7-dev-rocky9-rocky9-g1-image", bus: "sata", device: "disk" }],
          nics: [{ type: "nat", mac: build.mac, model: "e1000", hostReachable: true }],
          wait: { for: "none" },
        },
      },
      disk: { kind: "virtualbox:Medium", inputs: { name: "lp-k3v9q2x7-dev-rocky9-rocky9-g1-image" } },
    });
  });

  test("is told by a kickstart that is shown before anything boots, with no secret and no token in it", () => {
    expect(build.installer).toBe("kickstart");
    expect(build.text).toContain("ignoredisk --only-use=sda");
    expect(build.text).toContain(build.mac);
    expect(build.text).toContain(KEY.split(" ")[1]);
    expect(build.text).toContain("rootpw --lock");
    expect(build.text).toContain("{{boot:token}}");
    expect(build.cmdline).toContain("inst.ks={{boot:config}}");
    expect(build.kernel).toEqual({ source: { url: `${MIRROR}/9/BaseOS/x86_64/os/images/pxeboot/vmlinuz` } });
  });

  test("the same config gives the same text, and no fact is new for it", () => {
    expect(buildOf(planned(withInstall(rocky()), result.lock))).toEqual(build);
    expect(planned(withInstall(rocky())).newFacts).toEqual([]);
  });

  test("the builder's MAC is nobody else's, and shared by no other image", () => {
    const two = deskLab({ images: { a: { install: rocky() }, b: { install: rocky() } } });
    const macs = ["a:rocky9-g1", "b:rocky9-g1"].map((name) => buildOf(planned(two), name).mac);
    expect(new Set(macs).size).toBe(2);
    const [mac = ""] = macs;
    const taken = planned({
      ...two,
      machines: { w1: deskMachine({ disks: [{ sizeBytes: GIB }], networks: [{ type: "nat", mac }] }) },
    });
    expect(buildOf(taken, "a:rocky9-g1").mac).not.toBe(mac);
  });
});

describe("an image that is installed on libvirt", () => {
  const networks = { admin: { backend: "rack", cidr: "10.20.0.0/24" } };
  const config = withInstall(
    rocky({ backend: "rack", network: "admin", sizeBytes: 30 * GIB, cpus: 4, memoryMiB: 4096 }),
    {
      backends: { rack: { kind: "libvirt", uri: "qemu:///system", accel: "tcg" } },
      networks,
      machines: { w1: machine({ disks: [{ sizeBytes: 30 * GIB, image: "rocky9" }] }) },
    },
  );
  const result = planned(config);

  test("boots by iPXE from its network, whose DHCP server names the boot server at the gateway", () => {
    expect(buildOf(result)).toMatchObject({
      via: "ipxe",
      server: { url: "http://10.20.0.1:8069", bind: "10.20.0.1" },
      builder: {
        kind: "libvirt:Domain",
        inputs: {
          cpus: 4,
          memoryMiB: 4096,
          accel: "tcg",
          disks: [
            { volume: "lp-k3v9q2x7-dev-rocky9-rocky9-g1-image", pool: "lp-k3v9q2x7-dev-rack", bus: "virtio" },
          ],
          nics: [{ network: "admin", model: "virtio" }],
        },
      },
    });
    expect(inputsOf(result, "libvirt:Network", "admin")).toMatchObject({
      boot: { url: "http://10.20.0.1:8069/boot.ipxe" },
    });
    expect(buildOf(result).text).toContain("ignoredisk --only-use=vda");
  });

  test("is an overlay's base once it is built; a new network is no reason to build it anew", () => {
    expect(resource(result, "libvirt:Volume", "w1.disk0")).toMatchObject({
      inputs: { backing: "lp-k3v9q2x7-dev-rocky9-rocky9-g1-image", format: "qcow2" },
      dependsOn: expect.arrayContaining(["boot:Build rocky9:rocky9-g1"]),
    });
    const build = resource(result, "boot:Build", "rocky9:rocky9-g1");
    expect(build.dependsOn).toContain("libvirt:Network admin");
    expect(build.recreateWith).toEqual(["libvirt:Volume rocky9@rack:rocky9-g1"]);
  });

  test("no other network is told of the boot server", () => {
    const more = planned({
      ...config,
      networks: { ...networks, other: { backend: "rack", cidr: "10.30.0.0/24" } },
    });
    expect(inputsOf(more, "libvirt:Network", "other")).not.toHaveProperty("boot");
  });

  test("trap kickstart-pxe#37: Debian's installer needs the default route that an isolated network's DHCP does not give", () => {
    const on = (parts: Partial<InstallConfig>) =>
      withInstall(rocky({ backend: "rack", network: "admin", ...parts }), {
        backends: { rack: { kind: "libvirt", uri: "qemu:///system" } },
        networks: { admin: { backend: "rack", cidr: "10.20.0.0/24", mode: "isolated", dhcp: true } },
      });
    expect(told(on({ family: "debian", release: "12" }))).toEqual([
      'images.rocky9.install.network: network "admin" is isolated: its DHCP gives no default route, and Debian\'s installer then stops and asks. Name a network of mode nat or routed.',
    ]);
    expect(told(on({}))).toEqual([]);
  });

  test("on another machine's libvirt the boot server's address must be said", () => {
    const far = {
      ...config,
      backends: { rack: { kind: "libvirt" as const, uri: "qemu+ssh://root@rack1.example/system" } },
    };
    expect(told(far)).toEqual([
      "images.rocky9.install: the boot server runs on this machine, and its hypervisor is rack1.example: how it is reached from there is not known. Say which address of this machine it reaches: `labplan:bootServer: { address: … }`.",
    ]);
    const said = planned({ ...far, bootServer: { address: "192.0.2.10", httpPort: 8080, tftpPort: 69 } });
    expect(buildOf(said).server).toEqual({
      url: "http://192.0.2.10:8080",
      bind: "192.0.2.10",
      httpPort: 8080,
      tftpPort: 69,
    });
  });

  test("on a bridge of the host it is that network's DHCP server that must know", () => {
    const office = planned(
      withInstall(rocky({ backend: "rack", network: "office" }), {
        networks: { office: { backend: "rack", bridge: "br0" } },
        bootServer: { address: "192.0.2.10" },
      }),
    );
    expect(office.notes).toEqual([expect.stringContaining("must send iPXE to the boot server's /boot.ipxe")]);
    expect(inputsOf(office, "libvirt:Network", "office")).toMatchObject({ mode: "bridge" });
  });
});

test("in the embedded lab the boot server listens on loopback, whatever it is called inside", () => {
  const config = withInstall(rocky({ backend: "here", network: "admin" }), {
    backends: { here: { kind: "embedded" } },
    networks: { admin: { backend: "here", cidr: "10.20.0.0/24" } },
    bootServer: { address: "192.0.2.10" },
  });
  expect(buildOf(planned(config)).server).toMatchObject({ url: "http://10.20.0.1:8069", bind: "127.0.0.1" });
});

test.each([
  ["debian", "12", "https://deb.example/debian", "preseed", "Debian_64"],
  ["ubuntu", "24.04", "https://releases.example", "autoinstall", "Ubuntu_64"],
  ["alma", "9", "https://repo.example/alma", "kickstart", "RedHat_64"],
  ["centos-stream", "9", "https://mirror.example/centos-stream", "kickstart", "RedHat_64"],
] as const)("%s %s is installed by its own installer", (family, release, mirror, installer, osType) => {
  const result = planned(withInstall(rocky({ family, release, mirror })));
  const build = buildOf(result, `rocky9:${family}${release}-g1`);
  expect(build.installer).toBe(installer);
  expect(build.builder.inputs.osType).toBe(osType);
  expect(build.kernel.source).toEqual({ url: expect.stringContaining(mirror) });
});

describe("a new edition of an image", () => {
  const machines = { w1: deskMachine() };
  const first = planned(withInstall(rocky(), { machines }));
  const second = withInstall(rocky({ generation: 2 }), { machines });

  test("is another disk, beside the one that machines are clones of", () => {
    expect(first.lock.clones).toEqual({ w1: { disk0: "rocky9 rocky9-g1" } });
    const result = planned({ ...second, machines: {} }, first.lock);
    expect(result.resources.map(({ name }) => name)).toEqual(["rocky9@desk:rocky9-g2", "rocky9:rocky9-g2"]);
  });

  test("takes no machine's data: that is refused until the machine allows it", () => {
    expect(told(second, first.lock)).toEqual([
      'machines.w1: disk0 of w1 is a clone of rocky9-g1 of image "rocky9", and would be made anew from rocky9-g2: what was written to it is lost. If that is meant, add `allow: [wipe]` to it until it is done; if not, leave the image as it is, and declare another one for new machines.',
    ]);
    const allowed = { ...second, machines: { w1: deskMachine({ allow: ["wipe"] }) } };
    const result = planned(allowed, first.lock);
    expect(result.notes).toEqual([expect.stringContaining("would be made anew from rocky9-g2")]);
    expect(result.lock.clones).toEqual({ w1: { disk0: "rocky9 rocky9-g2" } });
    expect(planned(second, result.lock).notes).toEqual([]);
  });

  test("is another release as well; new packages alone are none", () => {
    expect(told(withInstall(rocky({ release: "10" }), { machines }), first.lock)).toHaveLength(1);
    const same = planned(withInstall(rocky({ packages: ["vim"] }), { machines }), first.lock);
    expect(buildOf(same).text).toContain("vim");
  });

  test("says nothing of machines that are made of another image now", () => {
    const config = deskLab({
      images: { rocky9: { install: rocky() }, other: { path: "x.qcow2" } },
      machines: { w1: deskMachine({ disks: [{ sizeBytes: 20 * GIB, image: "other" }] }) },
    });
    expect(told(config, first.lock)).toEqual([]);
  });
});

describe("a template of the user's own", () => {
  const own = (template: string, more: Partial<InstallConfig> = {}) =>
    withInstall(rocky({ template, templateFile: "ks/mine.ks", ...more }));
  const GOOD = buildOf(planned(withInstall(rocky()))).text;

  test("is rendered with variables of the user's", () => {
    const text = `${GOOD}\n# for {{ variables.team }} on {{ disk }}\n`;
    expect(buildOf(planned(own(text, { variables: { team: "blue" } }))).text).toContain("# for blue on sda");
  });

  test("is refused at the line where it is wrong, before anything boots", () => {
    const lines = GOOD.split("\n");
    const at = lines.findIndex((line) => line.startsWith("rootpw"));
    const bad = lines.with(at, "rootpw secret").join("\n");
    expect(told(own(bad))).toEqual([
      expect.stringContaining(`images.rocky9.install.template: ks/mine.ks:${at + 1}: `),
    ]);
    expect(told(own(bad)).join()).not.toContain("rootpw secret");
  });

  test("is refused where it uses what it is not given", () => {
    expect(told(own("text\n\nlang {{ langage }}\n"))).toEqual([
      expect.stringMatching(
        /^images\.rocky9\.install\.template: ks\/mine\.ks:3: the template uses "langage"/,
      ),
    ]);
  });
});

test("values that no installer can use are told at the install, also without a template", () => {
  expect(told(withInstall(rocky({ commands: ["echo a\n%end"] })))).toEqual([
    expect.stringContaining("images.rocky9.install: commands[0]: a line that begins with %end"),
  ]);
});

test("a root password stays a name in the planned text", () => {
  const text = buildOf(planned(withInstall(rocky({ rootPassword: { secret: "rootHash" } })))).text;
  expect(text).toContain("rootpw --iscrypted {{secret:rootHash}}");
});

test("files of the installer are the user's where given", () => {
  const checksum = `sha256:${"A".repeat(64)}`;
  const build = buildOf(
    planned(
      withInstall(
        rocky({ kernel: { url: "https://x.example/k", checksum }, initrd: { path: "boot/initrd" } }),
      ),
    ),
  );
  expect(build.kernel).toEqual({ source: { url: "https://x.example/k" }, checksum: checksum.toLowerCase() });
  expect(build.initrd).toEqual({ source: { path: "boot/initrd" } });
});

test("a full copy is made on libvirt as well, and is none of the image's business once it is there", () => {
  const disks = [{ sizeBytes: 20 * GIB, image: "rocky9", clone: "full" as const }];
  const onRack = withInstall(rocky({ backend: "rack", network: "admin" }), {
    backends: { rack: { kind: "libvirt", uri: "qemu:///system" } },
    networks: { admin: { backend: "rack", cidr: "10.20.0.0/24" } },
    machines: { w1: machine({ disks }) },
  });
  const result = planned(onRack);
  const copy = resource(result, "libvirt:Volume", "w1.disk0");
  expect(copy.inputs).toMatchObject({
    format: "qcow2",
    capacity: 20 * GIB,
    copyOf: "lp-k3v9q2x7-dev-rocky9-rocky9-g1-image",
  });
  expect(copy.inputs).not.toHaveProperty("backing");
  expect(copy.dependsOn).toContain("boot:Build rocky9:rocky9-g1");
  expect(copy.recreateWith).toEqual(["libvirt:Pool rack"]);

  const raw = planned({ ...onRack, images: { rocky9: { path: "r.raw" } } });
  expect(inputsOf(raw, "libvirt:Volume", "w1.disk0")).toMatchObject({
    format: "raw",
    copyOf: "lp-k3v9q2x7-dev-rocky9-image",
  });
});
