import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureEmbedded } from "../../embedded/start";
import { BootLog } from "../../kickstart/server/log";
import { Registry } from "../../kickstart/server/registry";
import { freePort } from "../systems/loopback";
import { TestLab } from "./harness";
import { killTree } from "./kill-tree";
import { KEY } from "./lab-config";

const HASH = "$6$canary$lifecycleHashOfTheRootPassword";
const LIMIT_MS = 300_000;

type Machines = Record<string, { address?: string; sshHostKey?: string; bootedAt?: string }>;
type Outputs = { machines: Machines; bootRecords: Machines };

/** From a mirror's installer to machines that called home, without a hypervisor. */
describe.each([
  [
    "libvirt",
    { kind: "embedded" },
    { admin: { backend: "desk", cidr: "10.20.0.0/24" } },
    { network: "admin" },
  ],
  ["VirtualBox", { kind: "virtualbox", host: "embedded:" }, {}, {}],
] as const)("an image that is installed on the embedded %s", (_, backend, networks, way) => {
  const cards = "admin" in networks ? ["admin"] : [{ type: "nat" }];
  const files = fs.mkdtempSync(path.join(os.tmpdir(), "lp-installer-"));
  const tokens = new Set<string>();
  let lab: TestLab;
  let home: string;
  let httpPort: number;

  const machine = (parts: object = {}) => ({
    backend: "desk",
    memory: "256 MiB",
    disk: "20 GiB",
    image: "rocky9",
    networks: cards,
    sshKeys: [KEY],
    wait: { for: "boot", timeout: "90s" },
    ...parts,
  });
  const sections = (install: object = {}, machines: object = { w1: machine(), w2: machine() }) => ({
    backends: { desk: backend },
    bootServer: { httpPort },
    networks,
    images: {
      rocky9: {
        install: {
          backend: "desk",
          family: "rocky",
          release: "9",
          mirror: "http://192.0.2.1/rocky",
          kernel: { path: path.join(files, "vmlinuz") },
          initrd: { path: path.join(files, "initrd") },
          sshKeys: [KEY],
          rootPassword: { secret: "rootHash" },
          timeout: "120s",
          ...way,
          ...install,
        },
      },
    },
    machines,
  });
  const log = () => new BootLog(home).read();
  const keepTokens = () => {
    if (!fs.existsSync(home)) return;
    for (const { token } of new Registry(home).list()) tokens.add(token);
  };
  const faults = async (rules: object[]) => {
    const lab1 = await ensureEmbedded({ home: lab.embeddedHome });
    fs.writeFileSync(path.join(lab1.home, "faults.json"), JSON.stringify(rules));
  };
  const machineOutputs = async () => (await lab.outputs<Outputs>()).machines;
  const records = async () => (await lab.outputs<Outputs>()).bootRecords;

  beforeAll(async () => {
    for (const name of ["vmlinuz", "initrd"]) fs.writeFileSync(path.join(files, name), "an installer");
    httpPort = await freePort();
    lab = await TestLab.create(sections(), { secrets: { rootHash: HASH } });
    home = path.join(lab.folder, "boot");
    lab.env = { LABPLAN_BOOT_HOME: home, LABPLAN_SHUTDOWN_S: "0.5" };
  }, LIMIT_MS);
  afterAll(async () => {
    await lab?.close();
    fs.rmSync(files, { recursive: true, force: true });
  });

  test(
    "preview: its kickstart is to be read, secrets by name, and what is wrong with it is told",
    async () => {
      const { code, text } = await lab.run(["preview", "--diff", "--show-full-output"]);
      expect([code, text]).toEqual([0, expect.stringContaining("rootpw --iscrypted {{secret:rootHash}}")]);
      expect(text).not.toContain(HASH);
      expect(fs.existsSync(home)).toBe(false);

      lab.write(sections({ commands: ["if true; then echo half"] }));
      const refused = await lab.run(["preview"]);
      expect(refused.code).not.toBe(0);
      expect(refused.text).toMatch(/image.*rocky9.*shell/is);
    },
    LIMIT_MS,
  );

  test(
    "a failed installation ends the up with its log; no machine is made on half an image",
    async () => {
      lab.write(sections());
      await faults([{ procedure: "netboot:pre", do: "error", message: "mirror is down" }]);
      const { code, text } = await lab.run(["up", "--yes", "--skip-preview"]);
      keepTokens();
      expect(code).not.toBe(0);
      expect(text).toMatch(/image "rocky9": its installer failed.*mirror is down/s);
      expect(await lab.state()).not.toMatch(/(Domain|Machine)::w1/);
    },
    LIMIT_MS,
  );

  test(
    "the next up builds it, and every clone calls home as itself",
    async () => {
      await faults([]);
      await lab.up();
      keepTokens();
      const machines = await machineOutputs();
      const keys = ["w1", "w2"].map((name) => machines[name]?.sshHostKey);
      for (const key of keys) expect(key).toMatch(/^ssh-ed25519 /);
      expect(new Set(keys).size).toBe(2);
      const booted = log().filter(({ stage }) => stage === "booted");
      expect(
        booted.map(({ machine: name, hostName, sshHostKey }) => [name, hostName, sshHostKey]).sort(),
      ).toEqual([
        ["w1", "w1", keys[0]],
        ["w2", "w2", keys[1]],
      ]);
      expect(new Set(booted.map(({ mac }) => mac)).size).toBe(2);
      expect((await records()).w1?.bootedAt).toBe(booted.find(({ machine: name }) => name === "w1")?.at);
    },
    LIMIT_MS,
  );

  test(
    "a second look finds nothing to do; an edit of the kickstart alone is told, and does nothing",
    async () => {
      expect((await lab.preview()).ops).toEqual({});
      lab.write(sections({ timezone: "Europe/Berlin" }));
      const { ops, text } = await lab.preview();
      expect(ops).toEqual({});
      expect(text).toMatch(/image "rocky9" stays as it is installed/);
      expect(text).toMatch(/^\+ timezone Europe\/Berlin --utc$/m);
    },
    LIMIT_MS,
  );

  test(
    "a new generation is built beside the old; killed in the middle, it is carried on and not begun twice",
    async () => {
      const wiped = { w1: machine({ allow: ["wipe"] }), w2: machine({ allow: ["wipe"] }) };
      lab.write(sections({ generation: 2 }, wiped));
      await faults([{ procedure: "netboot:installed", do: "slow", ms: 60_000 }]);
      const before = log().length;
      const seen = (wanted: string) =>
        log()
          .slice(before)
          .filter(({ stage }) => stage === wanted);
      const { child, done } = lab.start(["up", "--yes", "--skip-preview"]);
      for (const limit = Date.now() + 120_000; seen("pre").length === 0; await sleep(50))
        if (Date.now() > limit) throw new Error(`it did not come so far: ${JSON.stringify(log())}`);
      keepTokens();
      killTree(child.pid ?? 0);
      await done;
      await lab.run(["cancel", "--yes"]);
      await lab.up();
      expect(seen("config")).toHaveLength(1);
      expect(seen("installed")).toHaveLength(1);
      // The machines were made anew on it, and said so.
      expect(
        seen("booted")
          .map(({ machine: name }) => name)
          .sort(),
      ).toEqual(["w1", "w2"]);
      lab.write(sections({ generation: 2 }));
      expect((await lab.preview()).ops).toEqual({});
    },
    LIMIT_MS,
  );

  test(
    "trap kickstart-pxe#27: a machine that calls with a wrong token is waited for in vain, and told as refused",
    async () => {
      const w3 = machine({ wait: { for: "boot", timeout: "8s" } });
      lab.write(sections({ generation: 2 }, { w1: machine(), w2: machine(), w3 }));
      await faults([{ procedure: "netboot:booted", do: "lie" }]);
      const { code, text } = await lab.run(["up", "--yes", "--skip-preview"]);
      expect(code).not.toBe(0);
      expect(text).toMatch(
        /machine "w3" did not call home within 8 s; nothing was heard from it; a caller with its MAC was refused/,
      );
    },
    LIMIT_MS,
  );

  test(
    "trap kickstart-pxe#24: no token and no root password's hash is kept anywhere",
    async () => {
      keepTokens();
      const kept = [await lab.state()];
      for (const entry of fs.readdirSync(lab.folder, { recursive: true, withFileTypes: true })) {
        // Seeds and registrations are where tokens belong: of mode 0600.
        const isTheirs = /registrations|embedded-home/.test(entry.parentPath);
        if (entry.isFile() && !isTheirs)
          kept.push(fs.readFileSync(path.join(entry.parentPath, entry.name), "latin1"));
      }
      expect(tokens.size).toBeGreaterThanOrEqual(4);
      for (const canary of [HASH, ...tokens]) expect(kept.join("\n")).not.toContain(canary);
    },
    LIMIT_MS,
  );

  test(
    "destroy leaves nothing: no registration, no file of an installer's TFTP, no machine",
    async () => {
      await faults([]);
      await lab.destroy();
      expect(new Registry(home).list()).toEqual([]);
      expect(fs.existsSync(path.join(home, "tftp")) ? fs.readdirSync(path.join(home, "tftp")) : []).toEqual(
        [],
      );
      const { deployment } = JSON.parse(await lab.state()) as {
        deployment: { resources?: { type: string }[] };
      };
      expect((deployment.resources ?? []).filter(({ type }) => type.includes("dynamic/"))).toEqual([]);
    },
    LIMIT_MS,
  );
});
