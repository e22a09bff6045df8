import * as os from "node:os";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { type ConfigSource, type LoadResult, loadConfig } from "../../../../stacks/config/load";
import { formatProblem } from "../../../../stacks/config/positions";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1hT0m5Nn0hVb2cQ6wq1jYlq3mCkVx9r8sWzTgYp4Zd ann@desk";
const FILES: Record<string, string> = {
  "templates/domain.xml.j2": "<domain>{{ name }}</domain>",
  "/home/ann/.ssh/id_ed25519.pub": `${KEY}\n`,
};

function readFile(path: string): string {
  const text = FILES[path];
  if (text === undefined) throw Object.assign(new Error(path), { code: "ENOENT" });
  return text;
}

const load = (text: string, more: Partial<ConfigSource> = {}): LoadResult =>
  loadConfig({ stack: "dev", file: { path: "stacks/Pulumi.dev.yaml", text }, readFile, ...more });

function configOf(loaded: LoadResult) {
  expect(loaded.problems.map(formatProblem)).toEqual([]);
  if (!loaded.config) throw new Error("no config");
  return loaded.config;
}

const printed = (loaded: LoadResult) => loaded.problems.map(formatProblem);

const HEAD = `config:
  labplan:lab: abcd2345
  labplan:backends:
    rack: { kind: libvirt, uri: "qemu:///system" }
  labplan:networks:
    admin: { backend: rack, cidr: 10.20.0.0/24 }
    storage: { backend: rack, mode: isolated }
  labplan:images:
    rocky9: { path: rocky9.qcow2 }
`;

const machine = (fields: string) => {
  const config = configOf(load(`${HEAD}  labplan:machines:\n    w1: { backend: rack, ${fields} }\n`));
  const { backend: _, ...rest } = config.machines.w1 ?? { backend: "" };
  return rest;
};

describe("short forms become long ones", () => {
  test("disk and image at the machine are one disk with a base image", () => {
    const disks = [{ sizeBytes: 100 * 2 ** 30, image: "rocky9" }];
    expect(machine("disk: 100 GiB, image: rocky9")).toEqual({ disks });
    expect(machine("disks: [{ size: 100 GiB, image: rocky9 }]")).toEqual({ disks });
    expect(machine("disk: { size: 100 GiB, bus: scsi }, image: rocky9")).toEqual({
      disks: [{ sizeBytes: 100 * 2 ** 30, image: "rocky9", bus: "scsi" }],
    });
  });

  test("the image goes on the first disk only", () => {
    expect(machine("disks: [10 GiB, 20 GiB], image: rocky9").disks).toEqual([
      { sizeBytes: 10 * 2 ** 30, image: "rocky9" },
      { sizeBytes: 20 * 2 ** 30 },
    ]);
  });

  test("a volume that exists may keep its size", () => {
    expect(machine("disk: { volume: old.qcow2 }").disks).toEqual([{ volume: "old.qcow2", sizeBytes: 0 }]);
  });

  test("networks are names or objects", () => {
    expect(
      machine(
        'networks: [admin, { network: storage, ip: 10.20.3.5, mac: "52:54:00:AA:bb:cc" }, { bridge: br0, ip: false }]',
      ),
    ).toEqual({
      networks: [
        { network: "admin" },
        { network: "storage", ip: "10.20.3.5", mac: "52:54:00:aa:bb:cc" },
        { bridge: "br0", ip: false },
      ],
    });
  });

  test("memory is in MiB, rounded up", () => {
    expect(machine("memory: 8 GiB")).toEqual({ memoryMiB: 8192 });
    expect(machine("memory: 8240000 KiB")).toEqual({ memoryMiB: 8047 });
  });

  test("user and sshKeys at the machine are cloud-init's", () => {
    expect(machine(`user: ann, sshKeys: ["${KEY}"]`)).toEqual({ cloudInit: { user: "ann", sshKeys: [KEY] } });
    expect(machine(`cloudInit: { user: ann, userData: { packages: [vim] } }, sshKeys: ["${KEY}"]`)).toEqual({
      cloudInit: { user: "ann", sshKeys: [KEY], userData: { packages: ["vim"] } },
    });
  });

  test("a key can be the path of a .pub file", () => {
    expect(machine("sshKeys: [/home/ann/.ssh/id_ed25519.pub]")).toEqual({ cloudInit: { sshKeys: [KEY] } });
  });

  test("wait is a word or an object", () => {
    expect(machine("wait: ssh")).toEqual({ wait: { for: "ssh" } });
    expect(machine("wait: { for: ssh, timeout: 90m, port: 2222 }")).toEqual({
      wait: { for: "ssh", timeoutS: 5400, port: 2222 },
    });
  });

  test("a template is read", () => {
    expect(machine("template: templates/domain.xml.j2")).toEqual({ template: "<domain>{{ name }}</domain>" });
  });

  test("until is an instant in UTC", () => {
    const text = `config:
  labplan:lab: abcd2345
  labplan:backends: { people: { kind: embedded } }
  labplan:vpn: { backend: people, base: "ou=People,dc=lab", users: { alice: { sn: Ames, until: "2026-12-24T19:00+01:00" } } }
`;
    expect(configOf(load(text)).vpn?.users).toEqual({ alice: { sn: "Ames", until: "2026-12-24T18:00:00Z" } });
  });
});

