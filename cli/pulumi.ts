import { spawn } from "node:child_process";
import { pulumiEnv } from "./workspace";

export interface PulumiResult {
  code: number;
  stdout: string;
}

const environment = (): NodeJS.ProcessEnv => ({
  ...process.env,
  ...pulumiEnv(),
  PULUMI_SKIP_UPDATE_CHECK: "true",
});

/** Run the engine with the lab's backend and passphrase; its output is the user's. Resolves with the exit code. */
export function pulumi(args: string[], extraEnv: Record<string, string> = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("pulumi", args, { stdio: "inherit", env: { ...environment(), ...extraEnv } });
    // Ctrl-C reaches the engine by the terminal; we wait for it to end in good order.
    const ignore = () => {};
    process.on("SIGINT", ignore);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore);
      resolve(code ?? (signal === "SIGINT" ? 130 : 1));
    });
  });
}

/** The same with its output captured; errors still go to the user's terminal. */
export function pulumiOutput(args: string[]): Promise<PulumiResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("pulumi", args, { stdio: ["ignore", "pipe", "inherit"], env: environment() });
    let stdout = "";
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (text: string) => {
      stdout += text;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, stdout }));
  });
}
