import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, it, test } from "vitest";
import { importBooted } from "../../../../cli/import-booted/import";
import { lint } from "../../../../kickstart/lint";
import { renderKickstart } from "../../../../kickstart/render";
import { kickstartVariables } from "../../../../kickstart/variables";
import { loadConfig } from "../../../../stacks/config/load";
import { formatProblem } from "../../../../stacks/config/positions";
import type { LabConfig } from "../../../../stacks/config/types";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { plan } from "../../../../stacks/plan/plan";

const FIXTURE = "test/fixtures/booted";
const disk = {
  readDir: (dir: string) => fs.readdirSync(dir),
  readFile: (file: string) => fs.readFileSync(file, "utf8"),
  exists: (file: string) => fs.existsSync(file),
};
/** The checkout with some of its files others. */
const imported = (files: Record<string, string> = {}) =>
  importBooted(
    FIXTURE,
    {
      ...disk,
      readFile: (file) => files[path.relative(FIXTURE, file)] ?? disk.readFile(file),
      exists: (file) => path.relative(FIXTURE, file) in files || disk.exists(file),
    },
    "abcdefgh",
  );

type Imported = ReturnType<typeof importBooted>;

const load = ({ yaml, files }: Imported) =>
  loadConfig({
    stack: "dev",
    file: { path: "stacks/Pulumi.dev.yaml", text: yaml },
    readFile: (name) => files.find((file) => file.path === name)?.text ?? "",
  });
const problemsOf = (result: Imported): string[] => load(result).problems.map(formatProblem);

function configOf(result: Imported): LabConfig {
  expect(problemsOf(result)).toEqual([]);
  const { config } = load(result);
  if (!config) throw new Error("no config");
  return config;
}
const formatPlanned = ({ path, message }: { path: readonly unknown[]; message: string }): string =>
  `${path.join(".")}: ${message}`;
const whyOf = ({ notes }: Imported, what: string | RegExp): string | undefined =>
  notes.find((note) => (typeof what === "string" ? note.what.includes(what) : what.test(note.what)))?.why;

const environments = (groups: string) => imported({ "fabric/environments.py": `groups = ${groups}\n` });
const kickstart = (edit: (text: string) => string) =>
  imported({ "kickstart/centos-ks.cfg": edit(disk.readFile(`${FIXTURE}/kickstart/centos-ks.cfg`)) });

