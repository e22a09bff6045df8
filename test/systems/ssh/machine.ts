import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { accepts, freePort } from "../loopback";
import { type Namespaces, ownFolder, startInside, sweep, whyNotInside } from "../namespaces";
import { makeKey } from "./start";

const run = promisify(execFile);

/** The users of such a machine, who can all log in with the same key: only `ops` gets by sudo without a password. */
export const USERS = ["root", "ada", "ops", "bob", "eve"] as const;

/** A machine with a real sshd, PAM, shadow and (where it was installed) sudo, which shares only the kernel with us. */
export interface SshMachine {
  host: "127.0.0.1";
  port: number;
  /** `ssh-ed25519 AAAA…` */
  hostKey: string;
  /** Private key that every user's authorized_keys begins with. */
  identityFile: string;
  /** Path, as seen from here, of a path inside. */
  path(inside: string): string;
  /** Run a command inside as root. */
  inside(...argv: string[]): Promise<string>;
  log(): string;
  stop(): Promise<void>;
}

const PREFIX = "labplan-ssh-machine-";
const SUDO = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "labplan", "ssh", "sudo");
const TOOLS = [
  "/usr/sbin/sshd",
  "/usr/sbin/chpasswd",
  "/usr/sbin/useradd",
  "/usr/bin/unshare",
  "/usr/bin/nsenter",
  "/usr/bin/setpriv",
];
const NAMESPACES: Namespaces = { kinds: ["-m", "-p"] };
const ENTER = [...NAMESPACES.kinds, "--wd=/"];

/** Undefined when such a machine can be started here, else the reason why not. */
export const machineAvailable = (): string | undefined =>
  whyNotInside(NAMESPACES, {
    what: "it",
    tools: TOOLS,
    trial: {
      script:
        "mount --make-rprivate / && mount -t tmpfs tmpfs /mnt && mkdir /mnt/u /mnt/w && mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /etc",
      refused: "this container may not mount an overlay in namespaces of its own",
    },
  });

/** Undefined when the machine has the real sudo, else the reason why not. */
export const sudoAvailable = (): string | undefined =>
  existsSync(join(SUDO, "usr/bin/sudo")) ? undefined : `no ${SUDO}; test/systems/ssh/install.sh gets it`;

export async function startMachine(): Promise<SshMachine> {
  sweep(PREFIX);
  const state = ownFolder(PREFIX);
  const identityFile = join(state, "id_ed25519");
  await makeKey(identityFile, "ed25519");
  const hostKey = await makeKey(join(state, "host_key"), "ed25519");
  const port = await freePort();
  const sudo = sudoAvailable() === undefined ? SUDO : "";
  const { pid, stop } = await startInside({
    ...NAMESPACES,
    argv: ["bash", join(__dirname, "init.sh"), state, sudo, `${port}`],
    folder: state,
    isReady: () => accepts(port),
    failed: (said) => `the machine did not start: ${said}`,
  });
  const root = `/proc/${pid}/root`;
  return {
    host: "127.0.0.1",
    port,
    hostKey: hostKey.split(" ").slice(0, 2).join(" "),
    identityFile,
    path: (inside) => join(root, inside),
    inside: async (...argv) => (await run("/usr/bin/nsenter", ["-t", `${pid}`, ...ENTER, ...argv])).stdout,
    log: () => readFileSync(join(root, "etc/ssh/log"), "utf8"),
    stop,
  };
}
