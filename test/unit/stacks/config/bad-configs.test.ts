import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../../stacks/config/load";
import { formatProblem, positioned } from "../../../../stacks/config/positions";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { plan } from "../../../../stacks/plan/plan";

const FOLDER = "test/fixtures/bad-configs";
const read = (name: string) => fs.readFileSync(path.join(FOLDER, name), "utf8");
/** 0 to 59, 200 to 299, and from 400; the others are the plan's. */
const isOurs = (number: number): boolean => number < 60 || (number >= 200 && number < 300) || number >= 400;
const ours = fs
  .readdirSync(FOLDER)
  .filter((name) => /^\d+-.*\.yaml$/.test(name) && isOurs(Number.parseInt(name, 10)));

function expectation(text: string): { line: number; message: string } {
  const [, line, message] = /^# expect (\d+): (.+)\n/.exec(text) ?? [];
  if (!line || !message) throw new Error('a wrong config begins with "# expect <line>: <message>"');
  return { line: Number(line), message };
}

const notThere = (name: string): string => {
  throw Object.assign(new Error(`ENOENT: ${name}`), { code: "ENOENT" });
};

/** What a preview says: of the config, and of the plan of what is sound in it. */
function problemsIn(name: string): string[] {
  const file = { path: name, text: read(name) };
  const loaded = loadConfig({ stack: "dev", file, readFile: notThere });
  const sound = loaded.config ?? loaded.partial;
  const planned = sound ? plan(sound, emptyLock(), new Date("2026-11-21T00:00Z")).problems : [];
  return [...loaded.problems, ...planned.map((problem) => positioned(problem, file))].map(formatProblem);
}

describe("a wrong config gives one clear message at the right line", () => {
  test("there are at least 105 of them", () => {
    expect(ours.length).toBeGreaterThanOrEqual(105);
  });

  test.each(ours)("%s", (name) => {
    const { line, message } = expectation(read(name));
    const printed = problemsIn(name);
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(new RegExp(`^${name}:${line}:\\d+: `));
    expect(printed[0]).toContain(message);
  });

  test("no message repeats a password that stands in clear", () => {
    expect(ours.flatMap(problemsIn).join("\n")).not.toContain("swordfish");
  });
});
