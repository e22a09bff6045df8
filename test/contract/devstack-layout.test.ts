import "tsx/cjs"; // the handlers load parts of theirs by require()
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Definition } from "../../providers/core/definition";
import type { JoinState, VerifyState } from "../../providers/devstack/types";
import type { LabConfig } from "../../stacks/config/types";
import type { PlannedResource } from "../../stacks/plan/types";
import { available } from "../systems/nodes/start";
import { KEY, lab, planned } from "../unit/stacks/plan/lab";
import { Rack } from "./devstack-nodes.lab";
import { newTrace, type Trace, up } from "./libvirt-handlers.run";

const { kinds } = require("../../providers/registry") as typeof import("../../providers/registry");

const reason = available();
const NAMES = ["node1", "node2", "node3"];
/** Of the stand-in's answers, in the first node. */
const PORT = 8_790;

/** A layout as it is planned, made by its handlers on nodes with networks, disks and an sshd of their own. */
describe.skipIf(reason && !process.env.CI)(
  `a layout of three real nodes${reason ? ` (not run: ${reason})` : ""}`,
  { timeout: 300_000 },
  () => {
    let rack: Rack;
    let api: ChildProcess | undefined;
    const cwd = process.cwd();
    const folder = mkdtempSync(join(tmpdir(), "labplan-layout-"));
    const states = new Map<string, object>();

    const config = (computes: string[], more: { database?: string } = {}): LabConfig =>
      lab({
        networks: { admin: { backend: "rack", cidr: "10.99.0.0/24" } },
        machines: Object.fromEntries(
          NAMES.map((name, index) => [
            name,
            {
              backend: "rack",
              disks: [{ sizeBytes: 2 ** 30, image: "rocky9" }],
              networks: [{ network: "admin", ip: rack.node(index).underlay }],
              cloudInit: { user: "root", sshKeys: [KEY] },
              wait: { for: "ssh" },
            },
          ]),
        ),
        devstack: {
          branch: "stable/2026.1",
          layout: { controller: ["node1"], compute: computes, ...more },
          overlay: { kind: "vxlan" },
          gitBase: "/opt/git",
          repo: "/opt/git/openstack/devstack.git",
          verify: { boot: false }, // there is no OVN whose metadata namespace would reach a server
        },
      });

    /** What is on the nodes; the machines themselves are there. In the order in which the engine makes it. */
    const parts = (computes: string[], more?: { database?: string }): PlannedResource[] =>
      planned(config(computes, more)).resources.filter(({ kind }) => /^(devstack|overlay):/.test(kind));
    const keyOf = ({ kind, name }: PlannedResource) => `${kind} ${name}`;

    /** With the key of the test in the place of the user's own. */
    const inputsOf = ({ inputs }: PlannedResource): object =>
      JSON.parse(
        JSON.stringify(inputs, (key, value) =>
          key === "login" || key === "computeLogin" ? rack.login(0) : value,
        ),
      );

    const runOf = (resource: PlannedResource, trace: Trace) => {
      const machine = resource.on?.key.split(" ")[1] ?? "node1";
      const peers = Object.keys(resource.peers ?? {});
      const run = rack.run<object>(NAMES.indexOf(machine), { name: resource.name, trace });
      return {
        ...run,
        peers: Object.fromEntries(Object.entries(run.peers).filter(([n]) => peers.includes(n))),
      };
    };
    const definitionOf = ({ kind }: PlannedResource) => kinds[kind]?.load() as Definition<object>;

    async function make(computes: string[], more?: { database?: string }): Promise<Trace> {
      const trace = newTrace();
      for (const resource of parts(computes, more)) {
        const key = keyOf(resource);
        const run = runOf(resource, trace);
        const state = await up(definitionOf(resource), inputsOf(resource), run, states.get(key)).catch(
          (error: Error) => {
            throw new Error(`${key}: ${error.message}`, { cause: error });
          },
        );
        states.set(key, state);
      }
      return trace;
    }

    async function remove(resources: PlannedResource[]): Promise<void> {
      for (const resource of [...resources].reverse()) {
        const state = states.get(keyOf(resource));
        if (state) await definitionOf(resource).remove(state, runOf(resource, newTrace()));
        states.delete(keyOf(resource));
      }
    }

    const verified = () => states.get("devstack:Verify devstack") as VerifyState;
    const stacked = () =>
      NAMES.map((_, index) => rack.runs(index).filter((run) => run === "stack done").length);

    beforeAll(async () => {
      process.chdir(folder);
      rack = await Rack.start(3);
      for (const [index] of NAMES.entries())
        await rack.sh(
          `mkdir -p /opt/labplan; echo http://${rack.node(0).underlay}:${PORT} > /opt/labplan/devstack-api`,
          index,
        );
      // In the node's network alone: its disks do not show every folder of ours.
      const [, pid = ""] = /^\/proc\/(\d+)\//.exec(rack.node(0).path("/")) ?? [];
      const script = `require(${JSON.stringify(join(cwd, "embedded/devstack/api.ts"))}).startDevstackApi({ bind: "0.0.0.0", port: ${PORT} })`;
      const program = [process.execPath, "--require", require.resolve("tsx/cjs"), "-e", script];
      const tied = ["setpriv", "--pdeathsig", "KILL"];
      const [command = "", ...words] = [...tied, "nsenter", "-t", pid, "-n", ...tied, ...program];
      api = spawn(command, words, { stdio: "ignore" });
      for (const end = Date.now() + 30_000; Date.now() < end; await sleep(200))
        if (await rack.sh(`curl -s -o /dev/null http://127.0.0.1:${PORT}/ && echo up || :`)) return;
      throw new Error("the stand-in's answers did not start");
    });
    afterAll(async () => {
      api?.kill("SIGKILL");
      await rack?.stop();
      process.chdir(cwd);
      rmSync(folder, { recursive: true, force: true });
    });

    test("is made in the plan's order, and every pair and hypervisor is proven", async () => {
      await make(["node2", "node3"]);
      expect(stacked()).toEqual([1, 1, 1]);
      expect(verified().matrix).toHaveLength(6);
      expect(verified().matrix.filter(({ reached, fullSize }) => !reached || !fullSize)).toEqual([]);
      expect(verified().hypervisors.map(({ host, cell, state }) => [host, cell, state])).toEqual([
        ["node2", "cell1", "up"],
        ["node3", "cell1", "up"],
      ]);
    });

    test("the same again stacks nothing, and finds everything as it is", async () => {
      const before = new Map(states);
      await make(["node2", "node3"]);
      expect(stacked()).toEqual([1, 1, 1]);
      for (const resource of parts(["node2", "node3"])) {
        const state = before.get(keyOf(resource)) as object;
        const seen = await definitionOf(resource).observe(state, runOf(resource, newTrace()), state);
        expect(seen, keyOf(resource)).toEqual(state);
      }
    });

    test("a compute gets the controller's CA before devstack makes another one", async () => {
      const CA = "/opt/stack/data/CA/int-ca/ca-chain.pem";
      /** The phase as devstack's stack.sh calls it, after lib/tls was read. */
      const preInstall = (index: number, enabled = "tls-proxy"): Promise<string> => {
        const lines = [
          ...[
            "set -e",
            "eval $(grep -E '^(HOST_IP|SERVICE_HOST)=' /opt/stack/devstack/.stackenv)",
            "DATA_DIR=/opt/stack/data",
            "init_CA() { :; }",
          ],
          `is_service_enabled() { [ "$1" = ${enabled} ]; }`,
          ...["set -- stack pre-install", ". /var/lib/labplan/devstack/hook/devstack/plugin.sh", ""],
        ];
        writeFileSync(rack.node(index).path("/run/pre-install"), lines.join("\n"));
        return rack.sh("runuser -u stack -- env HOME=/opt/stack bash /run/pre-install", index);
      };
      await preInstall(1);
      expect(rack.read(CA, 1)).toBe("");
      await rack.sh(`runuser -u stack -- sh -c 'umask 077; mkdir -p ${dirname(CA)}; echo of node1 > ${CA}'`);
      await preInstall(1, "n-cpu");
      expect(rack.read(CA, 1)).toBe("");
      await preInstall(1);
      expect(rack.read(CA, 1)).toBe("of node1\n");
      expect(await rack.sh("stat -c '%U %a %n' /opt/stack/data/CA*", 1)).toBe(
        "stack 700 /opt/stack/data/CA\n",
      );
      await preInstall(0);
      expect(rack.read(CA, 0)).toBe("of node1\n");
      await rack.sh("mv /opt/stack/.ssh/id_ed25519 /opt/stack/.ssh/away", 1);
      await expect(preInstall(1)).rejects.toThrow(/the CA of 172\.24\.4\.\d+ could not be fetched/);
      await rack.sh("mv /opt/stack/.ssh/away /opt/stack/.ssh/id_ed25519", 1);
    });

    test("a link that breaks fails what verifies it, and names the pair", async () => {
      const [, two, three] = rack.nodes as [unknown, (typeof rack.nodes)[0], (typeof rack.nodes)[0]];
      await rack.system.cut(two, three);
      const verify = parts(["node2", "node3"]).find(
        ({ kind }) => kind === "devstack:Verify",
      ) as PlannedResource;
      const again = up(definitionOf(verify), inputsOf(verify), runOf(verify, newTrace()));
      await expect(again).rejects.toThrow(/node2 → node3: no answer[\s\S]*node3 → node2: no answer/);
      await rack.system.mend(two, three);
    });

    test("with a server in the cloud no compute leaves, and no controller is stacked anew: told before anything is touched", async () => {
      const SERVICE_HOST = "$(sed -n 's/^SERVICE_HOST=//p' /opt/stack/devstack/.stackenv)";
      const servers = (word: string) =>
        rack.sh(
          `curl -sS --fail --noproxy '*' --data-urlencode "cloud=${SERVICE_HOST}" --data-urlencode ${word} http://127.0.0.1:${PORT}/stand-in/servers`,
        );
      const [all, fewer] = [parts(["node2", "node3"]), parts(["node2"])];
      const find = (of: PlannedResource[], key: string) =>
        of.find((one) => keyOf(one) === key) as PlannedResource;
      const refused = async (key: string, to: PlannedResource[], more: object = {}) => {
        const now = find(to, key);
        const inputs = { ...inputsOf(now), ...more };
        const problems = await definitionOf(now).precheckEdit?.(
          ...([inputs, inputsOf(find(all, key)), runOf(now, newTrace())] as const),
        );
        return (problems ?? []).map(({ message }) => message).join();
      };
      const [mesh, controller] = ["devstack:Mesh devstack", "devstack:Node node1"];
      // One that failed before it came to a host has nothing to lose.
      await servers("boot=nowhere@node9");
      await sleep(500);
      expect(await refused(mesh, fewer)).toBe("");
      expect(await refused(controller, all, { generation: 2 })).toBe("");

      await servers("boot=precious@node3");
      const leaving = /^compute "node3" cannot leave: a server is on it: precious \(\S+\)\. Move them/;
      expect(await refused(mesh, fewer)).toMatch(leaving);
      expect(await refused(mesh, parts(["node3"]))).toBe("");
      const kept =
        /^"node1" drops the databases of its cloud .*, and a server is in it: precious \(\S+\) on node3\..*take the edit back/;
      expect(await refused(controller, all, { generation: 2 })).toMatch(kept);
      expect(await refused("devstack:Node node2", all, { generation: 2 })).toBe("");
      const node = find(all, controller);
      const again = up(
        definitionOf(node),
        { ...inputsOf(node), generation: 2 },
        runOf(node, newTrace()),
        states.get(controller),
      );
      await expect(again).rejects.toThrow(kept);
      await expect(
        definitionOf(node).remove(states.get(controller) as object, runOf(node, newTrace())),
      ).rejects.toThrow(kept);
      expect(stacked()).toEqual([1, 1, 1]);

      // A nova that does not answer says nothing of what is on it; what is said to be needed no more is let go.
      await servers("delete=precious");
      await rack.sh(
        "cd /etc/openstack && cp -p clouds.yaml away && sed -i 's#http://[^ ]*#http://127.0.0.1:9/identity#' clouds.yaml",
      );
      const silent =
        /nova cannot be asked whether servers are .*127\.0\.0\.1:9.*remove \S+run\/stacked there/;
      expect(await refused(mesh, fewer)).toMatch(silent);
      expect(await refused(controller, all, { generation: 2 })).toMatch(silent);
      const noted = "/var/lib/labplan/devstack/run/stacked";
      await rack.sh(`mv ${noted} ${noted}.away`);
      expect(await refused(mesh, fewer)).toBe("");
      expect(await refused(controller, all, { generation: 2 })).toBe("");
      await rack.sh(`mv ${noted}.away ${noted}; cd /etc/openstack && mv away clouds.yaml`);
    });

    test("a compute less: disabled, unstacked, forgotten by nova; the other stays as it is", async () => {
      const [all, fewer] = [parts(["node2", "node3"]), parts(["node2"])];
      const kept = new Set(fewer.map(keyOf));
      await remove(all.filter((resource) => !kept.has(keyOf(resource))));
      await make(["node2"]);
      // With the user goes what it had, the count of its runs included.
      expect(stacked()).toEqual([1, 1, 0]);
      expect(await rack.sh("getent passwd stack; ls -d /opt/stack 2>/dev/null || :", 2)).toBe("");
      expect(verified().hypervisors.map(({ host }) => host)).toEqual(["node2"]);
      expect((states.get("devstack:Join node2") as JoinState).enabled).toBe(true);
      expect(await rack.sh("ip -br link | grep -c lpvx || :", 2)).toBe("0\n");
    });

    test("is taken away to nothing of ours", async () => {
      await remove(parts(["node2"]));
      for (const [index] of NAMES.entries())
        expect(
          await rack.sh(
            "getent passwd stack; ls /etc/labplan /var/lib/labplan /opt/stack/devstack 2>/dev/null || :",
            index,
          ),
        ).toBe("");
    });

    test("with a database of its own the controller makes all databases there, and starts no server", async () => {
      await make(["node2"], { database: "node3" });
      const made = rack.read("/opt/stack/stand-in/databases").trim().split("\n");
      expect(made).toEqual(expect.arrayContaining(["keystone", "glance", "nova_api", "nova_cell1"]));
      const servers = "ls /opt/stack/status/devstack@mysql.service 2>/dev/null || echo none";
      expect(await rack.sh(servers)).toBe("none\n");
      expect(await rack.sh(servers, 2)).toMatch(/mysql.service\n$/);
      expect(verified().hypervisors.map(({ host }) => host)).toEqual(["node2"]);
      await remove(parts(["node2"], { database: "node3" }));
    });
  },
);
