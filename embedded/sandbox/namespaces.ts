import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { SANDBOX_PATH } from "./rootfs";
import { homeOfUser, type Isolation, type Runner, type RunnerOptions, type RunRequest } from "./runner";

/** pid 1 of a sandbox. Read while we can: the project may be closed to the user that we become. */
const INIT = fs.readFileSync(`${__dirname}/init.sh`, "utf8");

const NAMESPACES = [
  "--user",
  "--map-root-user",
  "--mount",
  "--pid",
  "--uts",
  "--ipc",
  "--fork",
  "--kill-child",
];
const ENTER = ["--user", "--preserve-credentials", "--mount", "--pid", "--uts", "--ipc"];
const TOOL_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";
/** By its full path: a PATH that holds the sandbox's folders must not decide what the host runs. */
const tool = (name: string): string =>
  TOOL_PATH.split(":")
    .map((folder) => `${folder}/${name}`)
    .find((file) => fs.existsSync(file)) ?? name;
/** Exit codes that init.sh knows. */
const EXIT = { poweroff: 10, reboot: 11 } as const;
const START_DEADLINE_MS = 10_000;

/** Whether an ordinary user can make all the name spaces that a sandbox is made of: tried, not guessed. */
export function namespacesWork(): Promise<boolean> {
  if (process.platform !== "linux") return Promise.resolve(false);
  const trial =
    "mount --make-rprivate / && mount -t proc proc /proc && command -v nsenter pivot_root && echo works";
  return new Promise((resolve) => {
    const child = spawn(tool("unshare"), [...NAMESPACES, "/bin/sh", "-c", trial], {
      env: { PATH: TOOL_PATH },
      stdio: ["ignore", "pipe", "ignore"],
      cwd: "/",
      timeout: 5_000,
      killSignal: "SIGKILL",
    });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
    });
    child.on("error", () => resolve(false));
    child.on("close", (code) => resolve(code === 0 && text.includes("works")));
  });
}

export function namespaceIsolation(folder: string): Isolation {
  const init = path.join(folder, "init.sh");
  fs.writeFileSync(init, INIT, { mode: 0o600 });
  return { name: "namespaces", create: (options) => new NamespaceRunner(options, init) };
}

/** Name spaces that are made at the first command and live until the machine is off. */
class NamespaceRunner implements Runner {
  private init: { child: ChildProcess; ready: Promise<number>; gone: Promise<void> } | undefined;
  private killed = false;

  constructor(
    private readonly options: RunnerOptions,
    private readonly initFile: string,
  ) {}

  async run(request: RunRequest): Promise<ChildProcess> {
    if (this.killed) throw new Error("the machine is off");
    this.init ??= this.start();
    const pid = await this.init.ready;
    const home = homeOfUser(request.user);
    const shell = request.command === undefined ? "exec /bin/sh" : 'exec /bin/sh -c "$1"';
    const inside = `umask 022; cd "$HOME" 2>/dev/null || cd /; ${shell}`;
    const argv = ["/bin/sh", "-c", inside, "sh", ...(request.command === undefined ? [] : [request.command])];
    return spawn(
      tool("nsenter"),
      ["--target", String(pid), ...ENTER, "--", ...(request.terminal ? terminal(argv) : argv)],
      {
        cwd: "/",
        env: {
          ...request.env,
          PATH: SANDBOX_PATH,
          HOME: home,
          USER: request.user,
          LOGNAME: request.user,
          SHELL: "/bin/sh",
        },
        stdio: ["pipe", "pipe", "pipe"],
      },
    );
  }

  async kill(): Promise<void> {
    this.killed = true;
    // unshare --kill-child takes pid 1 along, and the kernel everything else in its pid name space.
    this.init?.child.kill("SIGKILL");
    await this.init?.gone;
  }

  private start(): { child: ChildProcess; ready: Promise<number>; gone: Promise<void> } {
    const { root, hostName, onExit, log } = this.options;
    const child = spawn(tool("unshare"), [...NAMESPACES, "/bin/sh", this.initFile, root, hostName], {
      cwd: "/",
      env: { PATH: TOOL_PATH },
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin?.on("error", () => {});
    let said = "";
    child.stderr?.on("data", (data) => {
      said += data;
    });
    const ready = new Promise<number>((resolve, reject) => {
      const late = () => reject(new Error(`the sandbox did not start: ${said}`));
      const timer = setTimeout(late, START_DEADLINE_MS);
      let out = "";
      child.stdout?.on("data", (data) => {
        out += data;
        const pid = /ready (\d+)/.exec(out)?.[1];
        if (!pid) return;
        clearTimeout(timer);
        resolve(Number(pid));
      });
      child.on("error", reject);
      child.on("exit", (code) => {
        clearTimeout(timer);
        reject(new Error(`the sandbox ended with ${code}: ${said}`));
      });
    });
    ready.catch((error: Error) => log(error.message));
    const gone = new Promise<void>((resolve) => {
      child.on("error", () => resolve());
      child.on("exit", (code) => {
        resolve();
        if (this.killed) return;
        this.init = undefined;
        if (code === EXIT.poweroff) onExit("poweroff");
        if (code === EXIT.reboot) onExit("reboot");
      });
    });
    return { child, ready, gone };
  }
}

/** A real terminal, by util-linux's script; its output has no stderr of its own, as on any terminal. */
const terminal = (argv: string[]): string[] => {
  const words = argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  return ["/usr/bin/script", "-qefc", words, "/dev/null"];
};
