import * as fs from "node:fs";
import * as path from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../../stacks/config/load";
import { formatProblem, positioned } from "../../../../stacks/config/positions";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { plan } from "../../../../stacks/plan/plan";
import { NOW } from "./lab";

const FOLDER = path.join(__dirname, "../../../fixtures/bad-configs");
/** 60 to 199 and 300 to 399; the others are the reader's. */
const isOurs = (number: number): boolean => (number >= 60 && number < 200) || (number >= 300 && number < 400);
const ours = fs
  .readdirSync(FOLDER)
  .filter((name) => /^\d+-.*\.yaml$/.test(name) && isOurs(Number.parseInt(name, 10)));

function problemsIn(name: string, text: string): string[] {
  const file = { path: name, text };
  const loaded = loadConfig({ stack: "dev", file, readFile: () => "" });
  if (!loaded.config)
    throw new Error(`the reader finds it already: ${loaded.problems.map(formatProblem).join("\n")}`);
  return plan(loaded.config, emptyLock(), NOW).problems.map((problem) =>
    formatProblem(positioned(problem, file)),
  );
}

describe("what only the plan can see gives one clear message at the right line", () => {
  test("there are at least 110 of them", () => {
    expect(ours.length).toBeGreaterThanOrEqual(110);
  });

  test.each(ours)("%s", (name) => {
    const text = fs.readFileSync(path.join(FOLDER, name), "utf8");
    const [, line, message = ""] = /^# expect (\d+): (.+)\n/.exec(text) ?? [];
    const printed = problemsIn(name, text);
    expect(printed).toHaveLength(1);
    expect(printed[0]).toMatch(new RegExp(`^${name}:${line}:\\d+: `));
    expect(printed[0]).toContain(message);
    expect(printed[0]).not.toContain("swordfish");
  });
});
