import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findProgram, type Program } from "../../../kickstart/programs";
import { validate } from "../../../kickstart/validate";
import { DeadlineError } from "../../../providers/core/errors";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "labplan-validate-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program that notes how it was called, and does `body`. */
function program(name: Program, body: string): (asked: Program) => string | undefined {
  const file = join(folder, name);
  const stat = 'for last; do :; done; stat -c %a "$last"; stat -c %a "$(dirname "$last")"';
  writeFileSync(file, `#!/bin/sh\n{ echo "$@"; ${stat}; } >"${folder}/called" 2>/dev/null\n${body}\n`);
  chmodSync(file, 0o755);
  return (asked) => (asked === name ? file : undefined);
}
const called = () => readFileSync(join(folder, "called"), "utf8").split("\n");

describe("the installers' own validators", () => {
  it("are asked for the release that is installed, on a file of nobody else's that is gone afterwards", async () => {
    await validate("kickstart", "text\n", { release: "10.1", find: program("ksvalidator", "exit 0") });
    const [args = "", file, parent] = called();
    expect(args).toMatch(/^-v RHEL10 \/.+/);
    expect([file, parent]).toEqual(["600", "700"]);
    expect(existsSync(args.split(" ")[2] ?? "")).toBe(false);
    await validate("preseed", "", { find: program("debconf-set-selections", "exit 0") });
    expect(called()[0]).toMatch(/^--checkonly \//);
  });

  it("have their lines read; a deprecation is no error", async () => {
    const said = [
      "cat >&2 <<'E'",
      "The following problem occurred on line 4 of the kickstart file:",
      "",
      "Unknown command: foo",
      "",
      "Ignoring deprecated option on line 2: The --level option has been deprecated.",
      "The following problem occurred on line 5 of the kickstart file:",
      "",
      "Unexpected arguments to rootpw command: ['hunter2']",
      "",
      "E",
      "exit 3",
    ].join("\n");
    const { findings } = await validate("kickstart", "a\n", { find: program("ksvalidator", said) });
    expect(findings.map(({ line, severity }) => [line, severity])).toEqual([
      [2, "warning"],
      [4, "error"],
      [5, "error"],
    ]);
    expect(findings[1]?.message).toBe("Unknown command: foo");
    expect(JSON.stringify(findings)).not.toContain("hunter2");
  });

  it("that fail without a word are a finding too", async () => {
    const { findings } = await validate("kickstart", "text\n", { find: program("ksvalidator", "exit 9") });
    expect(findings).toMatchObject([{ line: 1, message: "ksvalidator ended with 9 and said nothing" }]);
  });

  it("count the last line of a value over several: its first is told, and not what stands there", async () => {
    const text = "d-i a/b string x\nd-i c \\\n hunter2 \\\n\n";
    const find = program(
      "debconf-set-selections",
      "echo \"error: parse error on line 3: 'd-i c hunter2'\" >&2; exit 1",
    );
    const { findings } = await validate("preseed", text, { find });
    expect(findings).toEqual([
      { line: 2, severity: "error", rule: "debconf-set-selections", message: "parse error on line 3" },
    ]);
  });

  it("that are not here are named", async () => {
    const none = () => undefined;
    expect((await validate("kickstart", "%post\ntrue\n%end\n", { find: none })).absent).toEqual([
      "ksvalidator is not installed: the file's own syntax was not checked",
      "bash is not installed: the syntax of %post was not checked",
    ]);
    expect((await validate("preseed", "", { find: none })).absent).toHaveLength(1);
    expect((await validate("autoinstall", "", { find: none })).absent).toEqual([]);
  });

  it("that hang are ended, and their file is gone", async () => {
    const find = program("ksvalidator", "exec sleep 60");
    const before = Date.now();
    await expect(validate("kickstart", "text\n", { find, deadlineMs: 300 })).rejects.toThrow(DeadlineError);
    expect(Date.now() - before).toBeLessThan(10_000);
    expect(existsSync(called()[0]?.split(" ")[2] ?? "")).toBe(false);
  });

  it("end when the run is cancelled", async () => {
    const signal = AbortSignal.timeout(200);
    const find = program("ksvalidator", "exec sleep 60");
    await expect(validate("kickstart", "text\n", { find, signal })).rejects.toMatchObject({
      name: "AbortError",
    });
    expect(readdirSync(folder)).toContain("called");
  });

  it("are looked for where we install them, and on the path", () => {
    const home = join(folder, "labplan", "kickstart", "venv", "bin");
    expect(findProgram("ksvalidator", { PATH: "/nowhere", XDG_CACHE_HOME: folder })).toBeUndefined();
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, "ksvalidator"), "", { mode: 0o755 });
    expect(findProgram("ksvalidator", { PATH: "/nowhere", XDG_CACHE_HOME: folder })).toBe(
      join(home, "ksvalidator"),
    );
  });
});
