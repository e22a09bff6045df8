import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { HostInputs, HostState, NodeInputs, NodeState } from "../../providers/devstack/types";
import { available } from "../systems/nodes/start";
import { sudoAvailable } from "../systems/ssh/machine";
import { CANARY, hostDefinition, nodeDefinition, type Options, Rack } from "./devstack-nodes.lab";
import { Killed, newTrace, type Trace, up } from "./libvirt-handlers.run";
import { watchProcesses } from "./ssh-access.lab";

const reason = available();
const STEPS = [
  ...["1/8 undo", "2/8 clone", "3/8 patches", "4/8 extras", "5/8 local.conf", "6/8 stack.sh"],
  ...["7/8 checks", "8/8 record"],
];
const STACKED = ["stack begin", "stack done"];

describe.skipIf(reason && !process.env.CI)(
  `devstack's nodes${reason ? ` (not run: ${reason})` : ""}`,
  {
    timeout: 300_000,
  },
  () => {
    let rack: Rack;
    let host: HostState;
    const cwd = process.cwd();
    let folder = "";
    beforeAll(async () => {
      rack = await Rack.start(1);
      host = await up(hostDefinition, rack.host(), rack.run<HostState>(0));
    });
    afterAll(async () => {
      if (host) await hostDefinition.remove(host, rack.run<HostState>(0));
      await rack?.stop();
    });
    let left: NodeState | undefined;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "labplan-node-"));
      process.chdir(folder);
    });
    afterEach(async () => {
      await rack?.sh("rm -f /opt/stack/stand-in/fault");
      if (left) await remove(left);
      left = undefined;
      await rack?.sh("rm -rf /opt/stack/stand-in /opt/stack/logs /opt/stack/data /opt/stack/status");
      process.chdir(cwd);
      rmSync(folder, { recursive: true });
    });

    const make = async (more: Partial<NodeInputs> = {}, known?: NodeState, options: Options = {}) => {
      const inputs = rack.devstack(0, more);
      left = { ...inputs, stackedAt: "", stackedWith: "", intact: false };
      left = await up(nodeDefinition, inputs, rack.run<NodeState>(0, options), known);
      return left;
    };
    const remove = (state: NodeState, options: Options = {}) =>
      nodeDefinition.remove(state, rack.run<NodeState>(0, options));
    /** Until it is told that stack.sh is in the phase that is slow. */
    const inPhase = async (trace: Trace, work: Promise<unknown>) => {
      let ended = false;
      const end = () => {
        ended = true;
      };
      work.then(end, end);
      while (!ended && !trace.progress.some((line) => /phase install/.test(line))) await sleep(50);
    };
    const look = (state: NodeState, options: Options = {}) =>
      nodeDefinition.observe(state, rack.run<NodeState>(0, options), state);
    const there = () =>
      rack.sh(
        "cd /opt/stack; find . /var/lib/labplan -not -path '*/.git/*' -not -path './logs/*' -not -path './.ssh*' | sort",
      );

    it("trap openstack#21: is cloned, configured, stacked phase by phase, checked; and removed to nothing of ours", async () => {
      const before = await there();
      const trace = newTrace();
      const state = await make({}, undefined, { trace });
      expect(trace.steps).toEqual(STEPS);
      expect(rack.runs()).toEqual(STACKED);
      expect(state.stackedAt).toMatch(/^20\d\d-.*Z$/);
      expect(state.intact).toBe(true);
      expect(await look(state)).toEqual(state);
      const journal = rack.read("/var/lib/labplan/devstack/journal.jsonl");
      const events = journal
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
      expect(events[0]).toMatchObject({ event: "begin", script: "stack.sh" });
      expect(events.at(-1)).toMatchObject({ event: "end", script: "stack.sh", code: 0 });
      expect(events.filter(({ event }) => event === "phase").map(({ phase }) => phase)).toEqual(
        expect.arrayContaining(
          ["pre-install", "install", "post-config", "extra", "test-config"].map((one) => `stack ${one}`),
        ),
      );
      expect(await rack.sh("stat -c '%a %U' /opt/stack/devstack/local.conf")).toBe("600 stack\n");
      // The same again does nothing.
      const again = await make({}, state);
      expect(again).toEqual(state);
      expect(rack.runs()).toEqual(STACKED);
      await remove(state);
      left = undefined;
      expect(rack.runs()).toEqual([...STACKED, "unstack begin", "unstack done", "clean begin", "clean done"]);
      await rack.sh("rm -rf /opt/stack/stand-in /opt/stack/logs /opt/stack/data /opt/stack/status");
      expect(await there()).toBe(before);
    });

    it("killed at any step and repeated: the same end, and nothing is stacked twice", async () => {
      // All of them are in the embedded lab's matrix.
      for (const dieAt of ["2/8 clone", "5/8 local.conf", "6/8 stack.sh", "7/8 checks"]) {
        await expect(make({}, undefined, { dieAt }), dieAt).rejects.toThrow(Killed);
        const state = await make();
        expect(state.intact, dieAt).toBe(true);
        expect(rack.runs(), dieAt).toEqual(STACKED);
        expect(await look(state), dieAt).toEqual(state);
        await remove(state);
        await rack.sh("rm -rf /opt/stack/stand-in");
      }
    });

    it("a link that is cut or a run that is killed in the middle of stack.sh leaves it running; the next follows it", async () => {
      await rack.fault("slow install 15");
      const controller = new AbortController();
      const trace = newTrace();
      const first = make({}, undefined, { signal: controller.signal, trace });
      const ended = first.catch((error: Error) => error);
      await inPhase(trace, first);
      controller.abort(new Error("Ctrl-C"));
      expect(await ended).toBeInstanceOf(Error);
      expect(rack.runs()).toEqual(["stack begin"]);
      const second = newTrace();
      const state = await make({}, undefined, { trace: second });
      expect(second.said.join()).toMatch(/stack.sh still runs there, and is followed/);
      expect(second.progress.join("\n")).toMatch(/\[6\/8 stack.sh\] phase \S+, \d+ lines, \d+ s; last: /);
      expect(rack.runs()).toEqual(STACKED);
      expect(state.intact).toBe(true);
    });

    it("a failure in any phase is told with it, its log is fetched without secrets, and the next try undoes it first", async () => {
      for (const phase of ["pre-install", "install", "post-config", "extra", "test-config"]) {
        await rack.fault(`fail ${phase} once`);
        const error = await make().catch((one: Error) => one);
        expect(`${error}`, phase).toMatch(
          new RegExp(`"node1": stack.sh failed \\(exit \\d+\\) in phase ${phase} after \\d+ lines`),
        );
        const path = /The log is in (\S+\.log)/.exec(`${error}`)?.[1] ?? "";
        expect(path).toContain(join(".labplan", "logs", "test", "node1-"));
        expect(statSync(path).mode & 0o777).toBe(0o600);
        const log = readFileSync(path, "utf8");
        expect(log.length).toBeGreaterThan(200);
        for (const text of [log, `${error}`]) expect(text).not.toContain("canary-Zk4");
        // devstack's own log has them from then on.
        if (phase === "test-config")
          expect(rack.read("/var/lib/labplan/devstack/run/stack.sh.log")).toContain("canary-Zk4");
        const trace = newTrace();
        await make({}, undefined, { trace });
        expect(trace.said.join()).toMatch(/the last stack.sh failed: unstack.sh takes back/);
        expect(rack.runs(), phase).toEqual(["stack begin", "unstack begin", "unstack done", ...STACKED]);
        if (left) await remove(left);
        await rack.sh("rm -rf /opt/stack/stand-in");
      }
      expect(readdirSync(join(folder, ".labplan/logs/test")).length).toBe(5);
    });

    it("one that hangs is told with its phase, goes on, and is ended by the next try only", async () => {
      await rack.fault("hang post-config once");
      const error = await make({ silenceS: 8 }).catch((one: Error) => one);
      expect(`${error}`).toMatch(/hangs in phase post-config[\s\S]*said nothing for \d+ s \(limit 8 s\)/);
      expect((error as Error).name).toBe("DeadlineError");
      expect(await rack.sh("pgrep -f '[.]/stack.sh' | wc -l")).not.toBe("0\n");
      const state = await make({ silenceS: 8 });
      expect(rack.runs()).toEqual(["stack begin", "unstack begin", "unstack done", ...STACKED]);
      expect(await rack.sh("pgrep -f '[.]/stack.sh' | wc -l")).toBe("0\n");
      expect(state.intact).toBe(true);
    });

    it("two at once: the second says who is at it since when, and nothing is stacked twice", async () => {
      await rack.fault("slow install 6");
      const trace = newTrace();
      const first = make({}, undefined, { trace });
      await inPhase(trace, first);
      const second = await up(nodeDefinition, rack.devstack(), rack.run<NodeState>(0)).catch(
        (one: Error) => one,
      );
      expect(`${second}`).toMatch(/"node1": \S+@\S+ is at it: stack.sh runs there since 20\S+Z \(phase/);
      await first;
      expect(rack.runs()).toEqual(STACKED);
    });

    it("killed there, without a word: told, undone, stacked", async () => {
      await rack.fault("slow install 5");
      const trace = newTrace();
      const first = make({}, undefined, { trace }).catch((one: Error) => one);
      await inPhase(trace, first);
      await rack.sh("kill -KILL $(sed -n 6p /var/lib/labplan/devstack/run/current)");
      expect(`${await first}`).toMatch(/stack.sh was killed there/);
      await rack.sh("rm -f /opt/stack/stand-in/fault");
      await make();
      expect(rack.runs().slice(-4)).toEqual(["unstack begin", "unstack done", ...STACKED]);
      expect(rack.runs().filter((one) => one === "stack begin").length).toBe(2);
    });

    it("a reboot ends a run: no process that has its number by then is taken for it, or ended", async () => {
      await rack.fault("slow install 5");
      const trace = newTrace();
      const first = make({}, undefined, { trace }).catch((one: Error) => one);
      await inPhase(trace, first);
      const current = "/var/lib/labplan/devstack/run/current";
      await rack.sh(`pkill -KILL -s $(sed -n 6p ${current})`);
      await first;
      // What begins after the boot has that number again, and leads a session.
      await rack.sh(
        `setsid sleep 300 >/dev/null 2>&1 & p=$!; sed -i "6s/.*/$p/; 7s/.*/$(sed 's/.*) //' /proc/$p/stat | cut -d ' ' -f 20)/; 8s/.*/b001/" ${current}; echo $p > /tmp/other`,
      );
      await rack.sh("rm -f /opt/stack/stand-in/fault");
      const again = newTrace();
      await make({}, undefined, { trace: again });
      expect(again.said.join()).toMatch(/the last stack.sh did not come to its end/);
      expect(rack.runs().slice(-4)).toEqual(["unstack begin", "unstack done", ...STACKED]);
      await rack.sh("kill $(cat /tmp/other); rm /tmp/other");
    });

    it("an unstack.sh whose runner was killed is ended by the next try, and begun anew", async () => {
      const state = await make();
      const current = "/var/lib/labplan/devstack/run/current";
      await rack.fault("hang unstack once");
      const restacked = make({ generation: 2 }, state).catch((one: Error) => one);
      await rack.sh(`until [ "$(sed -n 2p ${current})" = unstack.sh ]; do sleep 0.1; done; sleep 1`);
      await rack.sh(`kill -KILL $(sed -n 6p ${current})`);
      expect(`${await restacked}`).toMatch(/unstack.sh was killed there/);
      expect(await rack.sh("pgrep -f '[.]/unstack.sh' | wc -l")).not.toBe("0\n");
      await make({ generation: 2 }, state);
      expect(await rack.sh("pgrep -f '[.]/unstack.sh' | wc -l")).toBe("0\n");
      expect(rack.runs()).toEqual([...STACKED, "unstack begin", "unstack begin", "unstack done", ...STACKED]);
    });

    it("an edit of what it is stacked with restacks it once; of checks or deadlines never", async () => {
      const state = await make();
      const gentle = await make({ checks: ["true"], timeoutS: 50 }, state);
      expect(rack.runs()).toEqual(STACKED);
      const localConf = `${rack.devstack().localConf}DEBUG_LIBVIRT=True\n`;
      const edited = await make({ localConf }, gentle);
      expect(rack.runs()).toEqual([...STACKED, "unstack begin", "unstack done", ...STACKED]);
      expect(rack.read("/opt/stack/devstack/local.conf")).toContain("DEBUG_LIBVIRT=True");
      expect(edited.stackedWith).not.toBe(state.stackedWith);
      await expect(make({ localConf, checks: ["echo no >&2; false"] }, edited)).rejects.toThrow(
        /the check `echo no >&2; false` failed \(exit 1\): no\./,
      );
      expect(rack.runs().length).toBe(6);
    });

    it("a node with servers on it is neither stacked anew nor unstacked; one that never was stacked is", async () => {
      const server = "/opt/stack/data/nova/instances/5a8c0c43-5a2c-4f0e-9f3e-0d3f6f0c1a11";
      await rack.fault("fail install once");
      await make().catch(() => undefined);
      await rack.sh(`runuser -u stack -- mkdir -p ${server} /opt/stack/data/nova/instances/_base`);
      const state = await make();
      expect(rack.runs()).toEqual(["stack begin", "unstack begin", "unstack done", ...STACKED]);
      const before = rack.runs();
      await rack.sh(`runuser -u stack -- mkdir -p ${server} /opt/stack/data/nova/instances/_base`);
      const refused = /servers are on it \(5a8c0c43-\S+\), and unstack.sh would destroy them/;
      await expect(make({ generation: 2 }, state)).rejects.toThrow(refused);
      await expect(remove(state)).rejects.toThrow(refused);
      // A preview tells it already: of an edit that stacks anew, and of another user, whose home has all of it.
      const told = async (more: Partial<NodeInputs>) =>
        nodeDefinition.precheckEdit?.(rack.devstack(0, more), rack.devstack(), rack.run<NodeState>(0));
      const otherUser = async (more: Partial<HostInputs>) =>
        hostDefinition.precheckEdit?.(rack.host(0, more), rack.host(), rack.run<HostState>(0));
      expect(await told({ generation: 2 })).toEqual([
        { field: "name", message: expect.stringMatching(refused) },
      ]);
      expect(await told({ checks: ["false"] })).toEqual([]);
      expect(await otherUser({ uid: 1501 })).toEqual([
        { field: "user", message: expect.stringMatching(refused) },
      ]);
      expect(await otherUser({ packages: ["git"] })).toEqual([]);
      expect(rack.runs()).toEqual(before);
      // Taken back.
      expect(await make({}, state)).toEqual(state);
      expect(rack.runs()).toEqual(before);
      await rack.sh(`rmdir ${server}`);
      expect([await told({ generation: 2 }), await otherUser({ uid: 1501 })]).toEqual([[], []]);
      const virsh =
        "printf '#!/bin/sh\\necho instance-00000007\\necho mine\\n' > /usr/local/bin/virsh; chmod +x /usr/local/bin/virsh";
      await rack.sh(virsh);
      await expect(make({ generation: 2 }, state)).rejects.toThrow(/on it \(instance-00000007\)/);
      await rack.sh("rm /usr/local/bin/virsh");
      await make({ generation: 2 }, state);
      expect(rack.runs()).toEqual([...before, "unstack begin", "unstack done", ...STACKED]);
    });

    it("nova's id of a compute outlives a new stack.sh, whichever run unstacked; it goes with the node", async () => {
      const id = () =>
        rack.sh("cat /opt/stack/data/nova/compute_id; stat -c %U /opt/stack/data/nova/compute_id");
      const state = await make();
      const first = await id();
      expect(first).toMatch(/^[0-9a-f-]{36}\nstack\n$/);
      const edited = await make({ generation: 2 }, state);
      expect(await id()).toBe(first);
      await expect(make({ generation: 3 }, edited, { dieAt: "2/8 clone" })).rejects.toThrow(Killed);
      expect(rack.read("/opt/stack/data/nova/compute_id")).toBe("");
      const last = await make({ generation: 3 }, edited);
      expect(await id()).toBe(first);
      await remove(last);
      await make();
      expect(await id()).not.toBe(first);
    });

    it("a user that is gone is told: nothing is unstacked as it, and it is stacked anew once it is back", async () => {
      const state = await make();
      await rack.sh("pkill -KILL -u stack; userdel stack; cd /opt/stack; rm -rf devstack data status logs");
      expect(await look(state)).toMatchObject({ stackedWith: "", intact: false });
      host = await up(hostDefinition, rack.host(), rack.run<HostState>(0), host);
      const again = await make({}, state);
      expect(again.intact).toBe(true);
      expect(rack.runs()).toEqual([...STACKED, ...STACKED]);
      await rack.sh("pkill -KILL -u stack; userdel stack");
      const trace = newTrace();
      await remove(again, { trace });
      left = undefined;
      expect(trace.said.join()).toMatch(/no user "stack" any more, so there is nothing to unstack/);
      expect(await rack.sh("ls /var/lib/labplan/devstack")).toBe("host.json\n");
      await rack.sh("rm -rf /opt/stack/devstack /opt/stack/labplan");
      host = await up(hostDefinition, rack.host(), rack.run<HostState>(0), host);
    });

    it("patches go in in their order, are taken back, and one that does not fit is told", async () => {
      const add = (name: string, line: string, more = "") =>
        `--- /dev/null\n+++ b/${name}\n@@ -0,0 +1 @@\n+${line}\n${more}`;
      const second = "--- a/one.txt\n+++ b/one.txt\n@@ -1 +1 @@\n-1\n+2\n";
      const patches = { "1-one.patch": add("one.txt", "1"), "2-two.patch": second };
      const state = await make({ patches });
      expect(rack.read("/opt/stack/devstack/one.txt")).toBe("2\n");
      await make({ patches }, state);
      expect(rack.runs()).toEqual(STACKED);
      const fewer = await make({ patches: { "1-one.patch": add("one.txt", "1") } }, state);
      expect(rack.read("/opt/stack/devstack/one.txt")).toBe("1\n");
      await expect(make({ patches: { "2-two.patch": second } }, fewer)).rejects.toThrow(
        /patch "2-two.patch" does not fit onto branch stable\/2026.1: error/,
      );
      const branch = await make({ branch: "master" });
      expect(
        await rack.sh(
          "cd /opt/stack/devstack; ls one.txt 2>/dev/null; runuser -u stack -- git branch --show-current",
        ),
      ).toBe("master\n");
      await rack.sh("echo '# edited' >> /opt/stack/devstack/stackrc");
      await expect(make({ branch: "stable/2025.2" }, branch)).rejects.toThrow(
        /were edited there:[\s\S]*M stackrc[\s\S]*Make a patch/,
      );
      const git = "cd /opt/stack/devstack; runuser -u stack -- git -c user.name=n -c user.email=e@f";
      await rack.sh(`${git} commit -q -a -m 'Mine'`);
      await expect(make({ branch: "stable/2025.2" }, branch)).rejects.toThrow(
        /has commits that \S+ has not:[\s\S]* Mine\n/,
      );
      await rack.sh(`${git} reset -q --hard HEAD~1`);
      expect((await make({ branch: "stable/2025.2" }, branch)).intact).toBe(true);
    });

    it("another repository is fetched into our clone, which is stacked anew, and never over somebody's work", async () => {
      const fork = "/opt/git/fork.git";
      await rack.sh(`cp -a /opt/git/openstack/devstack.git ${fork}`);
      const state = await make();
      const git = "cd /opt/stack/devstack; runuser -u stack -- git -c user.name=n -c user.email=e@f";
      await rack.sh("echo '# edited' >> /opt/stack/devstack/stackrc");
      await expect(make({ repo: fork }, state)).rejects.toThrow(/were edited there:[\s\S]*M stackrc/);
      await rack.sh(`${git} commit -q -a -m 'Mine'`);
      await expect(make({ repo: fork }, state)).rejects.toThrow(
        /has commits that \S+ has not:[\s\S]* Mine\n/,
      );
      // Nothing was taken back for it.
      expect(rack.runs()).toEqual(STACKED);
      await rack.sh(`${git} reset -q --hard HEAD~1`);
      await expect(make({ repo: fork }, state, { dieAt: "3/8 patches" })).rejects.toThrow(Killed);
      expect((await make({ repo: fork }, state)).intact).toBe(true);
      expect(await rack.sh(`${git} remote get-url origin`)).toBe(`${fork}\n`);
      expect(rack.runs()).toEqual([...STACKED, "unstack begin", "unstack done", ...STACKED]);
      await rack.sh(`rm -rf ${fork}`);
    });

    it("projects follow an edit of branch or ref, and no other; not over edits or commits of somebody's in one", async () => {
      const own = "git -c user.name=n -c user.email=e@f";
      const commit = (branch: string) =>
        `git switch -q -c ${branch} && echo ${branch} > version && git add version && ${own} commit -q -m ${branch}`;
      await rack.sh(
        `git init -q -b old /opt/git/tool && cd /opt/git/tool && mkdir devstack && echo : > devstack/plugin.sh && git add devstack && ${own} commit -q -m old && ${commit("stable/2026.1")} && ${commit("stable/2025.2")}`,
      );
      const conf = (branch: string, more = "") =>
        `${rack.devstack().localConf}enable_plugin tool /opt/git/tool ${branch}\n${more}`;
      const at = (branch: string, more?: string) => ({ branch, localConf: conf(branch, more) });
      const version = () => rack.read("/opt/stack/tool/version");
      const git = `cd /opt/stack/tool; runuser -u stack -- ${own}`;

      const state = await make(at("stable/2026.1"));
      expect(version()).toBe("stable/2026.1\n");
      await rack.sh("echo mine >> /opt/stack/tool/version");
      const edited = await make(at("stable/2026.1", "DEBUG=True\n"), state);
      expect(version()).toBe("stable/2026.1\nmine\n");
      const before = rack.runs();
      await expect(make(at("stable/2025.2"), edited)).rejects.toThrow(
        /somebody's work is in them:\ntool: M version\nIt would be lost, so nothing is taken back/,
      );
      // A preview tells it already, before any other node is touched.
      const told = (more: Partial<NodeInputs>) =>
        nodeDefinition.precheckEdit?.(rack.devstack(0, more), edited, rack.run<NodeState>(0));
      expect(await told(at("stable/2025.2"))).toEqual([
        { field: "name", message: expect.stringMatching(/work is in them:\ntool: M version\n/) },
      ]);
      expect(await told(at("stable/2026.1", "LOGDAYS=1\n"))).toEqual([]);
      await rack.sh("echo '# mine' >> /opt/stack/devstack/stackrc");
      expect(await told(at("stable/2025.2"))).toEqual([
        { field: "name", message: expect.stringMatching(/were edited there:\n M stackrc\n/) },
      ]);
      await rack.sh("cd /opt/stack/devstack; runuser -u stack -- git checkout -q stackrc");
      await rack.sh(`${git} commit -q -a -m 'Mine'`);
      await expect(make({ ...at("stable/2026.1"), generation: 2 }, edited)).rejects.toThrow(
        /tool: commit [0-9a-f]+ Mine\n/,
      );
      expect(rack.runs()).toEqual(before);
      await rack.sh(`${git} reset -q --hard HEAD~1`);
      // Killed before the projects were moved: the next run moves them all the same.
      await expect(make(at("stable/2025.2"), edited, { dieAt: "5/8 local.conf" })).rejects.toThrow(Killed);
      const moved = await make(at("stable/2025.2"), edited);
      expect(version()).toBe("stable/2025.2\n");
      await rack.sh("echo mine >> /opt/stack/tool/version");
      await make(at("stable/2025.2", "DEBUG=True\n"), moved);
      expect(version()).toBe("stable/2025.2\nmine\n");
      await rack.sh("rm -rf /opt/stack/tool /opt/git/tool");
    });

    it("a clone of something else, a local.conf of somebody else, another stack's node are left alone", async () => {
      await expect(make({ branch: "nosuch" })).rejects.toThrow(/has no branch or tag "nosuch"/);
      await expect(make({ repo: "/opt/git/nosuch.git" })).rejects.toThrow(/cannot be reached from there/);
      const theirClone =
        "runuser -u stack -- git clone -q /opt/git/openstack/devstack.git /opt/stack/devstack";
      await rack.sh(theirClone);
      const notOurs =
        /\/opt\/stack\/devstack is a clone of devstack that labplan did not make, and is left alone/;
      await expect(make()).rejects.toThrow(notOurs);
      await expect(make({ repo: "/opt/git/fork.git" })).rejects.toThrow(notOurs);
      const problems = await nodeDefinition.precheck?.(rack.devstack(), rack.run<NodeState>(0));
      expect(problems?.map(({ message }) => message).join()).toMatch(notOurs);
      // One that an older version took over.
      await rack.sh(
        "cd /opt/stack/devstack; runuser -u stack -- mkdir .git/labplan; echo x > .git/labplan/of; chown stack .git/labplan/of; echo mine > local.conf",
      );
      await expect(make()).rejects.toThrow(/labplan did not write it, and it is left alone/);
      await rack.sh("rm /opt/stack/devstack/local.conf; touch /opt/stack/devstack/mine");
      const state = await make();
      const theirs = rack.run<NodeState>(0, { mark: { stack: "prod" } });
      await expect(up(nodeDefinition, rack.devstack(), theirs)).rejects.toThrow(/looks after devstack there/);
      // Not ours: it was there before.
      await remove(state);
      left = undefined;
      expect(await rack.sh("ls /opt/stack/devstack")).toContain("mine");
      await rack.sh("rm -rf /opt/stack/devstack");
    });

    it("a clone that stayed for somebody's files in it is taken up again, unless it was stacked by hand meanwhile", async () => {
      const patches = { "1.patch": "--- /dev/null\n+++ b/one.txt\n@@ -0,0 +1 @@\n+1\n" };
      const state = await make({ patches });
      await rack.sh("runuser -u stack -- touch /opt/stack/devstack/mine");
      const trace = newTrace();
      await remove(state, { trace });
      expect(trace.said.join()).toMatch(/devstack stays, because somebody else's files[\s\S]*\?\? mine/);
      expect(trace.said.join()).toMatch(/It is taken up again as it is/);
      await rack.sh("touch /opt/stack/devstack/.stackenv");
      await expect(make()).rejects.toThrow(/is a clone of devstack that labplan did not make/);
      await rack.sh("rm /opt/stack/devstack/.stackenv");
      expect(await nodeDefinition.precheck?.(rack.devstack(), rack.run<NodeState>(0))).toEqual([]);
      const again = await make();
      expect(again.intact).toBe(true);
      expect(await rack.sh("cd /opt/stack/devstack; ls mine one.txt 2>&1 || :")).toMatch(/^mine\n|\nmine\n/);
      await rack.sh("rm /opt/stack/devstack/mine");
      await remove(again);
      left = undefined;
      expect(await rack.sh("ls -d /opt/stack/devstack 2>/dev/null || :")).toBe("");
    });

    it("somebody's commits and stashes in devstack's clone stay with it when the node is removed", async () => {
      const git = "cd /opt/stack/devstack; runuser -u stack -- git -c user.name=n -c user.email=e@f";
      const removed = async (state: NodeState) => {
        const trace = newTrace();
        await remove(state, { trace });
        return trace.said.join();
      };
      const state = await make();
      await rack.sh(`${git} switch -q -c mine; ${git} commit -q --allow-empty -m Mine; ${git} switch -q -`);
      expect(await removed(state)).toMatch(/devstack stays, because somebody else's[\s\S]*commit \S+ Mine/);
      await rack.sh(`${git} branch -q -D mine; echo '# edited' >> stackrc; ${git} stash -q`);
      expect(await removed(await make())).toMatch(
        /devstack stays, because somebody else's[\s\S]*stash@\{0\}/,
      );
      await rack.sh(`${git} stash drop -q`);
      expect(await removed(await make())).not.toMatch(/stays/);
      left = undefined;
      expect(await rack.sh("ls -d /opt/stack/devstack 2>/dev/null || :")).toBe("");
    });

    it("a plugin pinned to a commit is cloned anew; one with somebody's files in it is moved aside, and told", async () => {
      const own = "git -c user.name=n -c user.email=e@f";
      const shas = await rack.sh(
        `git init -q -b master /opt/git/tool && cd /opt/git/tool && mkdir devstack && echo : > devstack/plugin.sh && git add devstack && ${own} commit -q -m one && git rev-parse HEAD && ${own} commit -q --allow-empty -m two && git rev-parse HEAD`,
      );
      const [one = "", two = ""] = shas.trim().split("\n");
      const at = (ref: string, more: Partial<NodeInputs> = {}) => ({
        localConf: `${rack.devstack().localConf}enable_plugin tool /opt/git/tool ${ref}\n`,
        ...more,
      });
      const head = async () =>
        (await rack.sh("cd /opt/stack/tool; runuser -u stack -- git rev-parse HEAD")).trim();
      const first = await make(at(one));
      expect(await head()).toBe(one);
      // devstack's RECLONE would end with "neither branch nor tag".
      const again = await make(at(one, { generation: 2 }), first);
      expect(await head()).toBe(one);
      await rack.sh("runuser -u stack -- touch /opt/stack/tool/mine");
      const trace = newTrace();
      await make(at(two, { generation: 2 }), again, { trace });
      expect(await head()).toBe(two);
      expect(trace.said.join()).toMatch(/it was moved to \/opt\/stack\/tool\.labplan-\d+\./);
      expect(await rack.sh("ls /opt/stack/tool.labplan-*/mine")).not.toBe("");
      await rack.sh("rm -rf /opt/stack/tool /opt/stack/tool.labplan-* /opt/git/tool");
    });

    it("a local.conf that somebody edited is told, and kept beside ours; what was unstacked by hand is stacked again", async () => {
      const state = await make();
      await rack.sh("echo X=1 >> /opt/stack/devstack/local.conf");
      const trace = newTrace();
      const found = await look(state, { trace });
      expect(found?.intact).toBe(false);
      expect(trace.said.join()).toMatch(/local.conf was edited there/);
      const again = await make({}, found);
      expect(again).toEqual(state);
      expect(rack.runs()).toEqual(STACKED);
      expect(rack.read("/opt/stack/devstack/local.conf")).not.toContain("X=1");
      expect(rack.read("/opt/stack/devstack/local.conf.edited")).toContain("X=1");
      await rack.sh("rm /opt/stack/devstack/local.conf.edited");

      await rack.sh("cd /opt/stack/devstack; runuser -u stack -- env HOME=/opt/stack ./unstack.sh");
      expect(await look(state)).toMatchObject({ stackedWith: "", intact: false });
      await make({}, state);
      expect(rack.runs().slice(-2)).toEqual(STACKED);
    });

    it("no secret is in a command line, the journal, a message; a missing one is told before", async () => {
      const watch = watchProcesses();
      const trace = newTrace();
      let seen = "";
      try {
        await make({}, undefined, { trace });
        await rack.sh("sh -c 'sleep 0.1' canary-that-is-seen");
      } finally {
        seen = watch.stop();
      }
      expect(seen).toContain("canary-that-is-seen");
      const ours = seen
        .split("\n")
        .filter((line) => /labplan/.test(line))
        .join("\n");
      expect(ours).not.toContain("canary-Zk4");
      expect(JSON.stringify([trace, left])).not.toContain("canary-Zk4");
      expect(rack.read("/var/lib/labplan/devstack/journal.jsonl")).not.toContain("canary-Zk4");
      expect(rack.read("/opt/stack/devstack/local.conf")).toContain("canary-Zk4");
      expect(CANARY).toContain("canary-Zk4");
      expect(
        await rack.sh(
          "grep -rl canary-Zk4 /etc/labplan /etc/ssh /var/lib/labplan /tmp /root 2>/dev/null || :",
        ),
      ).toBe("/var/lib/labplan/devstack/run/stack.sh.log\n");
      const problems = await nodeDefinition.precheck?.(
        rack.devstack(),
        rack.run<NodeState>(0, { secrets: {} }),
      );
      expect(problems?.[0]?.message).toMatch(/no secret \{"secret":"devstackPassword"\}/);
    });

    it("for a login that becomes root by sudo all is the same, and stack.sh outlives the login", async (context) => {
      const missing = sudoAvailable();
      if (missing) context.skip(missing);
      await rack.sh(
        "useradd -m ops && install -d -m 700 -o ops /home/ops/.ssh && install -m 600 -o ops /root/.ssh/authorized_keys /home/ops/.ssh/authorized_keys && printf 'ops ALL=(ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/ops && chmod 440 /etc/sudoers.d/ops",
      );
      const login = { ...rack.login(), user: "ops" };
      await rack.fault("slow install 3");
      const controller = new AbortController();
      const trace = newTrace();
      const first = make({ login }, undefined, { signal: controller.signal, trace }).catch(
        (one: Error) => one,
      );
      await inPhase(trace, first);
      controller.abort(new Error("Ctrl-C"));
      expect(await first).toBeInstanceOf(Error);
      const state = await make({ login });
      expect(rack.runs()).toEqual(STACKED);
      expect(state.intact).toBe(true);
      expect(await rack.sh("stat -c %U /opt/stack/devstack/stack.sh /opt/stack/stand-in/runs")).toBe(
        "stack\nstack\n",
      );
    });

    it("a machine that is lost does not hold up a destroy; a node that never came far is removed", async () => {
      const state = await make();
      const trace = newTrace();
      const run = rack.run<NodeState>(0, { trace });
      await nodeDefinition.remove(state, { ...run, on: {} });
      expect(trace.said.join()).toMatch(/nowhere to be found any more: devstack there is neither unstacked/);
      await remove(state);
      for (const dieAt of ["2/8 clone", "4/8 extras", "6/8 stack.sh"]) {
        await expect(make({}, undefined, { dieAt })).rejects.toThrow(Killed);
        if (left) await remove(left);
        expect(await rack.sh("ls -d /opt/stack/devstack /opt/stack/labplan 2>/dev/null || :"), dieAt).toBe(
          "",
        );
      }
    });
  },
);
