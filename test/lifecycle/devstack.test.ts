import type { ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ensureEmbedded } from "../../embedded/start";
import { UNKNOWN } from "../../providers/core/change";
import { connectSsh } from "../../providers/ssh/client";
import { makeKey } from "../systems/ssh/start";
import { TestLab } from "./harness";
import { killTree } from "./kill-tree";

/**
 * A devstack of several nodes through its whole life: on sandboxes whose stack.sh is the stand-in, or with the real one
 * on machines of one's own. DEVSTACK_REPO is devstack's git URL then, and DEVSTACK_LAB a JSON or YAML file with the
 * sections `backends`, `networks`, `images` and `machines` of a stack: machines ctl, hv1, hv2 and hv3, which our SSH
 * agent or key lets us into.
 */
const REPO = process.env.DEVSTACK_REPO;
const OWN_LAB = process.env.DEVSTACK_LAB;
const isReal = REPO !== undefined;
if (isReal && OWN_LAB === undefined)
  throw new Error("DEVSTACK_REPO needs DEVSTACK_LAB: a file with the machines that it is run on, see above");

const SECRET = "devstack-password-canary-7Qx";
const LIMIT_MS = isReal ? 5 * 3_600_000 : 600_000;
/** Only the stand-in fails, waits and breaks links when it is told to. */
const withFaults = test.skipIf(isReal);
const notReal = isReal ? " (not run: the real one cannot be told to)" : "";

interface Reached {
  address: string;
  sshPort: number;
  sshHostKey: string;
  login?: string;
}

interface Devstack {
  matrix: { from: string; to: string; reached: boolean; fullSize: boolean }[];
  hypervisors: { host: string; cell: string; state: string; server?: { reached: boolean } }[];
}

