import "tsx/cjs"; // parts are loaded by require()
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type MatrixNode, measurePairs, pairProblems } from "../../../../providers/overlay/matrix";
import { readAnswers, reasonIn } from "../../../../providers/overlay/matrix.read";
import type { SshConnection } from "../../../../providers/ssh/client";

describe("what ping said", () => {
  it.each([
    [
      "PING 10.0.0.2 (10.0.0.2) 1423(1451) bytes of data.|ping: local error: message too long, mtu=1450||--- 10.0.0.2 ping statistics ---|1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms",
      "message too long, mtu=1450",
    ],
    [
      "From 10.0.0.1 icmp_seq=1 Frag needed and DF set (mtu = 1400)|1 packets transmitted, 0 received, +1 errors, 100% packet loss",
      "Frag needed and DF set (mtu = 1400)",
    ],
    ["From fd00::1 icmp_seq=1 Packet too big: mtu=1280|1 packets transmitted", "Packet too big: mtu=1280"],
    [
      "From 10.0.0.1 icmp_seq=1 Destination Host Unreachable|1 packets transmitted, 0 received, +1 errors, 100% packet loss",
      "Destination Host Unreachable",
    ],
    [
      "From fd00::1 icmp_seq=1 Destination unreachable: Address unreachable|1 packets",
      "Destination unreachable: Address unreachable",
    ],
    ["ping: connect: Network is unreachable|", "Network is unreachable"],
    [
      "PING 10.0.0.2 (10.0.0.2) 56(84) bytes of data.||--- 10.0.0.2 ping statistics ---|1 packets transmitted, 0 received, 100% packet loss, time 0ms",
      "100% packet loss",
    ],
    ["ping: something new|", "ping: something new"],
    ["", "ping said nothing"],
  ])("%s", (said, reason) => expect(reasonIn(said)).toBe(reason));

  it("a line for each address", () => {
    const answers = readAnswers(
      "10.0.0.2 0 0 \n10.0.0.3 0 1 ping: local error: message too long, mtu=1450|\nfd00::4 1 1 |\n",
    );
    expect(Object.fromEntries(answers)).toEqual({
      "10.0.0.2": { reached: true, fullSize: true },
      "10.0.0.3": { reached: true, fullSize: false, reason: "message too long, mtu=1450" },
      "fd00::4": { reached: false, fullSize: false, reason: "ping said nothing" },
    });
  });
});

