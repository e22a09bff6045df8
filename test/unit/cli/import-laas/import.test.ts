import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { importLaas } from "../../../../cli/import-laas/import";
import { loadConfig } from "../../../../stacks/config/load";
import { formatProblem } from "../../../../stacks/config/positions";
import type { LabConfig } from "../../../../stacks/config/types";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { plan } from "../../../../stacks/plan/plan";

const FIXTURES = "test/fixtures/laas";
const disk = {
  readDir: (dir: string) => fs.readdirSync(dir),
  readFile: (file: string) => fs.readFileSync(file, "utf8"),
};

/** A folder in memory, imported. */
const imported = (files: Record<string, string>) =>
  importLaas(
    "laas",
    {
      readDir: () => Object.keys(files),
      readFile: (file) => {
        const text = files[path.posix.relative("laas", file)];
        if (text === undefined) throw new Error(`no ${file}`);
        return text;
      },
    },
    "abcdefgh",
  );

type Imported = ReturnType<typeof importLaas>;

function load({ yaml, files }: Imported) {
  return loadConfig({
    stack: "dev",
    file: { path: "stacks/Pulumi.dev.yaml", text: yaml },
    readFile: (name) => files.find((file) => file.path === name)?.text ?? "",
  });
}

function configOf(result: Imported): LabConfig {
  const loaded = load(result);
  expect(loaded.problems.map(formatProblem)).toEqual([]);
  if (!loaded.config) throw new Error("no config");
  return loaded.config;
}

const whyOf = ({ notes }: Imported, what: string): string | undefined =>
  notes.find((note) => note.what.split(", ").includes(what))?.why;

const network = (fields: string) => imported({ "networks.yaml": `- { name: admin, ${fields} }\n` });
const domain = (fields: string) =>
  imported({
    "networks.yaml": "- { name: admin, cidr: 10.20.0.0/24 }\n- { name: management, cidr: 10.20.1.0/24 }\n",
    "domains.yaml": `- { name: m1, ${fields} }\n`,
  });

describe("LaaS' own lab", () => {
  const result = importLaas(`${FIXTURES}/sample`, disk, "abcdefgh");
  const config = configOf(result);

  test("loads without problems: 6 machines and 4 networks", () => {
    expect(Object.keys(config.machines)).toEqual([
      "master",
      "slave1",
      "slave2",
      "slave3",
      "slave4",
      "slave5",
    ]);
    expect(Object.keys(config.networks)).toEqual(["admin", "public", "management", "storage"]);
  });

  test("admin and public have a way out, storage and management have none; DHCP is off", () => {
    const modes = Object.entries(config.networks).map(([name, { mode, dhcp, cidr }]) => [
      name,
      mode,
      dhcp,
      cidr,
    ]);
    expect(modes).toEqual([
      ["admin", "nat", false, "10.20.0.0/24"],
      ["public", "nat", false, "10.20.1.0/24"],
      ["management", "isolated", false, "10.20.2.0/24"],
      ["storage", "isolated", false, "10.20.3.0/24"],
    ]);
    expect(config.networks.admin).toMatchObject({ bridge: "admin-br", gateway: "10.20.0.1" });
  });

  test("each machine has its memory with the unit, 4 CPUs, 100 GiB and 4 cards", () => {
    expect(result.yaml).toContain("memory: 8240000 KiB");
    for (const machine of Object.values(config.machines)) {
      expect(machine).toMatchObject({ cpus: 4, memoryMiB: 8047, disks: [{ sizeBytes: 100 * 2 ** 30 }] });
      expect(machine.networks?.map((nic) => nic.network)).toEqual([
        "admin",
        "public",
        "storage",
        "management",
      ]);
    }
  });

  test("only the master has the ISO; the others boot from the network", () => {
    expect(config.machines.master).toMatchObject({ iso: "fuel-10.0", boot: ["hd", "cdrom"] });
    expect(config.images).toEqual({ "fuel-10.0": { path: "/vm/fuel.iso", format: "iso" } });
    expect(config.machines.slave1?.iso).toBeUndefined();
    expect(config.machines.slave1?.boot).toEqual(["network", "hd"]);
  });
});

