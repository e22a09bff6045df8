import { describe, expect, test } from "vitest";
import type { CaptureInputs } from "../../../../providers/fog/capture";
import type { ImagedHostInputs } from "../../../../providers/fog/imaged-host";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import type { LabPlan, Lock } from "../../../../stacks/plan/types";
import { planned, resource, told } from "./lab";
import { BMC, fogImage, guest, host, metalLab } from "./metal";

const imaged = (plan: LabPlan, name = "node1") =>
  resource(plan, "fog:ImagedHost", name).inputs as unknown as ImagedHostInputs;
const kindsOf = ({ resources }: LabPlan) => resources.map(({ kind, name }) => `${kind} ${name}`);
const knowing = (homes: Lock["homes"]): Lock => ({ ...emptyLock(), homes: homes ?? {} });

describe("a host that the server has", () => {
  test("is imaged, and its record and its image are left alone", () => {
    const plan = planned(metalLab({ node1: host() }));
    expect(kindsOf(plan)).toEqual(["fog:ImagedHost node1"]);
    expect(imaged(plan)).toMatchObject({
      name: "node1",
      image: "c7",
      generation: 1,
      user: "root",
      power: BMC,
      onRelease: "keep",
      imaging: { queuedS: 600, stallS: 600, totalS: 7200, bootS: 900 },
    });
  });

  test("trap seeds#16: is found by the LaaS inventory's resource id, or told not to be there in the preview", () => {
    const backends = {
      metal: { kind: "fog" as const, url: "http://fog.example/fog", inventory: { "50": "Pod1-Node1" } },
    };
    const plan = planned(metalLab({ node1: host({ resource: "50" }) }, { backends }));
    expect(imaged(plan).name).toBe("Pod1-Node1");
    expect(told(metalLab({ node1: host({ resource: "50", name: "x" }) }, { backends }))).toEqual([
      expect.stringContaining("machines.node1.resource: a host has a `name` or is a `resource`"),
    ]);
    expect(told(metalLab({ node1: host({ resource: "51" }) }, { backends }))).toEqual([
      expect.stringContaining('the inventory of its backend has no resource "51". Did you mean "50"?'),
    ]);
    expect(told(metalLab({ node1: host({ resource: "50" }) }))).toEqual([
      expect.stringContaining('its backend has no inventory. Add it there, like `inventory: { "50": '),
    ]);
  });

  test("is proved by what its image says, as its image's user, with its own key before the image's", () => {
    const image = fogImage({
      user: "lab",
      hostKey: "ssh-ed25519 AAAAimage",
      osRelease: { ID: "rocky" },
      marker: { path: "/etc/image", text: "c7" },
    });
    const images = { c7: image };
    expect(imaged(planned(metalLab({ node1: host() }, { images })))).toMatchObject({
      user: "lab",
      hostKeys: ["ssh-ed25519 AAAAimage"],
      proof: { osRelease: { ID: "rocky" }, marker: { path: "/etc/image", text: "c7" } },
    });
    const own = planned(metalLab({ node1: host({ hostKey: " ssh-ed25519 AAAAhost " }) }, { images }));
    expect(imaged(own).hostKeys).toEqual(["ssh-ed25519 AAAAhost"]);
  });

  test("tells its host key to the boot server where one is reached", () => {
    expect(imaged(planned(metalLab({ node1: host() })))).not.toHaveProperty("callback");
    const bootServer = { address: "192.0.2.1", httpPort: 8070 };
    expect(imaged(planned(metalLab({ node1: host() }, { bootServer }))).callback).toEqual({
      url: "http://192.0.2.1:8070",
      address: "192.0.2.1",
      httpPort: 8070,
    });
  });
});

