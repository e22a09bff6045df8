import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { closeSync, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

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
    await end(child);
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

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const slow = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(slow);
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, ADDRESS, () => {
      const address = server.address();
      const port = typeof address === "object" && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

export function freeUdpPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(0, ADDRESS, () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