describe("the README's spelling, with every kind of file", () => {
  const result = importLaas(`${FIXTURES}/readme`, disk, "abcdefgh");

  test("loads when the secret is set, and says so until then", () => {
    expect(load(result).problems.map(({ message }) => message)).toEqual([
      'no secret "metalApiToken" is set; "pulumi config set --secret metalApiToken" sets it',
      'no secret "directoryPassword" is set; "pulumi config set --secret directoryPassword" sets it',
    ]);
    const secrets = ["directoryPassword", "metalApiToken"].map(
      (name) => `  labplan:${name}: { secure: "v1:x" }\n`,
    );
    const set = result.yaml.replace("config:\n", `config:\n${secrets.join("")}`);
    const config = configOf({ ...result, yaml: set });
    expect(config.vpn).toEqual({
      backend: "directory",
      base: "ou=People,dc=lab,dc=example",
      objectClasses: ["top", "inetOrgPerson"],
      permanent: ["root", "ops"],
      users: {},
    });
    expect(config.backends.directory).toMatchObject({ kind: "ldap", url: "ldaps://vpn.example" });
    expect(config.networks.admin).toMatchObject({
      mode: "routed",
      dhcp: { from: "10.30.0.100", to: "10.30.0.200" },
      template: "<network><name>{{ name }}</name></network>\n",
    });
    expect(config.machines.node1).toMatchObject({
      networks: [{ network: "admin" }, { bridge: "br0" }],
      template: '<domain type="kvm"><name>{{ name }}</name></domain>\n',
    });
  });

  test("writes no secret anywhere", () => {
    expect(JSON.stringify(result)).not.toContain("canary");
  });

  test.each([
    "fuel.yaml: database",
    "fuel.yaml: dhcp_log",
    "fuel.yaml: dhcp_server",
    "fuel.yaml: fog.api_key",
    "fuel.yaml: fog.server",
    "fuel.yaml: fog.user_key",
    "fuel.yaml: fog.image_id",
    "fuel.yaml: installer",
    "fuel.yaml: logging_dir",
    "fuel.yaml: scenario",
    "fuel.yaml: hypervisor_config.networks /root/laas/conf/networks.yaml",
    "fuel.yaml: hypervisor_config.vms /root/laas/conf/vms.yaml",
    "fuel.yaml: inventory /root/laas/conf/inventory.yaml",
    "fuel.yaml: vpn_config /root/laas/conf/vpn.yaml",
    "pharos.conf: dashboard",
    "pharos.conf: database",
    "pharos.conf: default_configs",
    "pharos.conf: inventory",
    "pharos.conf: logging_dir",
    "pharos.conf: poling",
    "pharos.conf: token",
    "vpn.yaml: server",
    "vpn.yaml: authentication.pass",
    "vpn.yaml: database",
    "vpn.yaml: permanent_users",
    "inventory.yaml: 3 hosts",
  ])("the key %s is told with a reason", (what) => {
    expect(whyOf(result, what)).toBeTruthy();
  });
});

describe("the spelling of LaaS' code", () => {
  test("authentication and polling", () => {
    const result = imported({
      "vpn.yaml":
        "server: ldap://vpn.example:389\nauthentication: { pass: /root/ldap-pass, user: 'cn=root,dc=x' }\ndirectory: { root: 'dc=x', user: 'ou=People,dc=x' }\n",
      "pharos.yaml": "dashboard: https://labs.example\npolling: 3\ntoken: /root/token\n",
    });
    expect(configOf(result)).toMatchObject({
      backends: { directory: { url: "ldaps://vpn.example", password: { file: "/root/ldap-pass" } } },
      vpn: { base: "ou=People,dc=x" },
    });
    expect(whyOf(result, "pharos.yaml: polling")).toContain("dashboard");
  });

  test("a password that begins with a slash is no path", () => {
    const result = imported({
      "vpn.yaml":
        "server: v\nauthentication: { pass: /canary/x+, user: 'cn=a' }\ndirectory: { root: 'dc=x' }\n",
    });
    expect(JSON.stringify(result)).not.toContain("canary");
    expect(result.yaml).toContain("secret: directoryPassword");
  });

  test("a file that is no YAML is named without its content", () => {
    const result = imported({ "vpn.yaml": "pass: 'canary\nx: {" });
    expect(whyOf(result, "vpn.yaml")).toContain("no valid YAML");
    expect(JSON.stringify(result)).not.toContain("canary");
  });
});