describe("trap fog#9: a name that FOG would cut off, or not find again, is refused before anything is sent", () => {
  test.each([
    ["sixteen-letters-x", "has 17 characters, and FOG can work with 15"],
    ["two words", "no spaces"],
    ["a_api", "_api"],
    ["pod/1", "no host name for FOG"],
  ])("%s", (name, message) => {
    expect(told(metalLab({ node1: host({ name }) }))).toEqual([expect.stringContaining(message)]);
  });

  test("trap seeds#15: a host that is registered is not called like the number of one", () => {
    const registered = host({ name: "12", macs: ["52:54:00:aa:00:01"] });
    expect(told(metalLab({ node1: registered }))).toEqual([expect.stringContaining("the number of a host")]);
  });

  test.each([
    ["Node1", "capitals"],
    ["node.1", "letters, digits and inner dashes only"],
  ])("%s, where it is registered; a host that is called so is taken as it is", (name, message) => {
    const registered = host({ name, macs: ["52:54:00:aa:00:01"] });
    expect(told(metalLab({ node1: registered }))).toEqual([expect.stringContaining(message)]);
    expect(told(metalLab({ node1: host({ name }) }))).toEqual([]);
  });

  test("fifteen characters are not too many", () => {
    expect(told(metalLab({ node1: host({ name: "fifteen-letters", macs: ["52:54:00:aa:00:01"] }) }))).toEqual(
      [],
    );
  });

  test("names differ by more than their case", () => {
    expect(
      told(metalLab({ node1: host(), other: host({ name: "NODE1", power: { kind: "none" } }) })),
    ).toEqual([
      expect.stringMatching(/machines.other.name: host "NODE1" of that FOG server is "node1" already/),
    ]);
  });
});

