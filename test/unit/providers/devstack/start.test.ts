import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { NodeLink } from "../../../../providers/devstack/on-node";
import { ENDS_WITH_LOGIN, START } from "../../../../providers/devstack/runner";
import { start, type Work } from "../../../../providers/devstack/steps/follow";
import type { NodeInputs } from "../../../../providers/devstack/types";
import { RootShell } from "../../../../providers/ssh/root-shell";

const ID = "0a0b0c0d0e0f";
const SCOPE = ["systemd-run", "--quiet", "--no-ask-password", "--scope", `--unit=labplan-${ID}`, "--"];

/** What is asked of a node where stack.sh begins, and what comes before it. */
async function begun(login: string, answers: { killsAtLogout: boolean }): Promise<string[]> {
  const asked: (readonly string[])[] = [];
  const connection = {
    target: "node",
    exec: async (argv: readonly string[]) => {
      asked.push(argv);
      const code = argv.includes(ENDS_WITH_LOGIN) && !answers.killsAtLogout ? 1 : 0;
      return { code, signal: null, stdout: "", stderr: "" };
    },
  };
  const work = {
    link: { shell: new RootShell(connection as never, login) } as NodeLink,
    inputs: { name: "hv1", user: "stack", home: "/opt/stack" } as NodeInputs,
    run: { random: () => Buffer.from(ID, "hex") },
    ...{ secrets: [], me: "ada@desk" },
  };
  await start(work as unknown as Work, "stack.sh", "d1");
  const last = asked.at(-1) ?? [];
  const at = last.findIndex((word) => word.includes(START));
  expect(last.slice(at + 1)).toEqual(["sh", "/opt/stack/devstack", "stack.sh", ID, "d1", "ada@desk"]);
  // The text by which root becomes another is one word.
  return last.slice(0, at).map((word) => (word.includes("runuser") ? "BECOME" : word));
}

describe("stack.sh is begun so that it outlives our login", () => {
  const AS_STACK = ["sh", "-c", "BECOME", "sh", "stack", "sh", "-c"];
  const SUDO = ["env", "LC_ALL=C", "sudo", "-n", "--"];

  test("in a session of its own, where that is enough", async () => {
    expect(await begun("root", { killsAtLogout: false })).toEqual(AS_STACK);
    expect(await begun("ops", { killsAtLogout: false })).toEqual([...SUDO, ...AS_STACK]);
  });

  test("in a scope of the system's, where logind ends sessions with the login", async () => {
    expect(await begun("root", { killsAtLogout: true })).toEqual([...SCOPE, ...AS_STACK]);
    expect(await begun("ops", { killsAtLogout: true })).toEqual([...SUDO, ...SCOPE, ...AS_STACK]);
    // Root alone can make one.
    expect(await begun("stack", { killsAtLogout: true })).toEqual([...SUDO, ...SCOPE, ...AS_STACK]);
  });
});

describe("whether logind ends sessions with the login", () => {
  let bin: string;
  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), "labplan-logind-"));
  });
  afterEach(() => rmSync(bin, { recursive: true, force: true }));

  /** A system whose first process is this one, and whose logind says that. */
  function asked(first: string, logind: string): Promise<number> {
    for (const [name, text] of [
      ["cat", `echo ${first}`],
      ["busctl", logind],
    ] as const) {
      writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(bin, name), 0o755);
    }
    return new Promise((resolve) => {
      const child = execFile("/bin/sh", ["-c", ENDS_WITH_LOGIN], { env: { PATH: bin } }, () =>
        resolve(child.exitCode ?? -1),
      );
    });
  }

  test("is what it answers, where systemd is there", async () => {
    expect(await asked("systemd", "echo b true")).toBe(0);
    expect(await asked("systemd", "echo b false")).toBe(1);
    expect(await asked("systemd", "echo no logind >&2; exit 1")).toBe(1);
    expect(await asked("bash", "echo b true")).toBe(1);
  });
});
