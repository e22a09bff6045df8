import { describe, expect, it } from "vitest";
import { HOOK_LINE, withHook } from "../../../../providers/devstack/hook";
import { masked } from "../../../../providers/devstack/log";
import { blocksFor } from "../../../../providers/devstack/mesh.files";
import { stackedWith } from "../../../../providers/devstack/node.digest";
import { foreignNote, ourNote, parseNote } from "../../../../providers/devstack/note";
import { type Polled, type PolledRun, parsePoll } from "../../../../providers/devstack/poll";
import { decide, isFollowed } from "../../../../providers/devstack/steps/decide";
import { progressOf } from "../../../../providers/devstack/steps/follow";
import { sourcesDiffer } from "../../../../providers/devstack/steps/projects";
import { isGivenUp } from "../../../../providers/devstack/steps/undo";
import type { NodeInputs } from "../../../../providers/devstack/types";

const run = (more: Partial<PolledRun> = {}): PolledRun => ({
  ...{ id: "1", script: "stack.sh", digest: "d", by: "ada@desk", begun: 1000, pid: 7, state: "running" },
  ...{ heard: 1090, lines: 1203, phase: "stack install", last: ["one", "Installing pa:ss"] },
  ...more,
});
const polled = (more: Partial<Polled> = {}): Polled => ({
  ...{ now: 1100, dirty: true, clone: true, run: run() },
  ...more,
});
const LIMITS = { timeoutS: 3600, silenceS: 600 };

describe("what is to be done about stack.sh", () => {
  const what = (more: Partial<Polled>) => decide(polled(more), "d", LIMITS);

  it("is begun where nothing stands, left where it stands, followed where it runs", () => {
    expect(what({ run: undefined as never, dirty: false })).toEqual({ do: "start" });
    expect(what({ run: run({ state: "ended", code: 0 }), stacked: "d" })).toEqual({ do: "done" });
    expect(what({})).toEqual({ do: "follow" });
    // Somebody removed the user with its home, and made both anew.
    const ended = { run: run({ state: "ended", code: 0 }), stacked: "d", clone: false } as const;
    expect(what(ended)).toEqual({ do: "undo", why: "its clone of devstack is gone" });
    expect(what({ ...ended, dirty: false })).toEqual({ do: "start" });
  });

  it("is undone first when it failed, was killed, stands with other settings, or nobody hopes for it any more", () => {
    const why = (more: Partial<Polled>) => {
      const decision = what(more);
      return decision.do === "undo" ? decision.why : decision.do;
    };
    expect(why({ run: run({ state: "ended", code: 1 }) })).toBe("the last stack.sh failed");
    expect(why({ run: run({ state: "died" }) })).toBe("the last stack.sh did not come to its end");
    expect(why({ run: run({ state: "orphans" }) })).toMatch(/its runner was killed/);
    expect(why({ run: run({ state: "ended", code: 0 }), stacked: "e" })).toBe(
      "it is stacked with other settings",
    );
    expect(why({ run: run({ digest: "e" }) })).toBe("it runs with other settings, and is ended");
    expect(why({ now: 1690 })).toBe("follow");
    expect(why({ now: 1691 })).toMatch(/stuck/);
    expect(why({ now: 4601, run: run({ heard: 4600 }) })).toMatch(/overdue/);
    expect(why({ run: run({ script: "unstack.sh" }) })).toBe("unstack.sh is running");
  });

  it("is an unstack.sh that is followed, unless it hangs or its runner was killed", () => {
    const given = (more: Partial<PolledRun>, now = 1100) =>
      isGivenUp(run({ script: "unstack.sh", ...more }), now);
    expect(given({})).toBe(false);
    expect(given({ state: "orphans" })).toBe(true);
    expect(given({ heard: 1000 }, 2801)).toBe(true);
    expect(given({ heard: 2800 }, 2801)).toBe(true);
    expect(given({ heard: 2790 }, 2800)).toBe(false);
    for (const script of ["stack.sh", "clean.sh"]) expect(given({ script })).toBe(true);
  });

  it("is somebody else's only as long as that one looks", () => {
    const followed = (name: string, at: number) => isFollowed(polled({ follower: { name, at } }), "me");
    expect(followed("me", 1100)).toBe(false);
    expect(followed("ada", 1095)).toBe(true);
    expect(followed("ada", 1080)).toBe(false);
    expect(
      isFollowed(polled({ run: run({ state: "ended" }), follower: { name: "ada", at: 1100 } }), "me"),
    ).toBe(false);
  });
});