describe("records", () => {
  test("a host with MACs is registered, and imaged after that; gone the other way round", () => {
    const plan = planned(metalLab({ node1: host({ macs: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"] }) }));
    expect(kindsOf(plan)).toEqual(["fog:Host node1", "fog:ImagedHost node1"]);
    expect(resource(plan, "fog:Host", "node1").inputs).toEqual({
      backend: "metal",
      name: "node1",
      macs: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"],
    });
    expect(imaged(plan).mac).toBe("52:54:00:aa:00:01");
    expect(resource(plan, "fog:ImagedHost", "node1")).toMatchObject({
      dependsOn: ["fog:Host node1"],
      recreateWith: ["fog:Host node1"],
    });
  });

  test("a host without an image is registered and nothing more", () => {
    const only = { backend: "metal", macs: ["52:54:00:aa:00:01"] };
    expect(kindsOf(planned(metalLab({ node1: only })))).toEqual(["fog:Host node1"]);
    expect(told(metalLab({ node1: { ...only, onRelease: { do: "wipe" } } }))).toEqual([
      expect.stringContaining("machines.node1.onRelease: onRelease is of a host that is imaged"),
    ]);
  });

  test("an image is registered by its folder, adopted when said so, and used as it is otherwise", () => {
    const images = {
      c7: fogImage(),
      mine: fogImage({ path: "mine", osId: 9 }),
      theirs: fogImage({ adopt: true }),
    };
    const plan = planned(metalLab({}, { images }));
    expect(kindsOf(plan)).toEqual(["fog:Image mine", "fog:Image theirs"]);
    expect(resource(plan, "fog:Image", "mine").inputs).toEqual({
      backend: "metal",
      name: "mine",
      path: "mine",
      osId: 9,
    });
    expect(resource(plan, "fog:Image", "theirs").inputs).toEqual({
      backend: "metal",
      name: "theirs",
      adopt: true,
    });
  });

  test("a renamed image keeps its name in the server, and its mark, also when `formerly` is gone", () => {
    const renamed = (formerly: object) =>
      metalLab({}, { images: { gold: fogImage({ path: "c7", ...formerly }) } });
    const first = planned(renamed({ formerly: "c7" }));
    expect(resource(first, "fog:Image", "gold")).toMatchObject({
      formerNames: ["c7"],
      markName: "c7",
      inputs: { name: "c7" },
    });
    const later = planned(renamed({}), first.lock);
    expect(resource(later, "fog:Image", "gold")).toMatchObject({ markName: "c7", inputs: { name: "c7" } });
    const both = metalLab({}, { images: { gold: fogImage({ formerly: "c7" }), c7: fogImage() } });
    expect(told(both)).toEqual([expect.stringContaining('images.gold.fog.formerly: formerly "c7"')]);
  });

  test("a renamed host is still the host that it was", () => {
    const first = planned(metalLab({ node1: host() }));
    const renamed = host({ formerly: "node1", allow: [] });
    const then = planned(metalLab({ worker: renamed }), first.lock);
    expect(imaged(then, "worker").name).toBe("node1");
    expect(resource(then, "fog:ImagedHost", "worker")).toMatchObject({ formerNames: ["node1"] });
  });
});

describe("a host that is new to the stack", () => {
  test("is not imaged before its owner says so", () => {
    const wish = (parts: object) => metalLab({ node1: host({ allow: [], ...parts }) });
    expect(told(wish({}))).toEqual([
      expect.stringMatching(/^machines.node1: it is new here: image "c7" would be put on host "node1"/),
    ]);
    expect(told(wish({ allow: ["wipe"] }))).toEqual([]);
    expect(told(wish({ adopt: true }))).toEqual([]);
  });

  test("is not new when the lock file knows it there, and new again on another server", () => {
    const config = metalLab({ node1: host({ allow: [] }) });
    expect(told(config, knowing({ node1: "metal" }))).toEqual([]);
    expect(told(config, knowing({ node1: "rack" }))).toHaveLength(1);
    expect(planned(metalLab({ node1: host() }), knowing({ node1: "rack" })).notes).toEqual([
      "node1 moves from rack (libvirt) to metal (FOG): what was there is given up, and nothing of it is copied.",
      "node1: on release: left running, with what is on it.",
    ]);
  });

  test("that was a virtual machine's becomes one again only with `allow`", () => {
    const config = (allow: "wipe"[]) => metalLab({ node1: guest({ allow }) });
    expect(told(config([]), knowing({ node1: "metal" }))).toEqual([
      expect.stringContaining("the host is given back as its `onRelease` said"),
    ]);
    expect(told(config(["wipe"]), knowing({ node1: "metal" }))).toEqual([]);
  });
});

describe("the end", () => {
  test.each([
    [{ do: "image", image: "rocky" }, "image:rocky-9", "image rocky"],
    [{ do: "wipe" }, "wipe", "its disks are wiped"],
    [{ do: "poweroff" }, "poweroff", "switched off, with what is on it"],
    [{ do: "keep" }, "keep", "left running, with what is on it"],
  ] as const)("%j is planned, and said of a new host", (onRelease, text, words) => {
    const images = { c7: fogImage(), rocky: fogImage({ name: "rocky-9" }) };
    const config = metalLab({ node1: host({ onRelease }) }, { images });
    const plan = planned(config);
    expect(imaged(plan).onRelease).toBe(text);
    expect(plan.notes).toEqual([`node1: on release: ${words}.`]);
    expect(planned(config, plan.lock).notes).toEqual([]);
  });

  test("the image that it is given back with outlives it", () => {
    const images = { c7: fogImage(), clean: fogImage({ path: "clean" }) };
    const plan = planned(
      metalLab({ node1: host({ onRelease: { do: "image", image: "clean" } }) }, { images }),
    );
    expect(resource(plan, "fog:ImagedHost", "node1").dependsOn).toEqual(["fog:Image clean"]);
  });
});

describe("trap seeds#10: whoever is on a host cannot keep it, so how it is switched must be said", () => {
  test("FOG switches nothing", () => {
    const { power: _, ...without } = host();
    expect(told(metalLab({ node1: without }))).toEqual([
      expect.stringContaining(
        "machines.node1: FOG switches nothing, and how this host is switched is not said",
      ),
    ]);
  });

  test("hosts of the embedded server have a BMC", () => {
    const backends = { metal: { kind: "fog" as const, url: "embedded:" } };
    const { power: _, ...without } = host();
    const plan = planned(metalLab({ node1: without }, { backends }));
    expect(imaged(plan).power).toEqual({ kind: "redfish", url: "embedded:" });
    const real = metalLab({ node1: host({ power: { kind: "redfish", url: "embedded:" } }) });
    expect(told(real)).toEqual([expect.stringContaining("the embedded BMC is of the embedded FOG server")]);
  });

  test("a hypervisor that plays the BMC is kept with it, as it is reached", () => {
    const plan = planned(
      metalLab({ node1: host({ power: { kind: "libvirt", backend: "rack", domain: "d1" } }) }),
    );
    expect(imaged(plan).power).toEqual({
      kind: "libvirt",
      backend: { kind: "libvirt", uri: "qemu:///system" },
      domain: "d1",
    });
    const wrong = host({ power: { kind: "virtualbox", backend: "rack", machine: "d1" } });
    expect(told(metalLab({ node1: wrong }))).toEqual([
      expect.stringContaining('machines.node1.power.backend: backend "rack" is of kind libvirt'),
    ]);
  });

  test("a declared virtual machine that plays the host is there first, and has the same card", () => {
    const mac = "52:54:00:aa:00:01";
    const player = guest({ networks: [{ bridge: "br0", mac }], cloudInit: {}, wait: { for: "none" } });
    const played = host({ macs: [mac], power: { kind: "libvirt", backend: "rack", domain: "player" } });
    const plan = planned(metalLab({ node1: played, player }));
    expect(resource(plan, "fog:ImagedHost", "node1").recreateWith).toContain("libvirt:Domain player");
    expect(told(metalLab({ node1: host({ macs: [mac] }), player }))).toEqual([
      expect.stringContaining(
        'machines.node1.macs.0: the MAC address 52:54:00:aa:00:01 is that of "player" too',
      ),
    ]);
  });

  test("a certificate's fingerprint is written in one way", () => {
    const bytes = "AB:CD".repeat(1) + ":EF".repeat(30);
    const power = { kind: "redfish" as const, url: "https://bmc1.example", fingerprint: bytes };
    expect(imaged(planned(metalLab({ node1: host({ power }) }))).power).toMatchObject({
      fingerprint: `abcd${"ef".repeat(30)}`,
    });
  });

  test("a BMC's password that goes over the network in clear is told", () => {
    const power = (url: string) =>
      ({ kind: "redfish", url, user: "a", password: { secret: "bmc" } }) as const;
    const notes = (url: string) =>
      planned(metalLab({ node1: host({ power: power(url) }) }), knowing({ node1: "metal" })).notes;
    expect(notes("http://bmc1.example")).toEqual([expect.stringContaining("in clear")]);
    expect(notes("https://bmc1.example")).toEqual([]);
    expect(notes("http://127.0.0.1:8000")).toEqual([]);
  });

  test.each([
    [
      { kind: "redfish", url: "https://bmc" },
      { kind: "redfish", url: "https://BMC/" },
    ],
    [
      { kind: "ipmi", host: "bmc" },
      { kind: "ipmi", host: "BMC", port: 623 },
    ],
    [
      { kind: "wol", mac: "52:54:00:aa:00:01" },
      { kind: "wol", mac: "52:54:00:AA:00:01" },
    ],
    [
      { kind: "libvirt", backend: "rack", domain: "d1" },
      { kind: "libvirt", backend: "rack", domain: "d1" },
    ],
  ] as const)("no two hosts have one switch: %j", (one, two) => {
    expect(told(metalLab({ node1: host({ power: one }), node2: host({ power: two }) }))).toEqual([
      expect.stringContaining('machines.node2.power: this switch is that of "node1" too'),
    ]);
  });

  test("one Redfish service may have several systems, and hosts without a switch are told apart", () => {
    const at = (system: string) => host({ power: { kind: "redfish", url: "https://bmc", system } });
    const none = host({ power: { kind: "none" } });
    expect(told(metalLab({ node1: at("1"), node2: at("2"), node3: none, node4: none }))).toEqual([]);
  });
});

describe("captured images", () => {
  const images = { c7: fogImage(), gold: fogImage({ capture: { from: "node1" } }) };
  const second = host({ image: "gold", power: { kind: "none" } });

  test("come after the host that they are of, and before the hosts that use them", () => {
    const plan = planned(metalLab({ node1: host(), node2: second }, { images }));
    expect(kindsOf(plan)).toEqual([
      "fog:Image gold",
      "fog:ImagedHost node1",
      "fog:Capture gold",
      "fog:ImagedHost node2",
    ]);
    const capture = resource(plan, "fog:Capture", "gold");
    expect(capture.dependsOn).toEqual(["fog:Image gold", "fog:ImagedHost node1"]);
    expect(capture.inputs as unknown as CaptureInputs).toMatchObject({
      name: "gold",
      host: "node1",
      generation: 1,
      power: BMC,
    });
    expect(resource(plan, "fog:Image", "gold").inputs.path).toBe("gold");
  });

  test("a new capture images no host", () => {
    const raised = { ...images, gold: fogImage({ capture: { from: "node1", generation: 2 } }) };
    const before = planned(metalLab({ node1: host(), node2: second }, { images }));
    const after = planned(metalLab({ node1: host(), node2: second }, { images: raised }), before.lock);
    expect(imaged(after, "node2")).toEqual(imaged(before, "node2"));
  });

  test("two hosts that are imaged with captures of each other are a circle", () => {
    const both = { a: fogImage({ capture: { from: "node2" } }), b: fogImage({ capture: { from: "node1" } }) };
    const config = metalLab(
      { node1: host({ image: "a" }), node2: host({ image: "b", power: { kind: "none" } }) },
      { images: both },
    );
    expect(told(config)).toEqual([expect.stringContaining("things need each other in a circle")]);
  });
});

test("a host of bare metal and a virtual machine have different fields, and each is told which are the other's", () => {
  const wrong: Partial<Record<string, unknown>> = {
    cpus: 2,
    memoryMiB: 1024,
    networks: [],
    iso: "base",
    boot: ["hd"],
    kernel: { kernel: "/vmlinuz" },
    firmware: "bios",
    running: false,
    autostart: true,
    wait: { for: "none" },
    osType: "Linux_64",
    sharedFolders: [],
    snapshots: [],
    template: "<domain/>",
    hostName: "node1",
  };
  for (const [field, value] of Object.entries(wrong))
    expect(told(metalLab({ node1: host({ [field]: value }) })), field).toEqual([
      expect.stringMatching(new RegExp(`^machines.node1.${field}: a host of a FOG server has no `)),
    ]);
  const metals: Partial<Record<string, unknown>> = {
    macs: ["52:54:00:aa:00:01"],
    address: "192.0.2.9",
    resource: "50",
    power: BMC,
    onRelease: { do: "wipe" },
    imaging: {},
    imageGeneration: 2,
  };
  for (const [field, value] of Object.entries(metals))
    expect(told(metalLab({ vm: guest({ [field]: value }) })), field).toEqual([
      expect.stringMatching(new RegExp(`^machines.vm.${field}: ${field} is for hosts of a FOG server`)),
    ]);
});

test("everything wrong with a host is told at once", () => {
  const bad = host({ name: "sixteen-letters-x", cpus: 2, image: "base", power: { kind: "wol" } });
  expect(told(metalLab({ node1: bad })).map((line) => line.split(":")[0])).toEqual([
    "machines.node1.cpus",
    "machines.node1.name",
    "machines.node1.image",
    "machines.node1.power",
  ]);
});