describe("hosts imaged by FOG", () => {
  const INSTALLER = `fog: { server: "http://fog.example/fog/", api_key: canary-a, user_key: /root/keys/user, image_id: 17 }
dhcp_log: /var/log/dhcp.log
dhcp_server: dhcp.example
installer: Fuel
`;
  const INVENTORY = "50: fog-machine-4\n51: fog-machine-5\n52: fog-virtualPod-5.1\n53: FOG-machine-4\n";
  const laas = (files: Record<string, string> = {}) =>
    imported({ "fuel.yaml": INSTALLER, "inventory.yaml": INVENTORY, ...files });
  const set = (result: Imported): Imported => ({
    ...result,
    yaml: result.yaml.replace("config:\n", 'config:\n  labplan:metalApiToken: { secure: "v1:x" }\n'),
  });

  test("become a FOG server with its inventory and its DHCP log", () => {
    expect(configOf(set(laas())).backends).toEqual({
      metal: {
        kind: "fog",
        url: "http://fog.example/fog",
        apiToken: { secret: "metalApiToken" },
        userToken: { file: "/root/keys/user" },
        inventory: {
          50: "fog-machine-4",
          51: "fog-machine-5",
          52: "fog-virtualPod-5.1",
          53: "FOG-machine-4",
        },
        dhcpLog: { path: "/var/log/dhcp.log", host: "ssh://root@dhcp.example" },
      },
    });
  });

  test("trap seeds#14: no key of the server's is written, whatever it looks like", () => {
    expect(JSON.stringify(laas())).not.toContain("canary");
    expect(whyOf(laas(), "fuel.yaml: fog.api_key")).toContain("by name");
  });

  test("and become machines that LaaS' image is put on, at the beginning and at the end", () => {
    const { machines, images } = configOf(set(laas()));
    expect(Object.keys(machines)).toEqual(["fog-machine-4", "fog-machine-5"]);
    expect(machines["fog-machine-4"]).toEqual({
      backend: "metal",
      resource: "50",
      adopt: true,
      image: "fog-image-17",
      power: { kind: "ssh" },
      onRelease: { do: "image", image: "fog-image-17" },
    });
    expect(images).toEqual({ "fog-image-17": { fog: { backend: "metal", name: "fog-image-17" } } });
  });

  test("what LaaS could not do right is told, and left to be said", () => {
    const result = laas();
    expect(whyOf(result, "power of each host")).toContain("Give each its BMC");
    expect(whyOf(result, "allow of each host")).toContain("add allow: [wipe]");
    expect(result.notes.find(({ what }) => what === "host fog-virtualPod-5.1")?.why).toContain(
      "18 characters",
    );
    expect(whyOf(result, "host FOG-machine-4")).toContain("two resources name it");
    expect(whyOf(result, "fuel.yaml: fog.image_id")).toContain("put its name in the server");
    const { config } = load(set(result));
    expect(config && plan(config, emptyLock(), new Date("2026-11-21T00:00Z")).problems).toEqual([]);
  });

  test.each([
    ["fog.example", "http://fog.example/fog"],
    ["https://admin:canary@fog.example:8443/", "https://fog.example:8443/fog"],
    ["http://10.0.0.1/fog", "http://10.0.0.1/fog"],
  ])("the server %s is at %s", (server, url) => {
    const result = imported({ "fuel.yaml": `fog: { server: "${server}", image_id: 1 }\n` });
    expect(configOf(result).backends.metal).toMatchObject({ url });
    expect(JSON.stringify(result)).not.toContain("canary");
    const why = result.notes.filter(({ what }) => what.includes("fog.server")).map((note) => note.why);
    expect(why.some((one) => one.includes("a login stood in it"))).toBe(server.includes("@"));
  });

  test("a log at the same machine needs no host, and none is needed", () => {
    const at = (text: string) =>
      configOf(imported({ "fuel.yaml": `fog: { server: f, image_id: 1 }\n${text}` })).backends.metal;
    expect(at("dhcp_log: /l\ndhcp_server: null\n")).toMatchObject({ dhcpLog: { path: "/l" } });
    expect(at("dhcp_log: null\n")).not.toHaveProperty("dhcpLog");
  });

  test("a second installer's image is declared too; its other server needs another stack", () => {
    const result = laas({
      "joid.yaml": 'fog: { server: "http://other.example/fog", api_key: k, image_id: 18 }\n',
    });
    expect(Object.keys(configOf(set(result)).images)).toEqual(["fog-image-17", "fog-image-18"]);
    expect(whyOf(result, "joid.yaml: fog.server")).toContain("a stack of its own");
  });

  test("without an image's number no machine is written, and without a server nothing", () => {
    const none = imported({
      "fuel.yaml": "fog: { server: f, image_id: new }\n",
      "inventory.yaml": INVENTORY,
    });
    expect(configOf(none).machines).toEqual({});
    expect(whyOf(none, "fuel.yaml: fog.image_id")).toContain("left out");
    const lost = imported({ "fuel.yaml": "fog: { image_id: 1 }\n", "inventory.yaml": INVENTORY });
    expect(lost.yaml).not.toContain("metal");
    expect(whyOf(lost, "inventory.yaml: hosts imaged by FOG")).toContain(
      "no file of the folder has fog.server",
    );
  });

  test("a host that is called as a virtual machine is has a name of its own in the config", () => {
    const domains = "- { name: fog-machine-4, vcpus: 2, memory: 1048576, disk: /d }\n";
    const { machines } = configOf(set(laas({ "domains.yaml": domains })));
    expect(Object.keys(machines)).toEqual(["fog-machine-4", "host-fog-machine-4", "fog-machine-5"]);
  });
});

