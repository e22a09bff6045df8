import { execFile, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeRepository, makeStandIn } from "../../../../embedded/devstack/repository";
import { HOOK_TEXT } from "../../../../providers/devstack/hook";

/** The stand-in in a temporary folder of this system: everything that it writes to is told to be there. */
describe("devstack's stand-in", { timeout: 30_000 }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-stand-in-"));
  const at = (...parts: string[]): string => path.join(folder, ...parts);
  const clone = at("devstack");
  let commits: string[] = [];

  beforeAll(async () => {
    const bare = await makeStandIn(at("git"));
    await makeRepository(at("git/plugin.git"), {
      "devstack/plugin.sh": 'echo "CALLED $*"\n',
      "devstack/settings": "FROM_PLUGIN=settings\n",
    });
    await makeRepository(at("git/labplan.git"), { "devstack/plugin.sh": HOOK_TEXT });
    const heads = execFileSync("git", ["-C", bare, "for-each-ref", "--format=%(objectname)"]).toString();
    commits = heads.trim().split("\n");
    execFileSync("git", ["clone", "-q", "-b", "stable/2026.1", bare, clone], { stdio: "ignore" });
    fs.mkdirSync(at("bin"));
    // An ordinary user, whoever runs the tests.
    fs.writeFileSync(at("bin/id"), "#!/bin/sh\ncase $* in -u) echo 1001 ;; *) echo stack ;; esac\n", {
      mode: 0o755,
    });
  });
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  const PASSWORDS = ["ADMIN", "DATABASE", "RABBIT", "SERVICE"].map((name) => `${name}_PASSWORD=canary`);
  const conf = (lines: string[], rest: string[] = []): void =>
    fs.writeFileSync(
      path.join(clone, "local.conf"),
      [
        "[[local|localrc]]",
        `DEST=${at("dest")}`,
        "HOST_IP=127.0.0.1",
        ...PASSWORDS,
        ...lines,
        "",
        ...rest,
        "",
      ].join("\n"),
    );
  const run = (script: string, env: Record<string, string> = {}): Promise<{ code: number; out: string }> =>
    new Promise((resolve) => {
      const PATH = `${at("bin")}:${process.env.PATH}`;
      const options = { cwd: clone, env: { PATH, HOME: folder, STAND_IN_ETC: at("etc"), ...env } };
      execFile(`./${script}`, options, (error, stdout, stderr) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, out: `${stdout}${stderr}` }),
      );
    });
  const stacked = async () => {
    const result = await run("stack.sh");
    expect(result.out.slice(-400)).toContain("stack.sh completed");
    expect((await run("unstack.sh")).code).toBe(0);
    return result.out;
  };
  const stackenv = (name: string): string =>
    new RegExp(`^${name}=(.*)$`, "m").exec(fs.readFileSync(path.join(clone, ".stackenv"), "utf8"))?.[1] ?? "";

  it("is one commit on each branch, the same wherever it is made", async () => {
    expect(commits.length).toBe(4);
    const again = execFileSync("git", ["-C", await makeStandIn(at("again")), "rev-parse", "master"])
      .toString()
      .trim();
    expect(new Set([...commits, again]).size).toBe(1 + new Set(commits).size - 1);
    expect(commits).toContain(again);
  });

  describe("with database and message queue elsewhere", () => {
    const made = (what: "databases" | "vhosts"): string[] => {
      const file = at("dest/stand-in", what);
      return fs.existsSync(file) ? fs.readFileSync(file, "utf8").trim().split("\n") : [];
    };
    const hook = `enable_plugin ours file://${at("git/labplan.git")}`;
    const env = { LABPLAN_RUN: "test" };

    it("makes a few databases only, and fails for a queue, as devstack does by itself", async () => {
      fs.rmSync(at("dest/stand-in/vhosts"), { force: true });
      conf(["disable_service mysql", "DATABASE_HOST=127.0.0.1"]);
      expect((await run("stack.sh")).code).toBe(0);
      expect(made("databases")).toEqual(["keystone", "placement"]);
      await run("unstack.sh");
      conf(["disable_service rabbit", "RABBIT_HOST=127.0.0.1"]);
      const { code, out } = await run("stack.sh");
      expect({ code, said: out.includes("RPC backend does not support vhosts") }).toEqual({
        code: 1,
        said: true,
      });
      await run("unstack.sh");
    });

    it("makes all of them with our plugin, installs a client and no server, and leaves vhosts to the queue's node", async () => {
      fs.rmSync(at("dest/stand-in/vhosts"), { force: true });
      const there = ["LABPLAN_DATABASE=elsewhere", "MYSQL_HOST=127.0.0.1", "DATABASE_HOST=127.0.0.1"];
      conf([...there, "disable_service rabbit", "RABBIT_HOST=127.0.0.1", hook]);
      const { code, out } = await run("stack.sh", env);
      expect({ code, said: out.slice(-300) }).toEqual({
        code: 0,
        said: expect.stringContaining("completed"),
      });
      expect(made("databases").sort()).toEqual(
        [
          "cinder",
          "glance",
          "keystone",
          "neutron",
          "nova_api",
          "nova_cell0",
          "nova_cell1",
          "placement",
        ].sort(),
      );
      expect(made("vhosts")).toEqual([]);
      expect(out).toContain("labplan: vhost nova_cell1 is made where RabbitMQ is, at 127.0.0.1");
      expect(out).toMatch(/Installing default-mysql-client|labplan: the database is at/);
      expect(fs.existsSync(at("dest/status/devstack@mysql.service"))).toBe(false);
      await run("unstack.sh", env);
    });

    it("makes the vhosts of all cells where RabbitMQ is alone", async () => {
      fs.rmSync(at("dest/stand-in/vhosts"), { force: true });
      conf(["disable_all_services", "enable_service rabbit", "NOVA_NUM_CELLS=2", hook]);
      expect((await run("stack.sh", env)).code).toBe(0);
      expect(made("vhosts")).toEqual(["nova_cell1", "nova_cell2"]);
      await run("unstack.sh", env);
    });
  });

  it("refuses root, a clone without local.conf, and one without its passwords", async () => {
    fs.rmSync(path.join(clone, "local.conf"), { force: true });
    expect((await run("stack.sh")).out).toContain("neither local.conf nor localrc");
    fs.writeFileSync(
      path.join(clone, "local.conf"),
      `[[local|localrc]]\nDEST=${at("dest")}\nADMIN_PASSWORD=x\n`,
    );
    expect((await run("stack.sh")).out).toContain("DATABASE_PASSWORD is not set");
    fs.writeFileSync(at("bin/id"), "#!/bin/sh\necho 0\n");
    expect((await run("stack.sh")).out).toContain("Cut it out.");
    fs.writeFileSync(at("bin/id"), "#!/bin/sh\ncase $* in -u) echo 1001 ;; *) echo stack ;; esac\n");
  });

  it("trap openstack#21: calls plugins in each phase, skips extras.d but tempest's, and runs local.sh as the last", async () => {
    conf([`enable_plugin labplan ${at("git/plugin.git")}`, "disable_service tempest"]);
    fs.writeFileSync(path.join(clone, "extras.d/80-other.sh"), "echo NEVER\n");
    fs.writeFileSync(path.join(clone, "local.sh"), "#!/bin/sh\necho BY LOCAL.SH\n", { mode: 0o755 });
    const out = await stacked();
    const words = out
      .split("\n")
      .flatMap((line) => /\| (CALLED .*|BY LOCAL.SH)$/.exec(line)?.[1]?.trim() ?? []);
    expect(words).toEqual([
      "CALLED stack pre-install",
      "CALLED stack install",
      "CALLED stack post-config",
      "CALLED stack extra",
      "BY LOCAL.SH",
      "CALLED stack test-config",
    ]);
    expect(out).toContain("processing of project 80-other.sh is skipped");
    expect(out).not.toMatch(/\| NEVER/);
    for (const file of ["extras.d/80-other.sh", "local.sh"]) fs.rmSync(path.join(clone, file));
  });

  it("turns services on and off: what is disabled stays so, whatever comes after", async () => {
    conf([
      "disable_service horizon dstat",
      "enable_service horizon",
      "enable_service heat,h-eng",
      "ENABLED_SERVICES+=,-etcd3",
    ]);
    await stacked();
    const services = stackenv("ENABLED_SERVICES").split(",");
    expect(services).toEqual(
      expect.arrayContaining(["key", "heat", "h-eng", "n-cpu", "n-super-cond", "n-cond-cell1"]),
    );
    for (const gone of ["horizon", "dstat", "etcd3", "-etcd3"]) expect(services).not.toContain(gone);
  });

  it("merges sections into the files that they name: lists, quotes, and what two sections say", async () => {
    conf(
      ["NOVA_CONF_DIR=$STAND_IN_ETC/nova"],
      [
        "[[post-config|$NOVA_CONF]]",
        "[DEFAULT]",
        "# a comment",
        "debug = True",
        "pci = one",
        "pci = two",
        "[libvirt]",
        'odd = \\\\$HOME \\\\"quoted\\\\" a=b',
        "known = $SERVICE_HOST",
        "[[post-config|$NOWHERE]]",
        "[DEFAULT]",
        "never = seen",
        "[[test-config|$TEMPEST_CONFIG]]",
        "[compute]",
        "min_compute_nodes = 2",
        "[[post-config|$NOVA_CONF]]",
        "[DEFAULT]",
        "debug = False",
      ],
    );
    const out = await stacked();
    const nova = fs.readFileSync(at("etc/nova/nova.conf"), "utf8");
    expect(nova).toMatch(/^pci = one\npci = two$/m);
    expect(nova).toContain('odd = $HOME "quoted" a=b\n');
    expect(nova).toContain("known = 127.0.0.1\n");
    // As devstack: two sections of one file are one, and what is set twice is a list, whose last counts.
    expect(nova.match(/^debug.*$/gm)).toEqual(["debug = True", "debug = False"]);
    expect(out).toContain("unknown config file specification: $NOWHERE is undefined");
  });

  it("counts its runs, and is not run twice without unstack.sh", async () => {
    conf([]);
    fs.rmSync(at("dest/stand-in/runs"));
    expect((await run("stack.sh")).code).toBe(0);
    const again = await run("stack.sh");
    expect(again).toMatchObject({ code: 1, out: expect.stringContaining("'./unstack.sh'") });
    expect((await run("clean.sh")).code).toBe(0);
    const runs = fs.readFileSync(at("dest/stand-in/runs"), "utf8").trim().split("\n");
    expect(runs).toEqual([
      "stack begin",
      "stack done",
      "unstack begin",
      "unstack done",
      "clean begin",
      "clean done",
    ]);
    expect(fs.existsSync(at("etc/nova"))).toBe(false);
    expect(fs.existsSync(path.join(clone, ".stackenv"))).toBe(false);
  });

  it("goes wrong in the phase that it is told, after that phase's plugins", async () => {
    conf([`enable_plugin labplan ${at("git/plugin.git")}`]);
    for (const [text, code] of [
      ["fail extra once", 1],
      ["die post-config once", null],
    ] as const) {
      fs.mkdirSync(at("dest/stand-in"), { recursive: true });
      fs.writeFileSync(at("dest/stand-in/fault"), `${text}\n`);
      fs.rmSync(at("dest/stand-in/calls"), { force: true });
      const result = await run("stack.sh");
      if (code !== null) expect(result).toMatchObject({ code, out: expect.stringContaining("[ERROR]") });
      else expect(result.code).not.toBe(0);
      const calls = fs.readFileSync(at("dest/stand-in/calls"), "utf8").trim().split("\n");
      expect(calls.at(-1)).toBe(`labplan stack ${text.split(" ")[1]}`);
      expect(fs.readFileSync(at("dest/stand-in/fault"), "utf8")).toBe("");
      await run("unstack.sh");
    }
    await stacked();
  });
});
