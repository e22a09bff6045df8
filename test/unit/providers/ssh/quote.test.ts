import { execFileSync, spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { quoteArgv } from "../../../../providers/ssh/quote";

/** What a shell makes of the command line, as the far side's would. */
const wordsIn = (shell: string, argv: string[]): string[] => {
  const out = execFileSync(shell, ["-c", quoteArgv(["printf", "%s\\0", ...argv])], { encoding: "utf8" });
  return out.split("\0").slice(0, -1);
};

const isInstalled = (shell: string) => spawnSync(shell, ["-c", ":"]).status === 0;

describe("quoteArgv", () => {
  it.each(["sh", "bash"].filter(isInstalled))("gives %s exactly the words, whatever is in them", (shell) => {
    const odd = [
      "a b",
      "it's",
      '"',
      "$HOME",
      "`id`",
      "$(id)",
      "\\",
      "\\n",
      "'\\''",
      "",
      "\n",
      "-x",
      "*",
      "~",
      "!",
      "é",
      "a;b",
      "&",
      "#",
    ];
    expect(wordsIn(shell, odd)).toEqual(odd);
  });

  it("gives back any words that a command line can hold", () => {
    const word = fc.string({ unit: "grapheme", maxLength: 20 }).filter((text) => !text.includes("\0"));
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (argv) => {
        expect(wordsIn("sh", argv)).toEqual(argv);
      }),
      { numRuns: 60 },
    );
  });

  it("leaves plain words readable, and quotes the program so that it is no keyword, alias or assignment", () => {
    expect(quoteArgv(["ls", "-l", "/var/lib"])).toBe("'ls' -l /var/lib");
    expect(() => execFileSync("sh", ["-c", quoteArgv(["A=1"])], { stdio: "ignore" })).toThrow();
    expect(() => execFileSync("sh", ["-c", quoteArgv(["if"])], { stdio: "ignore" })).toThrow();
  });

  it("refuses what cannot be said: no program, a NUL byte", () => {
    expect(() => quoteArgv([])).toThrow(RangeError);
    expect(() => quoteArgv(["a", "b\0c"])).toThrow(/NUL/);
  });
});
