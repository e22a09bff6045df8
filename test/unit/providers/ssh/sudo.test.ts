import { describe, expect, it } from "vitest";
import type { ExecResult } from "../../../../providers/ssh/client";
import { argvAs, execAs, type SudoError, sudoFailure } from "../../../../providers/ssh/sudo";

const ended = (code: number, stderr: string): ExecResult => ({ code, stdout: "", stderr });
const answering = (result: ExecResult) => ({ target: "node1", exec: async () => result });
const options = { deadlineS: 1 };

describe("running as somebody else", () => {
  it("is plain for oneself, by sudo that never asks for root, and out of root for anybody", () => {
    expect(argvAs("ada", "ada", ["true"])).toEqual(["true"]);
    expect(argvAs("root", "root", ["true"])).toEqual(["true"]);
    expect(argvAs("ops", "root", ["true"])).toEqual(["env", "LC_ALL=C", "sudo", "-n", "--", "true"]);
    expect(argvAs("root", "ada", ["true", "-x"]).slice(-4)).toEqual(["sh", "ada", "true", "-x"]);
    expect(argvAs("ops", "ada", ["true"]).slice(0, 5)).toEqual(["env", "LC_ALL=C", "sudo", "-n", "--"]);
  });

  it("tells what sudo refuses by its words, of old and new versions", () => {
    for (const [said, reason] of [
      ["sudo: a password is required\n", "password"],
      ["sudo: a terminal is required to read the password; either use the -S option\n", "password"],
      ["sudo: no tty present and no askpass program specified\n", "password"],
      ["sudo: sorry, you must have a tty to run sudo\n", "terminal"],
      ["eve is not in the sudoers file.  This incident will be reported.\n", "forbidden"],
      ["Sorry, user eve is not allowed to execute '/bin/sh' as root on node1.\n", "forbidden"],
      ["Sorry, user eve may not run sudo on node1.\n", "forbidden"],
      ["env: 'sudo': No such file or directory\n", "missing"],
      ["env: sudo: No such file or directory\n", "missing"],
      ["sh: 1: sudo: not found\n", "missing"],
    ] as const)
      expect(sudoFailure(ended(reason === "missing" ? 127 : 1, said)), said).toBe(reason);
  });

  it("takes what the program itself says for its own", () => {
    expect(sudoFailure(ended(1, "cat: /x: No such file or directory"))).toBeUndefined();
    expect(sudoFailure(ended(44, "a password is required"))).toBeUndefined();
    expect(sudoFailure(ended(0, ""))).toBeUndefined();
  });

  it("rejects with who, what and next; nobody is told of sudo who did not need it", async () => {
    const refused = answering(ended(1, "sudo: a password is required\n"));
    const error = (await execAs(refused, "ops", "root", ["true"], options).catch((one) => one)) as SudoError;
    expect(error.reason).toBe("password");
    expect(error.message).toBe(
      'node1: sudo asks "ops" for a password, and passwords are never sent (it said: sudo: a password is required). Put the line "ops ALL=(ALL) NOPASSWD: ALL" into /etc/sudoers.d/labplan there (visudo -f checks it), or log in as root.',
    );
    expect(await execAs(refused, "root", "root", ["true"], options)).toMatchObject({ code: 1 });
    expect(await execAs(refused, "ops", "ops", ["true"], options)).toMatchObject({ code: 1 });
  });
});
