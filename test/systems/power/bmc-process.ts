import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endServer } from "../server-process";

export const ADDRESS = "127.0.0.1";
const START_S = 30;

/** Run a server in the foreground; it ends with us, and its output is its log. */
export function launch(folder: string, argv: string[], input = "", enter: readonly string[] = []) {
  const path = join(folder, "log");
  const output = openSync(path, "a");
  // setpriv: when this process is killed, the kernel kills the server.
  const tied = ["/usr/bin/setpriv", "--pdeathsig", "KILL"];
  const [command = "", ...args] = [...tied, ...enter, ...(enter.length > 0 ? tied : []), ...argv];
  const child = spawn(command, args, {
    cwd: folder,
    stdio: ["pipe", output, output],
  });
  closeSync(output);
  child.stdin?.on("error", () => {});
  child.stdin?.end(input);
  const log = (): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
  const stop = async () => {
    await endServer(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const until = async (what: string, done: () => Promise<boolean>) => {
    for (const deadline = Date.now() + START_S * 1_000; !(await done()); await sleep(50)) {
      if (child.exitCode === null && Date.now() < deadline) continue;
      const said = log().split("\n").slice(-20).join("\n");
      await stop();
      throw new Error(`${argv[0]} did not ${what} within ${START_S} s:\n${said}`);
    }
  };
  return { stop, log, until, pid: child.pid };
}