describe("booted's own lab", () => {
  const result = imported();
  const config = configOf(result);

  it("loads: one image, and a machine for each of booted's images", () => {
    expect(Object.keys(config.images)).toEqual(["centos"]);
    expect(Object.keys(config.machines)).toEqual(["fabric1", "ifabric2", "fabric", "ifabric3", "ifabric4"]);
    expect(config.backends).toEqual({ desk: { kind: "virtualbox" } });
  });

  it("trap seeds#1: plans machines with MACs and host names of their own", () => {
    const planned = plan(config, emptyLock(), new Date("2026-11-21T00:00:00Z"));
    expect(planned.problems.map(formatPlanned)).toEqual([]);
    const machines = planned.plan?.resources.filter(({ kind }) => kind === "virtualbox:Machine") ?? [];
    const cards = machines.flatMap(({ inputs }) => (inputs.nics as { mac: string }[]).map(({ mac }) => mac));
    expect(cards.length).toBeGreaterThanOrEqual(10);
    expect(new Set(cards).size).toBe(cards.length);
    expect(machines.map(({ inputs }) => inputs.hostName)).toEqual(
      expect.arrayContaining(["fabric1", "ifabric2", "fabric"]),
    );
  });

  it("keeps what vbox.sh said of the machines", () => {
    expect(config.machines.fabric1).toMatchObject({
      backend: "desk",
      cpus: 1,
      memoryMiB: 1024,
      disks: [{ sizeBytes: 40000 * 2 ** 20, image: "centos" }],
      networks: [{ type: "nat" }, { bridge: "eth0" }],
      wait: { for: "boot" },
    });
  });

  it("installs release 9 with booted's kickstart as a template", () => {
    expect(config.images.centos?.install).toMatchObject({
      family: "centos-stream",
      release: "9",
      sizeBytes: 40000 * 2 ** 20,
      timezone: "America/Vancouver",
      language: "en_US.UTF-8",
      keyboard: "us",
      openPorts: [9999],
    });
    expect(config.images.centos?.install?.template).toBe(result.files[0]?.text);
  });

  it("whose template renders, and lints clean", () => {
    const install = config.images.centos?.install;
    if (!install) throw new Error("no install");
    const variables = kickstartVariables(install, {
      name: "centos",
      purpose: "image",
      disk: "sda",
      nics: [{ mac: "08:00:27:aa:bb:01" }, { mac: "08:00:27:aa:bb:02", ip: "192.0.2.11", prefix: 24 }],
    });
    const { text, problems } = renderKickstart(variables, install.template);
    expect(problems).toEqual([]);
    expect(lint("kickstart", text, { release: "9" })).toEqual([]);
    expect(text).toContain("volgroup vg.0 pv.0");
    expect(text).toContain("dnf -y install nginx uwsgi python3-pip python3-bottle openssl wget vim");
    expect(text).toContain("firewall --enabled --ssh --port=9999:tcp\n");
    expect(text).toContain("timezone America/Vancouver --utc");
  });

  test.each([
    ["the md5 password", "centos-ks.cfg: rootpw", /root is locked/],
    ["the phone-home in rc.local", "rc.local", /a unit, with a token/],
    ["the phone-home that came too early", /^kickstart\S+ curl http/, /still to come/],
    ["reboot and poweroff at once", "centos-ks.cfg: poweroff", /said beside another/],
    ["the reboot of a builder", "centos-ks.cfg: reboot", /powers off/],
    ["CentOS 6", "CentOS-6.9", /CentOS Stream 9/],
    ["cards by name", "--device eth0", /by its MAC/],
    ["the default entry", "default entry", /an entry for each MAC/],
    ["the VNC password", "vncpassword", /dropped/],
    ["ks= and ksdevice=", "ksdevice", /BOOTIF/],
    ["commands that are gone", "authconfig", /gone since CentOS 6/],
    ["the environments", "environment prod", /no section of labplan's yet/],
    ["the service", "hello_deploy", /nothing is deployed/],
    ["passwords from the environment", "credentials.py", /SSH keys/],
    ["the boot log", "port 8080", /a token for each/],
    ["the list of hosts", "hosts.py", /npm run lab -- hosts/],
    ["mistyped names", /^ifabric2.* beside fabric1/, /mistyped/],
    ["clones that shared MACs", "clones of the image", /host name, a machine id/],
    ["the host's network card", "--bridgeadapter2 eth0", /write the name of yours/],
  ] as const)("tells what becomes of %s", (_, what, why) => {
    expect(whyOf(result, what)).toMatch(why);
  });

  test.each([
    ["trap seeds#3: booted is not said by the installer", /booted\/\s*$/m],
    ["trap seeds#4: there is one end", /^reboot$/m],
    ["trap seeds#6: no VNC, and no password of it", /vnc/i],
    [
      "trap seeds#7: nothing is of CentOS 6, and no ISO is needed",
      /^(cdrom|install|authconfig.*|zerombr yes)$/m,
    ],
  ])("%s", (_, gone) => {
    expect(result.files[0]?.text).not.toMatch(gone);
    expect(result.files[0]?.text.match(/^poweroff$/gm)).toHaveLength(1);
  });

  it("trap seeds#2: repeats no password and no hash, in any output", () => {
    const all = JSON.stringify(result);
    expect(all).not.toMatch(/bootstrap|\$1\$|pepper/);
  });
});

describe("environments that are another's", () => {
  it("name machines of roles too, and say where they are missing", () => {
    const result = environments("{'prod': {'images': ['a', 'b'], 'roles': {'workers': ['a', 'c']}}}");
    expect(Object.keys(configOf(result).machines)).toEqual(["a", "b", "c"]);
    expect(whyOf(result, "prod: c")).toMatch(/not among the environment's images/);
    expect(whyOf(result, "prod: b")).toMatch(/has no role/);
  });

  it("share a machine that two of them name", () => {
    const result = environments("{'prod': {'images': ['a']}, 'test': {'images': ['a']}}");
    expect(Object.keys(configOf(result).machines)).toEqual(["a"]);
    expect(whyOf(result, /^a$/)).toMatch(/prod and test/);
  });

  it("have names that are no host names", () => {
    const config = configOf(environments("{'prod': {'images': ['Web Server_1']}}"));
    expect(config.machines["Web-Server_1"]).toMatchObject({ hostName: "web-server-1", name: "Web Server_1" });
  });

  it("trap seeds#5: are not run", () => {
    const result = environments("{'prod': {'images': [open('/etc/passwd').read()]}}");
    expect(configOf(result).machines).toEqual({});
    expect(whyOf(result, "environments.py")).toMatch(/^is not run, only read.*line 1.*"open" is no literal/);
  });

  it("say keys that booted does not know", () => {
    expect(whyOf(environments("{'p': {'images': ['a'], 'sla': 3}}"), "p.sla")).toMatch(/no key/);
  });
});

describe("kickstarts that are another's", () => {
  it("lose every password", () => {
    const result = kickstart((text) =>
      text
        .replace(
          "firewall --ssh",
          "firewall --ssh\nuser --name=ann --password hunter2\nsshpw --username=x hunter2\nvnc --password=hunter2",
        )
        .replace("part pv.0", "part pv.0 --encrypted --passphrase='hunter2 x'")
        .replace("%post\n", "%post\necho root:hunter2 | chpasswd\n"),
    );
    expect(result.files[0]?.text).toContain("--passphrase={{secret:kickstart}}");
    expect(whyOf(result, "part with a password")).toMatch(/pulumi config set --secret kickstart/);
    expect(JSON.stringify(result)).not.toContain("hunter2");
    expect(problemsOf(result)).toEqual([expect.stringContaining("kickstart")]);
  });

  it("keep what still holds, and what the checks say of the rest is told", () => {
    const result = kickstart((text) =>
      text.replace("--name=lv.root --vgname=vg.0", "--name=lv.root --vgname=vg.1"),
    );
    expect(result.files[0]?.text).toContain("--vgname=vg.1");
    expect(whyOf(result, /centos\.ks\.j2: logvol \//)).toMatch(
      /^to be looked at: .*"vg\.1", which no volgroup makes/,
    );
  });

  it("with a { that is a template's own sign are told, not torn", () => {
    const result = kickstart((text) => text.replace("yum -y upgrade", "echo {{ host }}"));
    expect(whyOf(result, /centos\.ks\.j2: line \d+/)).toMatch(/"host", which it is not given/);
  });
});

describe("a checkout with less in it", () => {
  const only = (...files: string[]) => {
    const isThere = (file: string) => files.some((name) => name === file || name.startsWith(`${file}/`));
    return importBooted(
      FIXTURE,
      {
        ...disk,
        exists: (file) => isThere(path.relative(FIXTURE, file)),
        readDir: (dir) =>
          files
            .filter((file) => path.dirname(file) === path.relative(FIXTURE, dir))
            .map((file) => path.basename(file)),
      },
      "abcdefgh",
    );
  };

  it("gives what there is", () => {
    const config = configOf(only("fabric/environments.py"));
    expect(Object.keys(config.machines)).toHaveLength(5);
    expect(config.images).toEqual({});
    expect(Object.keys(configOf(only("kickstart/centos-ks.cfg")).images)).toEqual(["centos"]);
  });

  it("is none when nothing of booted's is there", () => {
    expect(() => only("README")).toThrow(/is no checkout of booted: it has neither/);
  });
});