describe("what a node says", () => {
  it("is read, with the end of the log as it is", () => {
    const text =
      "now=1100\ndirty=yes\nclone=yes\nfollower=ada@desk\nfollowed=1099\nid=ab\nscript=stack.sh\ndigest=d\nby=ada@desk\nbegun=1000\npid=7\nrunning=yes\nheard=1090\nlines=12\nphase=stack extra\nusual=300\nlog=\na=b\n\nlog=\nlast";
    expect(parsePoll(text)).toEqual({
      ...{ now: 1100, dirty: true, clone: true, follower: { name: "ada@desk", at: 1099 } },
      run: {
        ...{
          id: "ab",
          script: "stack.sh",
          digest: "d",
          by: "ada@desk",
          begun: 1000,
          pid: 7,
          state: "running",
        },
        ...{ heard: 1090, lines: 12, phase: "stack extra", usual: 300, last: ["a=b", "log=", "last"] },
      },
    });
    expect(parsePoll("now=5\n")).toEqual({ now: 5, dirty: false, clone: false });
    expect(parsePoll("now=5\nid=ab\nscript=stack.sh\ncode=0\nseconds=9").run).toMatchObject({
      state: "ended",
      code: 0,
    });
  });

  it("is told in one line, with what is left and without secrets", () => {
    expect(progressOf(run(), 1360, ["pa:ss"])).toBe(
      "phase install, 1203 lines, 6 min; last: Installing [secret]",
    );
    expect(progressOf(run({ usual: 1000, last: [] }), 1100, [])).toBe(
      "phase install, 1203 lines, 100 s, about 15 min left".replace("100 s", "2 min"),
    );
    expect(progressOf(run({ usual: 60, last: [] }), 1080, [])).toMatch(
      /80 s, longer than the 60 s of last time/,
    );
  });

  it("is a note of ours, of a copy, of somebody else or of nobody", () => {
    const mark = { lab: "k3", stack: "dev", name: "hv1" };
    const note = parseNote('{ "mark": "k3/dev/hv1", "machine": "hv1" }');
    expect(ourNote(note, mark)).toBeDefined();
    // Of a machine that is called otherwise by now.
    const renamed = parseNote('{ "mark": "k3/dev/hv1", "machine": "gpu1" }');
    expect(ourNote(renamed, mark)).toBeDefined();
    expect(foreignNote(renamed, mark, "hv1", "/f")).toBeUndefined();
    // Of the machine that this one is a copy of.
    expect(ourNote(note, { ...mark, name: "hv2" })).toBeUndefined();
    expect(foreignNote(note, { ...mark, name: "hv2" }, "hv2", "/f")).toBeUndefined();
    expect(foreignNote(note, { ...mark, stack: "prod" }, "hv1", "/f")).toMatch(/k3\/dev\/hv1\) looks after/);
    expect(foreignNote(parseNote("x"), mark, "hv1", "/f")).toMatch(/cannot be read/);
    expect(parseNote(undefined)).toBeUndefined();
  });
});

