import * as fs from "node:fs";
import { expect, test } from "vitest";
import { loadConfig } from "../../../../stacks/config/load";
import { formatProblem } from "../../../../stacks/config/positions";
import { partSchemas } from "../../../../stacks/config/schema";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ1hT0m5Nn0hVb2cQ6wq1jYlq3mCkVx9r8sWzTgYp4Zd";
const FOLDER = "stacks/examples";
const printed = (config: Parameters<typeof loadConfig>[0]) => loadConfig(config).problems.map(formatProblem);
const readFile = () => "";

/** As `lab init` fills them in. */
test.each(fs.readdirSync(FOLDER))("the example %s loads", (name) => {
  const text = fs
    .readFileSync(`${FOLDER}/${name}`, "utf8")
    .replaceAll("LAB_ID", "abcdefgh")
    .replaceAll("STACK", "dev")
    .replaceAll("SSH_KEY", KEY);
  expect(printed({ stack: "dev", file: { path: name, text }, readFile })).toEqual([]);
});

test("the examples of the schemas load, put together", () => {
  const values = Object.fromEntries(
    Object.entries(partSchemas).map(([part, { examples }]) => [part, examples[0]]),
  );
  expect(printed({ values: { lab: "abcdefgh", ...values }, stack: "dev", readFile })).toEqual([]);
});