describe("what hosts of bare metal bring", () => {
  const METAL = `config:
  labplan:lab: abcd2345
  labplan:backends:
    metal: { kind: fog, url: "http://fog.example/fog", apiToken: { env: FOG_API_TOKEN } }
  labplan:images:
    c7: { fog: { backend: metal } }
`;
  const host = (fields: string) => {
    const config = configOf(load(`${METAL}  labplan:machines:\n    h1: { backend: metal, ${fields} }\n`));
    const { backend: _, ...rest } = config.machines.h1 ?? { backend: "" };
    return rest;
  };

  test("the image is the host's own, and its MAC may stand alone", () => {
    expect(host('image: c7, mac: "52:54:00:AA:00:01"')).toEqual({
      image: "c7",
      macs: ["52:54:00:aa:00:01"],
    });
    expect(host('macs: ["52:54:00:AA:00:01", "52:54:00:aa:00:02"]').macs).toHaveLength(2);
  });

  test.each([
    ["image:c7", { do: "image", image: "c7" }],
    ["image: c7", { do: "image", image: "c7" }],
    ["wipe", { do: "wipe" }],
    ["poweroff", { do: "poweroff" }],
    ["keep", { do: "keep" }],
  ])("onRelease %s", (text, long) => {
    expect(host(`image: c7, onRelease: "${text}"`).onRelease).toEqual(long);
  });

  test("deadlines are durations", () => {
    expect(host("imaging: { queued: 90s, stall: 10m, total: 1h 30m, boot: 5m }").imaging).toEqual({
      queuedS: 90,
      stallS: 600,
      totalS: 5400,
      bootS: 300,
    });
  });

  test("keys of an access are lines or files, as everywhere; its password is a word or a name", () => {
    expect(
      host(`access: { sshKeys: [/home/ann/.ssh/id_ed25519.pub, "${KEY}"], password: none }`).access,
    ).toEqual({
      sshKeys: [KEY, KEY],
      password: "none",
    });
    expect(host("access: { password: { env: ROOT_PASSWORD } }").access).toEqual({
      password: { env: "ROOT_PASSWORD" },
    });
    expect(
      printed(
        load(`${METAL}  labplan:machines:\n    h1: { backend: metal, access: { sshKeys: [nokey] } }\n`),
      ),
    ).toEqual([expect.stringContaining("machines.h1.access.sshKeys[0]: a public key is one line")]);
  });

  test.each([
    'redfish, url: "https://bmc1", user: a, password: { env: P }, system: "1"',
    "ipmi, host: 192.0.2.7, port: 6230, cipherSuite: 17",
    "wol, broadcast: 192.0.2.255, port: 7",
    "libvirt, backend: metal, domain: d",
    "virtualbox, backend: metal, machine: d",
    "ssh",
    "none",
  ])("power of kind %s", (fields) => {
    expect(host(`power: { kind: ${fields} }`).power?.kind).toBe(fields.split(",")[0]);
  });

  test("power has the fields of its kind alone", () => {
    const text = `${METAL}  labplan:machines:\n    h1: { backend: metal, power: { kind: ipmi, url: "https://x", host: b } }\n`;
    expect(printed(load(text))).toEqual([expect.stringContaining("machines.h1.power.url: unknown key")]);
  });

  test("a machine whose parts are wrong takes nothing else down with it, and nothing is told twice", () => {
    const text = `${METAL}  labplan:machines:
    h1: { backend: metal, image: c8, power: { kind: none } }
    h2: { backend: metal, image: c7, power: { kind: none }, onRelease: image:c8 }
    h3: { backend: metal, image: c7, power: { kind: none } }
`;
    const loaded = load(text);
    expect(printed(loaded)).toEqual([
      expect.stringContaining('machines.h1.image: there is no image "c8"'),
      expect.stringContaining('machines.h2.onRelease: there is no image "c8"'),
    ]);
    expect(Object.keys((!loaded.config && loaded.partial?.machines) || {})).toEqual(["h3"]);
  });

  test("what rests on a wrong backend or image is not planned, and not told", () => {
    const text = `${METAL.replace("  labplan:images:", '    rack: { kind: libvirt, uri: "nonsense" }\n  labplan:images:')}    c8: { fog: { backend: metal, osId: x } }
  labplan:machines:
    h1: { backend: metal, image: c7, power: { kind: libvirt, backend: rack, domain: d } }
    h2: { backend: metal, image: c7, power: { kind: none }, onRelease: image:c8 }
    h3: { backend: metal, image: c7, power: { kind: none } }
`;
    const loaded = load(text);
    expect(loaded.problems.map(({ path }) => path.join("."))).toEqual([
      "backends.rack.uri",
      "images.c8.fog.osId",
    ]);
    expect(Object.keys((!loaded.config && loaded.partial?.machines) || {})).toEqual(["h3"]);
  });

  test("trap seeds#14: a token stands nowhere in clear, and is not repeated where it does", () => {
    const text = METAL.replace("{ env: FOG_API_TOKEN }", "c3dvcmRmaXNo");
    expect(printed(load(text))).toEqual([expect.stringContaining("a secret is given by name")]);
    expect(printed(load(text)).join()).not.toContain("c3dvcmRmaXNo");
    const encrypted = METAL.replace("{ env: FOG_API_TOKEN }", '{ secure: "v1:x" }');
    expect(printed(load(encrypted))).toEqual([expect.stringContaining("write { secret: metalApiToken }")]);
  });
});

