import { type ChildProcess, spawn } from "node:child_process";
import * as path from "node:path";
import { type Outcome, PULUMI, type TestLab } from "./harness";

const MAIN = path.resolve(__dirname, "../../cli/main.ts");

/** `npm run lab -- <verb> …` in a lab's folder. */
export function startLabCli(
  lab: TestLab,
  verb: string,
  ...args: string[]
): { child: ChildProcess; done: Promise<Outcome> } {
  const cli = ["--require", require.resolve("tsx/cjs"), MAIN, "lab", verb, "--stack", lab.stack, ...args];
  const child = spawn(process.execPath, [...cli, "--non-interactive", "--color", "never"], {
    cwd: lab.folder,
    env: {
      ...process.env,
      ...lab.environment(),
      PATH: `${path.dirname(PULUMI)}${path.delimiter}${process.env.PATH}`,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => {
      text += data;
    });
  const done = new Promise<Outcome>((resolve) =>
    child.on("close", (code) => resolve({ code: code ?? -1, text })),
  );
  return { child, done };
}

/** What it says; throws when it fails. */
export async function labCli(lab: TestLab, verb: string, ...args: string[]): Promise<string> {
  const { code, text } = await startLabCli(lab, verb, ...args).done;
  if (code !== 0) throw new Error(`lab ${verb} failed (${code}):\n${text}`);
  return text;
}
