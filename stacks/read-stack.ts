import * as fs from "node:fs";
import * as path from "node:path";
import * as pulumi from "@pulumi/pulumi";
import { loadConfig } from "./config/load";
import { formatProblem, type PositionedProblem, positioned, sorted } from "./config/positions";
import type { ConfigProblem } from "./config/types";
import { lockPath } from "./lock-path";
import { emptyLock, LockFileError, parseLock } from "./plan/lock-file";
import { plan } from "./plan/plan";
import type { LabPlan, Lock } from "./plan/types";

/** The sections that we read; other keys of the namespace are the user's secrets. */
const TEXT_SECTIONS = ["lab", "addressPool"];
const OBJECT_SECTIONS = ["backends", "networks", "images", "machines", "bootServer", "vpn", "devstack"];

/** From the engine's config to the plan. Everything wrong in it is one error, which lists all of it. */
export const readStack = (): LabPlan => readLab().plan;

export interface ReadLab {
  plan: LabPlan;
  /** What was found later, told as what is wrong in the config is. */
  refuse(problems: readonly ConfigProblem[]): never;
}

export function readLab(): ReadLab {
  const stack = pulumi.getStack();
  const file = path.join("stacks", `Pulumi.${stack}.yaml`);
  const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : undefined;
  const source = text === undefined ? undefined : { path: file, text };
  const loaded = loadConfig({
    values: engineValues(),
    stack,
    readFile: readInside,
    ...(source ? { file: source } : {}),
  });
  const config = loaded.config ?? loaded.partial;
  const found: PositionedProblem[] = [...loaded.problems];
  if (config) {
    const lockFile = lockPath(stack);
    const lock = readLock(lockFile, sorted(found).map(formatProblem));
    const planned = plan(config, lock, now(), { allowRemovals: process.env.LABPLAN_ALLOW_REMOVALS === "1" });
    if (planned.plan && loaded.config)
      return {
        plan: planned.plan,
        refuse: (problems) =>
          refuse(sorted(problems.map((problem) => positioned(problem, source))).map(formatProblem)),
      };
    found.push(...planned.problems.map((problem) => positioned(problem, source)));
  }
  return refuse(sorted(found).map(formatProblem));
}

/** A file that the config names. A link must not lead out of the project: its text could show in a preview. */
function readInside(name: string): string {
  const real = fs.realpathSync(name);
  const isInside = !path.relative(fs.realpathSync("."), real).startsWith("..");
  if (!path.isAbsolute(name) && !isInside) throw new Error("it is a link that leads out of the project");
  return fs.readFileSync(real, "utf8");
}

/** A lock file that cannot be used is a refusal like the others, and told with them. */
function readLock(file: string, others: string[]): Lock {
  if (!fs.existsSync(file)) return emptyLock();
  try {
    return parseLock(fs.readFileSync(file, "utf8"), file);
  } catch (error) {
    if (error instanceof LockFileError) return refuse([...others, error.message]);
    throw error;
  }
}

function engineValues(): Record<string, unknown> {
  const config = new pulumi.Config("labplan");
  const values: Record<string, unknown> = {};
  for (const section of TEXT_SECTIONS) {
    const value = config.get(section);
    if (value !== undefined) values[section] = value;
  }
  for (const section of OBJECT_SECTIONS) {
    // For a section without a value the engine gives an empty text.
    const text = config.get(section);
    if (text) values[section] = JSON.parse(text);
  }
  return values;
}

/** The one clock of a run; `LAB_NOW` (ISO 8601) replaces it. */
function now(): Date {
  const given = process.env.LAB_NOW;
  const date = given ? new Date(given) : new Date();
  if (Number.isNaN(date.getTime())) return refuse([`LAB_NOW: "${given}" is no ISO 8601 instant`]);
  return date;
}

function refuse(lines: string[]): never {
  const count = lines.length === 1 ? "1 problem" : `${lines.length} problems`;
  // A RunError is printed without its stack, and yet the SDK maps every frame of it to its source: 12 s (measured).
  Error.stackTraceLimit = 0;
  throw new pulumi.RunError(`${count} in the lab's config; nothing was touched:\n${lines.join("\n")}`);
}