describe("a devstack of several nodes", () => {
  let lab: TestLab;
  let identityFile: string;
  let publicKey: string;

  const own = OWN_LAB && (load(fs.readFileSync(OWN_LAB, "utf8")) as Record<string, Record<string, object>>);
  const machine = () => ({
    ...{ backend: "here", memory: "256 MiB", disk: "1 GiB", networks: ["admin"] },
    ...{ sshKeys: [publicKey], wait: "ssh" },
  });
  const config = (computes: string[], devstack: object = {}) => ({
    backends: { here: { kind: "embedded" } },
    networks: { admin: { backend: "here", cidr: "10.20.0.0/24" } },
    ...own,
    machines: Object.fromEntries(
      ["ctl", ...computes].map((name) => [name, own ? (own.machines?.[name] ?? {}) : machine()]),
    ),
    devstack: {
      branch: "stable/2026.1",
      layout: { controller: "ctl", compute: computes },
      overlay: "vxlan",
      ...(isReal ? { repo: REPO } : { timeout: "5m", silence: "2m" }),
      ...devstack,
    },
  });

  /** Run something as root on a node, past everything that labplan believes. */
  async function on(name: string, script: string): Promise<string> {
    const { machines } = await lab.outputs<{ machines: Record<string, Reached> }>();
    const {
      address: host = "",
      sshPort: port = 22,
      sshHostKey: hostKey,
      login,
    } = machines[name] ?? ({} as Reached);
    const [, user = "labplan"] = /(\S+)@\S+$/.exec(login ?? "") ?? [];
    const key = isReal ? {} : { identityFile, agent: false as const };
    const connection = await connectSsh({ host, port, hostKey, user, ...key });
    const words = isReal && user !== "root" ? ["sudo", "-n", "sh", "-c", script] : ["sh", "-c", script];
    try {
      return (await connection.exec(words, { deadlineS: 30 })).stdout.trim();
    } finally {
      await connection.close();
    }
  }

  /** How often stack.sh came to its end there: by the stand-in's own count, or by our journal. */
  const COUNT = isReal
    ? `grep -c '"event":"end".*"script":"stack.sh","code":0,' /var/lib/labplan/devstack/journal.jsonl`
    : "grep -c '^stack done' /opt/stack/stand-in/runs";
  const stacked = async (...names: string[]): Promise<number[]> => {
    const counts: number[] = [];
    for (const name of names) counts.push(Number(await on(name, COUNT)));
    return counts;
  };
  const devstack = async () => (await lab.outputs<{ devstack: Devstack }>()).devstack;
  const touched = (ops: Record<string, string>, kind: string) =>
    Object.keys(ops)
      .filter((key) => key.startsWith(`devstack:${kind} `))
      .map((key) => key.split(" ")[1]);

  beforeAll(async () => {
    const keys = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-devstack-"));
    identityFile = path.join(keys, "id");
    publicKey = await makeKey(identityFile, "ed25519");
    lab = await TestLab.create(config(["hv1", "hv2"]), { secrets: { devstackPassword: SECRET } });
    if (isReal) return;
    // The key that machines let in is the user's own: its home is the test's.
    fs.mkdirSync(path.join(lab.folder, "home", ".ssh"), { recursive: true, mode: 0o700 });
    fs.copyFileSync(identityFile, path.join(lab.folder, "home", ".ssh", "id_ed25519"));
    fs.chmodSync(path.join(lab.folder, "home", ".ssh", "id_ed25519"), 0o600);
    lab.env = {
      HOME: path.join(lab.folder, "home"),
      PULUMI_HOME: process.env.PULUMI_HOME ?? path.join(os.homedir(), ".pulumi"),
      SSH_AUTH_SOCK: "",
    };
    // Pulumi itself may keep what is selected in the home of the account, whatever HOME says.
    await lab.mustSucceed(["stack", "select", lab.stack]);
  });
  afterAll(async () => {
    await lab?.close();
    if (identityFile) fs.rmSync(path.dirname(identityFile), { recursive: true, force: true });
  });

  test(
    "is previewed: each node's local.conf with the source of every line, and no input of ours unknown",
    async () => {
      const { ops, text } = await lab.preview();
      expect(touched(ops, "Node").sort()).toEqual(["ctl", "hv1", "hv2"]);
      expect(touched(ops, "Join").sort()).toEqual(["hv1", "hv2"]);
      expect(ops).toMatchObject({ "devstack:Verify devstack": "create", "overlay:Endpoint ctl": "create" });
      expect(text).toMatch(/local\.conf of hv1:\n/);
      expect(text).toMatch(/^enable_service n-cpu +← preset multinode$/m);
      expect(text).toMatch(/^HOST_IP=172\.24\.4\.2 +← devstack\.layout$/m);
      expect(text).not.toContain(SECRET);
      const { steps } = JSON.parse((await lab.mustSucceed(["preview", "--json"])).replace(/^[^{]*/, "")) as {
        steps: { newState?: { type: string; inputs?: Record<string, unknown> } }[];
      };
      const unknown = steps
        .filter(({ newState }) => /dynamic\/(devstack|overlay)/.test(newState?.type ?? ""))
        .flatMap(({ newState }) =>
          Object.entries(newState?.inputs ?? {})
            .filter(([key, value]) => !key.startsWith("__") && JSON.stringify(value).includes(UNKNOWN))
            .map(([key]) => `${newState?.type} ${key}`),
        );
      expect(unknown).toEqual([]);
    },
    LIMIT_MS,
  );

  test(
    "comes up stage by stage and is verified: every pair, every hypervisor; the next preview says unchanged",
    async () => {
      const text = await lab.up();
      expect(text).not.toContain(SECRET);
      const { matrix, hypervisors } = await devstack();
      expect(matrix).toHaveLength(6);
      expect(matrix.filter(({ reached, fullSize }) => !reached || !fullSize)).toEqual([]);
      expect(hypervisors.map(({ host, state, server }) => [host, state, server?.reached]).sort()).toEqual([
        ["hv1", "up", true],
        ["hv2", "up", true],
      ]);
      expect(await stacked("ctl", "hv1", "hv2")).toEqual([1, 1, 1]);
      expect(await lab.state()).not.toContain(SECRET);
      expect((await lab.preview()).ops).toEqual({});
    },
    LIMIT_MS,
  );

  test(
    "a changed localrc restacks the nodes that it touches, and a compute more is stacked and joined; nobody else is",
    async () => {
      lab.write(config(["hv1", "hv2", "hv3"]));
      const more = await lab.preview();
      expect(touched(more.ops, "Node")).toEqual(["hv3"]);
      expect(touched(more.ops, "Join")).toEqual(["hv3"]);
      const nodes = { hv1: { localConf: { localrc: { LIBVIRT_TYPE: "qemu" } } } };
      lab.write(config(["hv1", "hv2", "hv3"], { nodes }));
      const { ops, text } = await lab.preview();
      expect(touched(ops, "Node").sort()).toEqual(["hv1", "hv3"]);
      expect(text).toContain("+ LIBVIRT_TYPE=qemu  ← devstack.nodes.hv1.localConf.localrc.LIBVIRT_TYPE");
      await lab.up();
      expect(await stacked("ctl", "hv1", "hv2", "hv3")).toEqual([1, 2, 1, 1]);
      const { matrix, hypervisors } = await devstack();
      expect(matrix).toHaveLength(12);
      expect(hypervisors.map(({ host }) => host).sort()).toEqual(["hv1", "hv2", "hv3"]);
    },
    LIMIT_MS,
  );

  /** Another text for hv2 alone; what hv1 was stacked with stays. */
  const edited = (days: number | undefined, computes = ["hv1", "hv2", "hv3"]) =>
    config(computes, {
      nodes: {
        hv1: { localConf: { localrc: { LIBVIRT_TYPE: "qemu" } } },
        ...(days === undefined ? {} : { hv2: { localConf: { localrc: { LOGDAYS: days } } } }),
      },
    });

  /** Until stack.sh is in a phase there. */
  async function inPhase(name: string, child: ChildProcess): Promise<void> {
    for (const end = Date.now() + 120_000; Date.now() < end; await sleep(500)) {
      const begun = await on(name, "grep -c '^stack begin' /opt/stack/stand-in/runs");
      const done = await on(name, "grep -c '^stack done' /opt/stack/stand-in/runs");
      if (Number(begun) > Number(done)) return;
      if (child.exitCode !== null) break;
    }
    throw new Error(`stack.sh did not begin on ${name}`);
  }

  withFaults(
    `a laptop that dies in the middle of stack.sh: it goes on there, and the next up follows it to its end${notReal}`,
    async () => {
      const [before = 0] = await stacked("hv2");
      await on("hv2", "echo 'slow install 20' > /opt/stack/stand-in/fault");
      lab.write(edited(3));
      const { child, done } = lab.start(["up", "--yes", "--skip-preview"]);
      await inPhase("hv2", child);
      killTree(child.pid ?? 0);
      await done;
      await on("hv2", "rm -f /opt/stack/stand-in/fault");
      await lab.run(["cancel", "--yes"]);
      await lab.up();
      expect(await stacked("hv2")).toEqual([before + 1]);
    },
    LIMIT_MS,
  );

  withFaults(
    `a phase that fails is told with the node and the phase; mended, the next up stacks that node alone, and tells a pair that has no way${notReal}`,
    async () => {
      const before = await stacked("ctl", "hv1", "hv2", "hv3");
      await on("hv2", "echo 'fail post-config' > /opt/stack/stand-in/fault");
      lab.write(edited(4));
      const failed = await lab.run(["up", "--yes", "--skip-preview"]);
      expect(failed.code).not.toBe(0);
      expect(failed.text).toMatch(/hv2.*post-config/);
      expect(failed.text).not.toContain(SECRET);

      await on("hv2", "rm -f /opt/stack/stand-in/fault");
      const { home } = await ensureEmbedded({ home: lab.embeddedHome });
      const faults = path.join(home, "faults.json");
      fs.writeFileSync(faults, JSON.stringify([{ procedure: "overlay:hv1>hv3", do: "error" }]));
      const { code, text } = await lab.run(["up", "--yes", "--skip-preview"]);
      fs.writeFileSync(faults, "[]");
      expect(code).not.toBe(0);
      expect(text).toMatch(/hv1 → hv3/);
      expect(text).not.toMatch(/hv1 → hv2|ctl → hv/);
      const [ctl, hv1, hv2 = 0, hv3] = before;
      expect(await stacked("ctl", "hv1", "hv2", "hv3")).toEqual([ctl, hv1, hv2 + 1, hv3]);
    },
    LIMIT_MS,
  );

  withFaults(
    `with a server on a compute, that one does not leave and the controller is not stacked anew: refused in the preview, and nothing is cut${notReal}`,
    async () => {
      const servers = (word: string) =>
        on(
          "ctl",
          `curl -sS --fail --noproxy '*' --data-urlencode "cloud=$(sed -n 's/^SERVICE_HOST=//p' /opt/stack/devstack/.stackenv)" --data-urlencode ${word} "$(head -n 1 /opt/labplan/devstack-api)/stand-in/servers"`,
        );
      const known = () =>
        on("hv1", "cat /etc/hosts /opt/stack/.ssh/authorized_keys /etc/labplan/overlay/br-overlay.sh");
      await servers("boot=precious@hv3");
      const [before, counts] = [await known(), await stacked("ctl", "hv1", "hv2", "hv3")];
      expect(before).toMatch(/ hv3$/m);
      const forAll = {
        ...edited(4),
        devstack: { ...edited(4).devstack, localConf: { localrc: { DEBUG: 1 } } },
      };
      for (const [wanted, why] of [
        [edited(4, ["hv1", "hv2"]), /compute "hv3" cannot leave: a server is on it: precious \(/],
        [forAll, /"ctl" drops the databases of its cloud .*, and a server is in it: precious \(\S+\) on hv3/],
      ] as const) {
        lab.write(wanted);
        for (const words of [["preview"], ["up", "--yes", "--skip-preview"]]) {
          const { code, text } = await lab.run(words);
          expect(code).not.toBe(0);
          expect(text.replaceAll(/\s+/g, " ")).toMatch(why);
        }
        expect(await known()).toBe(before);
        expect(await stacked("ctl", "hv1", "hv2", "hv3")).toEqual(counts);
      }
      await servers("delete=precious");
    },
    LIMIT_MS,
  );

  test(
    "a compute less is gone from the devstack, the others stay as they are, and all is verified again",
    async () => {
      const before = await stacked("ctl", "hv1", "hv2");
      lab.write(edited(isReal ? undefined : 4, ["hv1", "hv2"]));
      const { ops } = await lab.preview();
      expect(ops).toMatchObject({ "devstack:Join hv3": "delete", "devstack:Node hv3": "delete" });
      await lab.up();
      expect(await stacked("ctl", "hv1", "hv2")).toEqual(before);
      const { hypervisors, matrix } = await devstack();
      expect(hypervisors.map(({ host }) => host).sort()).toEqual(["hv1", "hv2"]);
      expect(matrix).toHaveLength(6);
      expect((await lab.preview()).ops).toEqual({});
    },
    LIMIT_MS,
  );

  test(
    "is destroyed to nothing",
    async () => {
      await lab.destroy();
      expect(JSON.parse(await lab.state()).deployment.resources ?? []).toEqual([]);
    },
    LIMIT_MS,
  );
});