describe("what VirtualBox brings", () => {
  test("forwards are short or long, tcp by default", () => {
    expect(
      machine(
        'networks: [{ type: nat, forwards: ["2222:22", "0.0.0.0:5353:53/udp", { hostPort: 8080, guestPort: 80 }], cable: false }]',
      ).networks,
    ).toEqual([
      {
        type: "nat",
        cable: false,
        forwards: [
          { protocol: "tcp", hostPort: 2222, guestPort: 22 },
          { protocol: "udp", hostIp: "0.0.0.0", hostPort: 5353, guestPort: 53 },
          { protocol: "tcp", hostPort: 8080, guestPort: 80 },
        ],
      },
    ]);
  });

  test("snapshots are names or objects", () => {
    expect(machine("snapshots: [clean, { name: tested, restore: 2 }]").snapshots).toEqual([
      { name: "clean" },
      { name: "tested", restore: 2 },
    ]);
  });

  test("the rest is as written", () => {
    const folder = { name: "src", path: "/srv/src", readOnly: true };
    expect(
      machine(
        "osType: RedHat_64, wait: boot, disk: { size: 1 GiB, clone: full, bus: nvme }, sharedFolders: [{ name: src, path: /srv/src, readOnly: true }]",
      ),
    ).toEqual({
      osType: "RedHat_64",
      wait: { for: "boot" },
      disks: [{ sizeBytes: 2 ** 30, clone: "full", bus: "nvme" }],
      sharedFolders: [folder],
    });
  });

  test("a backend needs nothing but its kind; the boot server nothing at all", () => {
    const text = `${HEAD.replace("labplan:networks", "labplan:bootServer: { address: 192.0.2.1, tftpPort: 0 }\n  labplan:networks").replace("    rack:", "    desk: { kind: virtualbox }\n    rack:")}`;
    const config = configOf(load(text));
    expect(config.backends.desk).toEqual({ kind: "virtualbox" });
    expect(config.bootServer).toEqual({ address: "192.0.2.1", tftpPort: 0 });
  });
});