describe("mistakes in networks are put right, each with a note", () => {
  test.each([
    ["cidr: 10.20.0.1/24", "admin.cidr", { cidr: "10.20.0.0/24" }],
    ["brAddr: 10.20.0.1, netmask: 255.255.255.0, cidr: 10.21.0.0/24", "admin.cidr", { cidr: "10.20.0.0/24" }],
    ["brAddr: 10.20.0.1, netmask: 255.255.0.0, cidr: nonsense", "admin.cidr", { cidr: "10.20.0.0/16" }],
    ["cidr: 10.20.0.0/24, brAddr: 10.99.0.1", "admin.brAddr", { cidr: "10.20.0.0/24" }],
    ["cidr: 10.20.0.0/24, brName: a-name-too-long-for-linux", "admin.brName", { cidr: "10.20.0.0/24" }],
    ["cidr: 10.20.0.0/24, forward: { used: true }", "admin.forward.type", { mode: "nat" }],
    [
      "cidr: 10.20.0.0/24, forward: { used: true, type: passthrough }",
      "admin.forward.type",
      { mode: "isolated" },
    ],
    [
      "cidr: 10.20.0.0/24, dhcp: { used: true, rangeStart: 10.20.0.200, rangeEnd: 10.20.0.100 }",
      "admin.dhcp",
      { dhcp: { from: "10.20.0.100", to: "10.20.0.200" } },
    ],
    ["cidr: 10.20.0.0/24, dhcp: { used: true, rangeStart: 10.21.0.1 }", "admin.dhcp", { dhcp: true }],
    ["brName: br-a, cdir: 10.20.0.0/24", "admin.cdir", { cidr: "10.20.0.0/24" }],
    ["cidr: 10.20.0.0/24, colour: red", "admin.colour", { cidr: "10.20.0.0/24" }],
  ])("%s", (fields, what, expected) => {
    const result = network(fields);
    expect(whyOf(result, what)).toBeTruthy();
    expect(configOf(result).networks.admin).toMatchObject(expected);
  });

  test("a bridge of the host keeps its name and loses its addresses", () => {
    const result = network(
      "brName: br0, brAddr: 10.0.0.1, cidr: 10.0.0.0/24, forward: { used: true, type: bridge }",
    );
    expect(configOf(result).networks.admin).toEqual({ backend: "hypervisor", mode: "bridge", bridge: "br0" });
  });

  test("what is right needs no note of its own", () => {
    const result = network(
      "cidr: 10.20.0.0/24, brAddr: 10.20.0.1, netmask: 255.255.255.0, forward: { used: true, type: nat }",
    );
    expect(result.notes.map(({ what }) => what)).toEqual(["backends.hypervisor.uri"]);
  });
});

