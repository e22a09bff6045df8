import * as fs from "node:fs";
import * as path from "node:path";
import { load } from "js-yaml";
import { describe, expect, test } from "vitest";
import { lint } from "../../../../kickstart/lint";
import { findProgram } from "../../../../kickstart/programs";
import { validate } from "../../../../kickstart/validate";
import type { Installer } from "../../../../kickstart/variables";

interface Expected {
  file: string;
  line: number;
  rule: string;
  /** @default error */
  severity?: string;
  release?: string;
  by?: string;
}

const FOLDER = "test/fixtures/kickstart/bad";
const read = (file: string): string => fs.readFileSync(path.join(FOLDER, file), "utf8");
const expected = load(read("expected.yaml")) as Expected[];

const installerOf = (file: string): Installer =>
  file.endsWith(".ks") ? "kickstart" : file.endsWith(".preseed") ? "preseed" : "autoinstall";

describe("bad files: each has one thing wrong, which is told at its line, and nothing else is", () => {
  test.each(expected)("$file", async ({ file, line, rule, severity = "error", release = "9", by }) => {
    const text = read(file);
    const own = lint(installerOf(file), text, { release });
    const found = by
      ? [...own, ...(await validate(installerOf(file), text, { release, find: shellsOnly })).findings]
      : own;
    const told = found.map((finding) => [finding.line, finding.rule, finding.severity]);
    expect(told).toEqual([[line, rule, severity]]);
  });

  test("there are 25 kickstarts and more, and every file is in the list", () => {
    const files = fs.readdirSync(FOLDER).filter((file) => /^\d/.test(file));
    expect(files).toEqual(expected.map(({ file }) => file));
    expect(files.filter((file) => file.endsWith(".ks")).length).toBeGreaterThanOrEqual(25);
  });

  test.each(["good.ks", "good.preseed", "good.autoinstall.yaml"])(
    "%s, which they are made of, is good",
    async (file) => {
      const text = read(file);
      expect(lint(installerOf(file), text, { release: "9" })).toEqual([]);
      expect((await validate(installerOf(file), text, { find: shellsOnly })).findings).toEqual([]);
    },
  );

  test("no message repeats a password", () => {
    for (const { file } of expected)
      for (const { message } of lint(installerOf(file), read(file)))
        expect(message).not.toMatch(/hunter2|bootstrap|fzDRYihL/);
  });
});

/** The validators proper are the contract tests' affair. */
const shellsOnly: typeof findProgram = (name) =>
  ["bash", "sh"].includes(name) ? findProgram(name) : undefined;