describe("an image that is installed", () => {
  const image = (fields: string) => {
    const text = HEAD.replace(
      "    rocky9:",
      `    r9: { install: { backend: rack, family: rocky, release: "9", mirror: "https://m.example", ${fields} } }\n    rocky9:`,
    );
    return configOf(load(text)).images.r9?.install;
  };

  test("has sizes in bytes and MiB, a deadline in seconds, and keys from files", () => {
    expect(
      image("size: 30 GiB, memory: 4 GiB, timeout: 1h 30m, sshKeys: [/home/ann/.ssh/id_ed25519.pub]"),
    ).toEqual({
      backend: "rack",
      family: "rocky",
      release: "9",
      mirror: "https://m.example",
      sizeBytes: 30 * 2 ** 30,
      memoryMiB: 4096,
      timeoutS: 5400,
      sshKeys: [KEY],
    });
  });

  test("has a template by its path and its text", () => {
    expect(image("template: templates/domain.xml.j2, variables: { team: blue }")).toMatchObject({
      template: "<domain>{{ name }}</domain>",
      templateFile: "templates/domain.xml.j2",
      variables: { team: "blue" },
    });
  });

  test("has variables for a template alone", () => {
    const text = HEAD.replace(
      "    rocky9:",
      '    r9: { install: { backend: rack, family: rocky, release: "9", mirror: "https://m.example", variables: { a: b } } }\n    rocky9:',
    );
    expect(printed(load(text))).toEqual([
      expect.stringContaining("images.r9.install.variables: variables are handed to a template"),
    ]);
  });
});

describe("names before a rename", () => {
  test("are one or several", () => {
    expect(machine("formerly: w0").formerly).toBe("w0");
    expect(machine("formerly: [w0, www]").formerly).toEqual(["w0", "www"]);
  });

  test("are names", () => {
    const text = (formerly: string) =>
      `${HEAD}  labplan:machines:\n    w1: { backend: rack, formerly: ${formerly} }\n`;
    for (const bad of ['"a b"', '[w0, "a/b"]'])
      expect(printed(load(text(bad)))).toEqual([
        expect.stringMatching(/machines\.w1\.formerly.*a name begins with a letter/i),
      ]);
    expect(printed(load(text("[w0, w0]")))).toEqual([expect.stringContaining("this is given twice")]);
  });
});

test("~/ is the home folder in the path of a key, and nowhere else", () => {
  const asked: string[] = [];
  const readFile = (path: string) => {
    asked.push(path);
    return path.endsWith(".pub") ? KEY : "<domain/>";
  };
  const text = (fields: string) => `${HEAD}  labplan:machines:\n    w1: { backend: rack, ${fields} }\n`;
  expect(printed(load(text("sshKeys: [~/.ssh/id_ed25519.pub]"), { readFile }))).toEqual([]);
  expect(asked).toEqual([path.join(os.homedir(), ".ssh/id_ed25519.pub")]);
  expect(printed(load(text("template: ~/domain.j2"), { readFile }))).toEqual([
    expect.stringContaining("~/domain.j2 lies outside of the project"),
  ]);
  expect(printed(load(text("sshKeys: [~/.ssh/id_ed25519]"), { readFile }))).toEqual([
    expect.stringContaining("a public key is one line"),
  ]);
  expect(asked).toHaveLength(1);
});

