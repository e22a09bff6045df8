import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { accessSync, closeSync, constants, existsSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { end, firstInside, ownFolder, sweep } from "../namespaces";

/** What a command in the namespaces said. */
export interface Ran {
  stdout: string;
  stderr: string;
  code: number;
}

/** A libvirtd of the test's own, in network, mount and pid namespaces of its own. */
export interface Libvirtd {
  /** `qemu+unix:///system?socket=…`; works from outside the namespaces. */
  uri: string;
  socket: string;
  /** `lib`, `log` and `cache` in it are /var/lib/libvirt, /var/log/libvirt and /var/cache/libvirt inside. */
  stateDir: string;
  /** What to put before a command so that it runs inside: the only way to reach its guests. */
  enter: string[];
  /** Run a command inside and wait for it; ended after `timeoutS`. @default 60 s */
  nsenter(argv: readonly string[], timeoutS?: number): Promise<Ran>;
  /** Ends libvirtd, its dnsmasq, its guests; leaves no mount and no folder. */
  stop(): Promise<void>;
}

const PREFIX = "labplan-libvirtd-";
const BINARIES = [
  "/usr/sbin/libvirtd",
  "/usr/bin/qemu-system-x86_64",
  "/usr/sbin/dnsmasq",
  "/usr/sbin/iptables",
  "/usr/bin/unshare",
  "/usr/bin/nsenter",
  "/usr/bin/setpriv",
];

/** Undefined when a private libvirtd can be started here, else the reason why not. */
export function available(): string | undefined {
  if (process.platform !== "linux") return "libvirtd needs Linux";
  for (const path of BINARIES) {
    try {
      accessSync(path, constants.X_OK);
    } catch {
      return `${path} is not installed; test/systems/libvirt/install.sh installs it`;
    }
  }
  if (process.getuid?.() !== 0) return "needs root, for network, mount and pid namespaces";
  try {
    execFileSync("/usr/bin/unshare", ["-n", "-m", "-p", "-f", "--mount-proc", "true"], { stdio: "pipe" });
  } catch {
    return "this container may not make namespaces (CAP_SYS_ADMIN)";
  }
  return undefined;
}

export async function startLibvirtd(): Promise<Libvirtd> {
  const reason = available();
  if (reason) throw new Error(`no private libvirtd: ${reason}`);
  sweep(PREFIX);
  const stateDir = ownFolder(PREFIX);
  const socket = join(stateDir, "sock", "libvirt-sock");
  const output = openSync(join(stateDir, "init.log"), "a");
  // setpriv: when this process is killed, the kernel kills unshare, and that kills all that is inside.
  const child = spawn(
    "/usr/bin/setpriv",
    [
      ...["--pdeathsig", "KILL", "/usr/bin/unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child"],
      ...["bash", join(__dirname, "init.sh"), stateDir, randomUUID()],
    ],
    { stdio: ["ignore", output, output] },
  );
  closeSync(output);
  const stop = async () => {
    await end(child);
    rmSync(stateDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  };
  try {
    await listening(child, socket, stateDir);
    const pid = firstInside(child);
    const enter = ["/usr/bin/nsenter", "-t", `${pid}`, "-a", `--wd=${process.cwd()}`, "--"];
    return {
      uri: `qemu+unix:///system?socket=${socket}`,
      socket,
      stateDir,
      enter,
      nsenter: (argv, timeoutS = 60) => run([...enter, ...argv], timeoutS),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function listening(child: ChildProcess, socket: string, stateDir: string): Promise<void> {
  const deadline = Date.now() + 30_000;
  while (!existsSync(socket)) {
    if (child.exitCode !== null || Date.now() > deadline) {
      const logs = ["init.log", "log/libvirtd.log"].map((file) => tail(join(stateDir, file)));
      throw new Error(`libvirtd did not start in ${stateDir}:\n${logs.join("\n")}`);
    }
    await sleep(10);
  }
}

function run(argv: readonly string[], timeoutS: number): Promise<Ran> {
  const [command = "", ...args] = argv;
  return new Promise((resolve) => {
    const options = {
      timeout: timeoutS * 1_000,
      killSignal: "SIGKILL" as const,
      maxBuffer: 64 * 1024 * 1024,
    };
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ stdout, stderr, code });
    });
  });
}

const tail = (path: string): string =>
  existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(-20).join("\n") : `(no ${path})`;