describe("pairs of many nodes", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "labplan-ping-"));
    // A ping that writes down how it was called, fails at .13 the first time and at .14 for what is large.
    writeFileSync(
      join(folder, "ping"),
      [
        "#!/bin/sh",
        '[ "$1" != -V ] || { echo "ping from iputils 20221126"; exit; }',
        `echo "$*" >> ${folder}/calls`,
        'for last in "$@"; do :; done',
        `case $last in`,
        `*.13) [ -e ${folder}/second ] || { touch ${folder}/second; echo '1 packets transmitted, 0 received, 100% packet loss'; exit 1; } ;;`,
        `*.14) case "$*" in *"-M probe"*) echo 'ping: local error: message too long, mtu=1400' >&2; exit 1 ;; esac ;;`,
        "esac",
        "echo '1 received'",
      ].join("\n"),
    );
    chmodSync(join(folder, "ping"), 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  let open = 0;
  let most = 0;
  let logins = 0;
  /** The node's shell is ours. */
  const node = (overlay: string): MatrixNode => ({
    overlay,
    connect: async () => {
      logins++;
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 5));
      return {
        exec: async (argv: readonly string[]) => {
          const [program = "", ...words] = argv;
          const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
          const { status, stdout, stderr } = spawnSync(program, words, { env, encoding: "utf8" });
          return { code: status, stdout, stderr };
        },
        close: async () => {
          open--;
        },
      } as unknown as SshConnection;
    },
  });

  it("one login per node, small and full-sized; what is lost once is tried again", async () => {
    logins = 0;
    const nodes = { a: node("10.0.0.11"), b: node("10.0.0.12"), c: node("10.0.0.13"), d: node("10.0.0.14") };
    const pairs = [
      ...(["b", "c", "d"] as const).map((to): [string, string] => ["a", to]),
      ["b", "a"] as [string, string],
    ];
    const done: number[] = [];
    const matrix = await measurePairs(nodes, pairs, { mtu: 1450, onProgress: (count) => done.push(count) });
    expect(logins).toBe(2);
    expect(done.at(-1)).toBe(4);
    expect(matrix.map(({ from, to, reached, fullSize }) => [from, to, reached, fullSize])).toEqual([
      ["a", "b", true, true],
      ["a", "c", true, true],
      ["a", "d", true, false],
      ["b", "a", true, true],
    ]);
    expect(pairProblems(matrix)).toEqual([
      '"d" (10.0.0.14) is reached, but not with packets of the full size from "a": message too long, mtu=1400',
    ]);
    const calls = spawnSync("cat", [join(folder, "calls")], { encoding: "utf8" }).stdout.split("\n");
    expect(calls).toContain("-n -c 1 -W 2 -s 56 10.0.0.12");
    expect(calls).toContain("-n -c 1 -W 2 -M probe -s 1422 10.0.0.12");
    expect(calls.filter((call) => call === "-n -c 1 -W 2 -s 56 10.0.0.13")).toHaveLength(2);
  });

  it("a ping that knows no probe is told to do the same in its older way", async () => {
    writeFileSync(
      join(folder, "ping"),
      `#!/bin/sh\n[ "$1" != -V ] || { echo iputils; exit; }\necho "$*" >> ${folder}/calls\ncase "$*" in *probe*) echo "ping: invalid -M argument: probe"; exit 2 ;; esac\n`,
    );
    // Nothing is flushed on the machine that tests.
    for (const tool of ["ip", "sudo"])
      writeFileSync(join(folder, tool), "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    const nodes = { a: node("10.0.0.1"), b: node("10.0.0.2") };
    const matrix = await measurePairs(nodes, [["a", "b"]], { mtu: 1450 });
    expect(matrix).toMatchObject([{ fullSize: true }]);
    expect(spawnSync("cat", [join(folder, "calls")], { encoding: "utf8" }).stdout).toContain(
      "-n -c 1 -W 2 -M do -s 1422 10.0.0.2",
    );
  });

  it("trap openstack#22: over IPv6 a ping has 48 bytes of headers", async () => {
    await measurePairs({ a: node("fd00::1"), b: node("fd00::2") }, [["a", "b"]], { mtu: 1430 });
    expect(spawnSync("cat", [join(folder, "calls")], { encoding: "utf8" }).stdout).toContain(
      "-n -c 1 -W 2 -M probe -s 1382 fd00::2",
    );
  });

  it("so many nodes at once, and no more", async () => {
    most = 0;
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`);
    const nodes = Object.fromEntries(names.map((name, index) => [name, node(`10.0.1.${index}`)]));
    const pairs = names.flatMap((from) =>
      names.filter((to) => to !== from).map((to): [string, string] => [from, to]),
    );
    const matrix = await measurePairs(nodes, pairs, { mtu: 1450, concurrency: 3, parallel: 32 });
    expect(most).toBe(3);
    expect(open).toBe(0);
    expect(matrix).toHaveLength(132);
    expect(pairProblems(matrix)).toEqual([]);
  });

  it("a node without a ping of iputils says so; a ping of busybox cuts packets in pieces", async () => {
    writeFileSync(join(folder, "ping"), "#!/bin/sh\necho BusyBox\n");
    const [pair] = await measurePairs({ a: node("10.0.0.1"), b: node("10.0.0.2") }, [["a", "b"]], {
      mtu: 1450,
    });
    expect(pair).toMatchObject({ reached: false, reason: expect.stringContaining("install iputils-ping") });
  });

  it("an abort ends it; an unknown node is a mistake of ours", async () => {
    const stop = AbortSignal.abort(new Error("stopped"));
    const nodes = { a: node("10.0.0.1"), b: node("10.0.0.2") };
    await expect(measurePairs(nodes, [["a", "b"]], { mtu: 1450, signal: stop })).rejects.toThrow("stopped");
    await expect(measurePairs(nodes, [["a", "z"]], { mtu: 1450 })).rejects.toThrow('no node "z"');
  });
});