describe("YAML's own means", () => {
  const anchors = `${HEAD}  labplan:machines:
    w1: &worker
      backend: rack
      cpus: 2
      networks: [admin]
    w2: *worker
    w3:
      <<: *worker
      cpus: 4
`;

  test("anchors, aliases and merge keys work", () => {
    const { machines } = configOf(load(anchors));
    expect(machines.w2).toEqual(machines.w1);
    expect(machines.w3).toEqual({ ...machines.w1, cpus: 4 });
  });

  test("a mistake in merged fields is told where it is written, once", () => {
    expect(printed(load(anchors.replace("[admin]", "[amdin]")))).toEqual([
      'stacks/Pulumi.dev.yaml:14:18: machines.w1.networks[0]: there is no network "amdin". Did you mean "admin"?',
    ]);
  });

  test("a key of the map itself wins over a merged one", () => {
    expect(printed(load(anchors.replace("cpus: 4", "cpus: 0")))).toEqual([
      "stacks/Pulumi.dev.yaml:18:13: machines.w3.cpus: 0 is too small; at least 1",
    ]);
  });

  test("a document mark and comments do no harm", () => {
    expect(configOf(load(`---\n# mine\n${HEAD}`)).lab).toBe("abcd2345");
  });
});

describe("values from the engine", () => {
  const values = {
    lab: "abcd2345",
    backends: { rack: { kind: "libvirt", uri: "qemu:///system" } },
    machines: { w1: { backend: "rack", memory: 8 } },
  };

  test("are what counts, the file gives the place", () => {
    const text = `${HEAD}  labplan:machines:\n    w1: { backend: rack, memory: 8 }\n`;
    expect(printed(load(text, { values }))).toEqual([
      'stacks/Pulumi.dev.yaml:11:34: machines.w1.memory: 8 is a bare number; write "8 GiB" or "8 MiB", whichever is meant',
    ]);
  });

  test("without a file there is a path and no place", () => {
    expect(printed(loadConfig({ values, stack: "dev", readFile }))).toEqual([
      'Pulumi.dev.yaml: machines.w1.memory: 8 is a bare number; write "8 GiB" or "8 MiB", whichever is meant',
    ]);
  });

  test("a section without a value is an empty one: the engine gives an empty text", () => {
    const config = configOf(
      loadConfig({ values: { ...values, machines: "", networks: null }, stack: "dev", readFile }),
    );
    expect(config.machines).toEqual({});
    expect(config.networks).toEqual({});
  });

  test("a bare date arrives changed, and the message shows what is written", () => {
    const text = `config:
  labplan:lab: abcd2345
  labplan:backends: { people: { kind: embedded } }
  labplan:vpn: { backend: people, base: "ou=People,dc=lab", users: { alice: { sn: Ames, until: 2026-12-24 } } }
`;
    const users = { alice: { sn: "Ames", until: "2026-12-24 00:00:00 +0000 UTC" } };
    const loaded = load(text, {
      values: {
        lab: "abcd2345",
        backends: { people: { kind: "embedded" } },
        vpn: { backend: "people", base: "ou=People,dc=lab", users },
      },
    });
    expect(printed(loaded)).toEqual([
      'stacks/Pulumi.dev.yaml:4:96: vpn.users.alice.until: 2026-12-24 would be read as a date; write day, time and zone: "2026-12-24T18:00Z"',
    ]);
  });

  test("an encrypted value inside a section arrives in clear, and is told without its value", () => {
    const text = `config:
  labplan:lab: abcd2345
  labplan:backends:
    people: { kind: ldap, url: ldaps://ldap.example, password: { secure: "v1:AAAA" } }
`;
    const people = { kind: "ldap", url: "ldaps://ldap.example", password: "canary-swordfish" };
    const lines = printed(load(text, { values: { lab: "abcd2345", backends: { people } } }));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("write { secret: peoplePassword }");
    expect(lines.join()).not.toContain("canary");
  });
});

