import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { prepareSystems } from "../test/systems/prepare";

/** What test/summary-reporter.ts writes of a run that is one of several. */
interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

const ALONE = ["setpriv", "--pdeathsig", "KILL", "unshare", "--net", "sh", "-c"];

/** Whether a run can have a loopback of its own, with all the embedded lab's addresses and ports free. */
function ownLoopbackWorks(): boolean {
  const [program = "", ...words] = [...ALONE, "ip link set lo up"];
  return process.platform === "linux" && spawnSync(program, words, { stdio: "ignore" }).status === 0;
}

/**
 * All tests: lifecycle and cloud tests beside the others where both can have a loopback of their own, else one after the
 * other. `args` are vitest's and mean one run.
 */
export async function runVitest(args: string[]): Promise<number> {
  const vitest = [path.join(path.dirname(require.resolve("vitest/package.json")), "vitest.mjs"), "run"];
  const reporters = ["--reporter=default", "--reporter=./test/summary-reporter.ts"];
  const command = [process.execPath, ...vitest, ...reporters];
  const apart = args.length === 0 && process.env.LABPLAN_TEST_APART !== "0";
  if (!apart || os.availableParallelism() < 2 || !ownLoopbackWorks()) {
    const [program = "", ...words] = [...command, ...args];
    return spawnSync(program, words, { stdio: "inherit" }).status ?? 1;
  }
  console.log("Building what the tests boot and start, where that is not done yet …");
  await prepareSystems();
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-tests-"));
  try {
    return await runApart(command, folder);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function runApart(command: string[], folder: string): Promise<number> {
  const told = path.join(folder, "lifecycle.log");
  const counts = (name: string) => path.join(folder, `${name}.json`);
  const started = (name: string, words: string[], output: "inherit" | number): ChildProcess => {
    const [program = "", ...rest] = words;
    return spawn(program, rest, {
      stdio: ["ignore", output, output],
      env: { ...process.env, LABPLAN_TEST_COUNTS: counts(name) },
    });
  };
  console.log("Lifecycle and cloud tests run beside the others; what they say follows at the end.");
  const log = fs.openSync(told, "w");
  const inside = [...ALONE, 'ip link set lo up && exec "$@"', "sh"];
  const lifecycle = started(
    "lifecycle",
    [...inside, ...command, "--project", "lifecycle", "--project", "cloud"],
    log,
  );
  const others = started("others", [...command, "--project", "unit", "--project", "contract"], "inherit");
  const stop = () => {
    for (const child of [lifecycle, others]) child.kill("SIGINT");
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  const ended = [await exitOf(others), await exitOf(lifecycle)];
  fs.closeSync(log);
  process.stdout.write(fs.readFileSync(told));
  const all = ["others", "lifecycle"].map((name, index) => readCounts(counts(name), ended[index] ?? 1));
  const sum = (field: keyof Counts) => all.reduce((total, each) => total + each[field], 0);
  const skipped = sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : "";
  console.log(`\n${sum("passed")} passed, ${sum("failed")} failed${skipped}`);
  return Math.max(...ended);
}

/** Of one that has ended already, too. */
const exitOf = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode ?? 1);
    child.once("error", () => resolve(1));
    child.once("exit", (code) => resolve(code ?? 1));
  });

/** A run that ended without a word has failed. */
function readCounts(file: string, exit: number): Counts {
  if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, "utf8")) as Counts;
  return { passed: 0, failed: exit === 0 ? 0 : 1, skipped: 0 };
}