describe("where projects come from", () => {
  const before = ["GIT_BASE=https://a.example", "enable_plugin heat https://a.example/heat stable/1"];
  const differs = (...lines: string[]) =>
    sourcesDiffer(
      before,
      `# x\n[[local|localrc]]\n${lines.join("\n")}\n\n[[post-config|$NOVA_CONF]]\nX_BRANCH=1\n`,
    );

  it("is another place by an edit of a URL, a branch or a ref, and by no other line", () => {
    expect(differs(...before, "DEBUG=True", "enable_plugin labplan file:///hook")).toBe(false);
    expect(differs(before[0] as string, "enable_plugin heat https://a.example/heat stable/2")).toBe(true);
    expect(differs("GIT_BASE=https://b.example", before[1] as string)).toBe(true);
    expect(differs(...before, "NOVA_BRANCH=stable/2")).toBe(true);
  });

  it("is none of a plugin that is new or gone: that one is cloned, or left alone", () => {
    expect(differs(...before, "enable_plugin ironic https://a.example/ironic master")).toBe(false);
    expect(differs(before[0] as string)).toBe(false);
  });

  it("is not told from a value that holds a secret: the node has it, and we do not", () => {
    expect(differs(...before, "NOVA_REPO='https://{{secret:token}}@a.example'")).toBe(false);
  });
});

describe("what a node gets", () => {
  const inputs = {
    ...{
      name: "hv1",
      backend: "b",
      login: { user: "root" },
      role: "compute",
      user: "stack",
      home: "/opt/stack",
    },
    ...{ repo: "r", branch: "b", patches: { a: "1", b: "2" }, extras: {}, localConf: "c", secrets: {} },
    ...{ generation: 1, checks: [], timeoutS: 1, silenceS: 1 },
  } as NodeInputs;

  it("is another one by what stack.sh makes something of, and by nothing else", () => {
    const same = stackedWith(inputs);
    for (const more of [
      { name: "x" },
      { checks: ["x"] },
      { timeoutS: 2 },
      { login: { user: "x" } },
      { sources: ["x"] },
    ])
      expect(stackedWith({ ...inputs, ...more })).toBe(same);
    expect(stackedWith({ ...inputs, patches: { b: "2", a: "1" } })).toBe(same);
    const others = [
      { branch: "x" },
      { localConf: "x" },
      { generation: 2 },
      { patches: {} },
      { extras: { x: "" } },
    ];
    for (const more of [...others, { repo: "x" }, { secrets: { p: { env: "X" } } }])
      expect(stackedWith({ ...inputs, ...more })).not.toBe(same);
  });

  it("is a local.conf that loads our plugin, once", () => {
    const text = withHook("# mine\n[[local|localrc]]\nA=1\n");
    expect(text).toBe(`# mine\n[[local|localrc]]\n${HOOK_LINE}\nA=1\n`);
    expect(withHook(text)).toBe(text);
  });

  it("are the others' names and keys, in four files", () => {
    const met = (n: number) => ({
      hostName: `hv${n}`,
      address: `10.0.0.${n}`,
      hostKey: `ssh-ed25519 H${n} c`,
      publicKey: `ssh-ed25519 K${n} s`,
    });
    const blocks = blocksFor("b", { b: met(2), a: met(1) }, { user: "stack", home: "/opt/stack" });
    expect(blocks.map(({ file, lines }) => [file.path, lines])).toEqual([
      ["/opt/stack/.ssh/authorized_keys", ["ssh-ed25519 K1 s"]],
      ["/etc/ssh/ssh_known_hosts", ["10.0.0.1,hv1,a ssh-ed25519 H1", "10.0.0.2,hv2,b ssh-ed25519 H2"]],
      [
        "/root/.ssh/config",
        ["Host 10.0.0.1 hv1 a", "  User stack", "  IdentityFile /opt/stack/.ssh/id_ed25519", "Match all"],
      ],
      ["/etc/hosts", ["10.0.0.1 hv1 a"]],
    ]);
  });

  it("is never a secret in a log: as it is, in a URL, quoted", () => {
    const secret = "p w'd$1";
    const log = `a ${secret} b p%20w'd%241 c p\\ w\\'d\\$1 d p w'\\''d$1 e`;
    expect(masked(log, [secret])).toBe("a [secret] b [secret] c [secret] d [secret] e");
    expect(masked("ab", ["a"])).toBe("ab");
    expect(masked("longer-long", ["long", "longer"])).toBe("[secret]-[secret]");
  });
});