describe("all problems at once", () => {
  const text = `config:
  labplan:lab: abcd2345
  labplan:backends:
    rack: { kind: libvirt, uri: "qemu:///system" }
  labplan:machines:
    w3: { backend: rack, memory: 8, networks: [amdin] }
    w1: { backend: rakc, cpus: many }
    w2: { backend: rack }
  labplan:networks:
    admin: { backend: rack, cidr: 10.20.0.0/24 }
    broken: { backend: rack, cidr: 10.20.0.0/99 }
`;

  test("they come in the order of the file, from every stage", () => {
    expect(load(text).problems.map(({ line, path }) => `${line} ${path.join(".")}`)).toEqual([
      "6 machines.w3.memory",
      "6 machines.w3.networks.0",
      "7 machines.w1.backend",
      "7 machines.w1.cpus",
      "11 networks.broken.cidr",
    ]);
  });

  test("what is sound by itself is given too, so that the plan can tell what it finds", () => {
    const loaded = load(text);
    if (loaded.config || !loaded.partial) throw new Error("expected problems and a partial config");
    expect(Object.keys(loaded.partial.machines)).toEqual(["w2"]);
    expect(Object.keys(loaded.partial.networks)).toEqual(["admin"]);
  });

  test("what rests on something wrong is not sound", () => {
    const loaded = load(text.replace("w2: { backend: rack }", "w2: { backend: rack, networks: [broken] }"));
    if (loaded.config || !loaded.partial) throw new Error("expected problems and a partial config");
    expect(Object.keys(loaded.partial.machines)).toEqual([]);
  });

  test("a section that is a list says so once, without dangling names", () => {
    const wrong = `config:
  labplan:lab: abcd2345
  labplan:backends: { rack: { kind: embedded } }
  labplan:networks: [admin]
  labplan:machines: { w1: { backend: rack, networks: [admin] } }
`;
    expect(printed(load(wrong))).toEqual(["stacks/Pulumi.dev.yaml:4:3: networks: must be a map, not a list"]);
  });
});

describe("secrets by name", () => {
  const people = "people: { kind: ldap, url: ldaps://ldap.example, password: { secret: ldapPassword } }";
  const text = (more: string) =>
    `config:\n  labplan:lab: abcd2345\n${more}  labplan:backends: { ${people} }\n`;

  test("one that is set in the stack is fine", () => {
    configOf(load(text('  labplan:ldapPassword: { secure: "v1:AAAA" }\n')));
  });

  test("one that is not set is told with the command", () => {
    expect(printed(load(text("")))).toEqual([
      'stacks/Pulumi.dev.yaml:3:92: backends.people.password.secret: no secret "ldapPassword" is set; "pulumi config set --secret ldapPassword" sets it',
    ]);
  });

  test("a Pulumi environment may bring it", () => {
    configOf(load(`environment: [lab]\n${text("")}`));
  });

  test("one named in user data is looked for too", () => {
    const wrong = `${HEAD}  labplan:machines:
    w1: { backend: rack, cloudInit: { userData: { runcmd: ["echo {{secret:token}}"] } } }
`;
    expect(printed(load(wrong))[0]).toContain(
      'machines.w1.cloudInit.userData.runcmd[0]: no secret "token" is set',
    );
  });

  test("keys of other namespaces are left alone", () => {
    configOf(load(`${HEAD}  aws:region: eu-1\nsecretsprovider: passphrase\nencryptionsalt: v1:x\n`));
  });
});

describe("a password in clear is never repeated", () => {
  test.each([
    "0076543",
    "swordfish",
    "[0076543]",
    "{ value: swordfish }",
    "2026-12-24",
    "{ secret: swordfish! }",
  ])("%s", (written) => {
    const text = `config:
  labplan:lab: abcd2345
  labplan:backends: { people: { kind: ldap, url: ldaps://ldap.example, password: ${written} } }
`;
    const lines = printed(load(text));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join()).not.toMatch(/76543|swordfish|2026/);
  });
});

describe("files outside", () => {
  test.each(["/etc/shadow", "../secret", "templates/../../secret", "~/x"])(
    "a template cannot be %s",
    (path) => {
      const text = `${HEAD}  labplan:machines:\n    w1: { backend: rack, template: "${path}" }\n`;
      const readAny = () => "root:x";
      expect(printed(load(text, { readFile: readAny }))[0]).toContain("lies outside of the project");
    },
  );

  test("a .pub file that is no key is not repeated", () => {
    const text = `${HEAD}  labplan:machines:\n    w1: { backend: rack, sshKeys: [/etc/shadow.pub] }\n`;
    const lines = printed(load(text, { readFile: () => "canary" }));
    expect(lines).toEqual([
      "stacks/Pulumi.dev.yaml:11:36: machines.w1.sshKeys[0]: /etc/shadow.pub holds no public key",
    ]);
  });
});
