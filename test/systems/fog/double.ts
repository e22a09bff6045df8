import { execFile, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DiskImages, MiniFos } from "./mini";

/** The embedded FOG server, reachable by machines that boot from it. */
export interface FogDouble {
  /** `http://192.168.181.1:8080/fog` */
  url: string;
  apiToken: string;
  userToken: string;
  /** Its REST interface, from inside, where alone it is reached. */
  call<T>(method: string, path: string, body?: object): Promise<T>;
  /** What it said of itself. */
  log(): string;
  stop(): Promise<void>;
}

export interface FogDoubleOptions {
  /** What to put before a command so that it runs where the machines are. */
  enter: readonly string[];
  bind: string;
  port: number;
  fos: MiniFos;
  disks: DiskImages;
}

const run = promisify(execFile);
const START_MS = 30_000;

export async function startFogDouble({
  enter,
  bind,
  port,
  fos,
  disks,
}: FogDoubleOptions): Promise<FogDouble> {
  const folder = mkdtempSync(join(tmpdir(), "labplan-fog-"));
  // Files, not folders: a captured image takes the place of a link, not of what it leads to.
  for (const image of ["clean", "work"]) {
    mkdirSync(join(folder, "images", image), { recursive: true });
    for (const file of ["disk.img.gz", "disk.size"])
      symlinkSync(join(disks.folder, image, file), join(folder, "images", image, file));
  }
  const options = { folder, bind, port, ...fos, cmdline: "console=ttyS0 quiet panic=-1 mitigations=off" };
  // The outer one ends it with this process, the inner one with the outer one.
  const tied = ["/usr/bin/setpriv", "--pdeathsig", "KILL"];
  const node = [process.execPath, "--require", "tsx/cjs", join(__dirname, "serve.ts")];
  const [command = "", ...args] = [...tied, ...enter, ...tied, ...node];
  const child = spawn(command, args, {
    env: { ...process.env, FOG_DOUBLE: JSON.stringify(options) },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  child.stderr.on("data", (bytes) => {
    log += bytes;
  });
  const gone = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const stop = async () => {
    child.kill("SIGKILL");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const { url, apiToken, userToken } = await new Promise<Pick<FogDouble, "url" | "apiToken" | "userToken">>(
      (resolve, reject) => {
        const failed = (why: string) => reject(new Error(`the FOG double ${why}:\n${log}`));
        setTimeout(() => failed("did not start in time"), START_MS).unref();
        child.once("close", () => failed("ended"));
        child.stdout.once("data", (line) => resolve(JSON.parse(`${line}`)));
      },
    );
    // Tokens by a file, not as words of a command.
    const headers = join(folder, "headers");
    writeFileSync(headers, `fog-api-token: ${apiToken}\nfog-user-token: ${userToken}\n`, { mode: 0o600 });
    const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
      const [curl = "", ...before] = [...enter, "curl", "-sS", "-X", method, "-H", `@${headers}`];
      const sent = body ? ["--data", JSON.stringify(body)] : [];
      const { stdout } = await run(curl, [...before, ...sent, `${url}${path}`]);
      return JSON.parse(stdout) as T;
    };
    return { url, apiToken, userToken, call, log: () => log, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
