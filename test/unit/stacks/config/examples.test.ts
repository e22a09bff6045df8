import * as fs from "node:fs";
import { expect, test } from "vitest";
import { loadConfig } from "../../../../stacks/config/load";
import { formatProblem } from "../../../../stacks/config/positions";
import { partSchemas } from "../../../../stacks/config/schema";
import { emptyLock } from "../../../../stacks/plan/lock-file";
import { plan } from "../../../../stacks/plan/plan";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1hT0m5Nn0hVb2cQ6wq1jYlq3mCkVx9r8sWzTgYp4Zd";
const FOLDER = "stacks/examples";
const printed = (config: Parameters<typeof loadConfig>[0]) => loadConfig(config).problems.map(formatProblem);
const readFile = () => "";

/** As `lab init` fills them in. */
test.each(fs.readdirSync(FOLDER))("the example %s loads and can be planned", (name) => {
  const text = fs
    .readFileSync(`${FOLDER}/${name}`, "utf8")
    .replaceAll("LAB_ID", "abcdefgh")
    .replaceAll("STACK", "dev")
    .replaceAll("SSH_KEY", KEY);
  const source = { stack: "dev", file: { path: name, text }, readFile };
  expect(printed(source)).toEqual([]);
  const { config } = loadConfig(source);
  if (!config) throw new Error("no config");
  const result = plan(config, emptyLock(), new Date("2026-11-21T00:00Z"));
  expect(result.problems).toEqual([]);
  // What happens to a new host at the end is always said.
  expect(result.plan?.notes.filter((note) => !/: on release: /.test(note))).toEqual([]);
});

test("the examples of the schemas load, put together", () => {
  const values = Object.fromEntries(
    Object.entries(partSchemas).map(([part, { examples }]) => [part, examples[0]]),
  );
  expect(printed({ values: { lab: "abcdefgh", ...values }, stack: "dev", readFile })).toEqual([]);
});