describe("mistakes in domains are put right, each with a note", () => {
  test.each([
    ["vcpus: '2', memory: '1048576'", undefined, { cpus: 2, memoryMiB: 1024 }],
    ["vcpus: two, memory: 1048576", "m1.vcpus", { memoryMiB: 1024 }],
    ["vcpus: 2, memory: lots", "m1.memory", { cpus: 2 }],
    ["vcpus: 2, memroy: 1048576", "m1.memroy", { memoryMiB: 1024 }],
    [
      "vcpus: 2, interfaces: [{ name: mangement, type: network }]",
      "m1.interfaces[0]",
      { networks: [{ network: "management" }] },
    ],
    ["vcpus: 2, interfaces: [{ name: zzz, type: network }]", "m1.interfaces[0]", { networks: [] }],
    ["vcpus: 2, interfaces: [{ name: admin }]", "m1.interfaces[0]", { networks: [{ network: "admin" }] }],
    ["vcpus: 2, interfaces: [{ name: eth0, type: direct }]", "m1.interfaces[0]", { networks: [] }],
    ["vcpus: 2, interfaces: [{ type: bridge }]", "m1.interfaces[0]", { networks: [] }],
    ["vcpus: 2, iso: { used: true }", "m1.iso", { boot: ["network", "hd"] }],
    ["vcpus: 2", "m1.disk", { disks: [{ sizeBytes: 100 * 2 ** 30 }] }],
  ])("%s", (fields, what, expected) => {
    const result = domain(fields);
    if (what) expect(whyOf(result, what)).toBeTruthy();
    expect(configOf(result).machines.m1).toMatchObject(expected);
  });

  test("the text False is not true", () => {
    expect(configOf(domain("vcpus: 2, iso: { used: 'False', URL: http://x.example/a.iso }")).images).toEqual(
      {},
    );
  });

  test("an ISO without a place to be saved gets one", () => {
    const config = configOf(domain("vcpus: 2, iso: { used: true, URL: http://x.example/a.iso?b }"));
    expect(config.images).toEqual({ a: { path: "images/a.iso", format: "iso" } });
  });
});

describe("names", () => {
  test("a name that the config cannot hold stays the name at libvirt", () => {
    const result = imported({ "networks.yaml": "- { name: 'my net', cidr: 10.20.0.0/24 }\n" });
    expect(configOf(result).networks).toMatchObject({ "my-net": { name: "my net" } });
    expect(whyOf(result, "my net")).toContain("my-net");
  });

  test.each(["010", "1_000", "2026-12-24", "1e3"])(
    "the name %s, which looks like something else, survives",
    (name) => {
      const result = imported({ "networks.yaml": `- { name: '${name}', cidr: 10.20.0.0/24 }\n` });
      expect(Object.keys(configOf(result).networks)).toEqual([name]);
    },
  );

  test("two files with the same network give one, with different ones two", () => {
    const one = "- { name: admin, cidr: 10.20.0.0/24 }\n";
    const other = "- { name: admin, cidr: 10.21.0.0/24 }\n";
    expect(Object.keys(configOf(imported({ "a.yaml": one, "b.yaml": one })).networks)).toEqual(["admin"]);
    const both = imported({ "a.yaml": one, "b.yaml": other });
    expect(Object.keys(configOf(both).networks)).toEqual(["admin", "b-admin"]);
    expect(whyOf(both, "admin in b.yaml")).toContain("b-admin");
  });

  test("a key that stands twice counts the last time, as in Python", () => {
    const result = imported({ "networks.yaml": "- { name: a, cidr: 10.20.0.0/24, name: b }\n" });
    expect(Object.keys(configOf(result).networks)).toEqual(["b"]);
    expect(whyOf(result, "networks.yaml")).toContain("twice");
  });

  test("other files are told, not read", () => {
    expect(whyOf(imported({ "x.yaml": "a: 1\n" }), "x.yaml")).toContain("not imported");
  });
});
