import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { accepts } from "../loopback";
import { type Namespaces, ownFolder, startInside, sweep, whyNotInside } from "../namespaces";

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
const NAMESPACES: Namespaces = { kinds: ["-n", "-m", "-p"] };
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
export const available = (): string | undefined =>
  whyNotInside(NAMESPACES, {
    what: "libvirtd",
    tools: BINARIES,
    installer: "test/systems/libvirt/install.sh",
  });

export async function startLibvirtd(): Promise<Libvirtd> {
  const reason = available();
  if (reason) throw new Error(`no private libvirtd: ${reason}`);
  sweep(PREFIX);
  const stateDir = ownFolder(PREFIX);
  const socket = join(stateDir, "sock", "libvirt-sock");
  const { pid, stop } = await startInside({
    ...NAMESPACES,
    argv: ["bash", join(__dirname, "init.sh"), stateDir, randomUUID()],
    folder: stateDir,
    output: join(stateDir, "init.log"),
    isReady: () => accepts(socket),
    failed: () => {
      const logs = ["init.log", "log/libvirtd.log"].map((file) => tail(join(stateDir, file)));
      return `libvirtd did not start in ${stateDir}:\n${logs.join("\n")}`;
    },
  });
  const enter = ["/usr/bin/nsenter", "-t", `${pid}`, "-a", `--wd=${process.cwd()}`, "--"];
  return {
    uri: `qemu+unix:///system?socket=${socket}`,
    socket,
    stateDir,
    enter,
    nsenter: (argv, timeoutS = 60) => run([...enter, ...argv], timeoutS),
    stop,
  };
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
