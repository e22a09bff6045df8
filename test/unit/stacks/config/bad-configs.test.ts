import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../../stacks/config/load";
import { formatProblem } from "../../../../stacks/config/positions";

const FOLDER = "test/fixtures/bad-configs";
const read = (name: string) => fs.readFileSync(path.join(FOLDER, name), "utf8");
const ours = fs
  .readdirSync(FOLDER)
  .filter((name) => /^\d\d-.*\.yaml$/.test(name) && Number(name.slice(0, 2)) < 60);

function expectation(text: string): { line: number; message: string } {
  const [, line, message] = /^# expect (\d+): (.+)\n/.exec(text) ?? [];
  if (!line || !message) throw new Error('a wrong config begins with "# expect <line>: <message>"');
  return { line: Number(line), message };
}

const notThere = (name: string): string => {
  throw Object.assign(new Error(`ENOENT: ${name}`), { code: "ENOENT" });
};

describe("a wrong config gives one clear message at the right line", () => {
  test("there are at least 25 of them", () => {
    expect(ours.length).toBeGreaterThanOrEqual(25);
  });

  test.each(ours)("%s", (name) => {
    const text = read(name);
    const { line, message } = expectation(text);
    const loaded = loadConfig({ stack: "dev", file: { path: name, text }, readFile: notThere });
    const printed = loaded.problems.map(formatProblem);
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(new RegExp(`^${name}:${line}:\\d+: `));
    expect(printed[0]).toContain(message);
    expect(loaded.config).toBeUndefined();
  });

  test("no message repeats a password that stands in clear", () => {
    for (const name of ours) {
      const loaded = loadConfig({ stack: "dev", file: { path: name, text: read(name) }, readFile: notThere });
      expect(loaded.problems.map(formatProblem).join("\n")).not.toContain("swordfish");
    }
  });
});
