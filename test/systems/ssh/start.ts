import { execFile, spawn } from "node:child_process";
import { accessSync, constants, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { accepts, freePort } from "../loopback";

const run = promisify(execFile);
const SSHD = "/usr/sbin/sshd";
/** sshd separates privileges in this folder; a system service would make it. */
const PRIVSEP_FOLDER = "/run/sshd";

export interface SshdOptions {
  /** Types of its host keys, the first is `hostKey`. @default ed25519 */
  hostKeyTypes?: readonly ("ed25519" | "ecdsa" | "rsa")[];
  /** More lines of sshd_config. */
  config?: readonly string[];
  /** Start it on this port. @default a free one */
  port?: number;
}

export interface Sshd {
  host: "127.0.0.1";
  port: number;
  /** `ssh-ed25519 AAAA…` */
  hostKey: string;
  hostKeys: string[];
  /** A private key that it lets in. */
  identityFile: string;
  user: string;
  /** Its temporary folder, for what else a test needs. */
  folder: string;
  /** Its file of keys that may log in. */
  authorizedKeys: string;
  /** Kill every session and what runs in it, as a crash of the host would; it keeps listening. */
  endSessions(): void;
  /** How many processes of sessions there are. */
  sessions(): number;
  log(): Promise<string>;
  stop(): Promise<void>;
}

/** Undefined when a real sshd can be started here, else the reason why not. */
export function available(): string | undefined {
  try {
    accessSync(SSHD, constants.X_OK);
  } catch {
    return `no ${SSHD}: install openssh-server`;
  }
  if (process.getuid?.() !== 0) {
    try {
      accessSync(PRIVSEP_FOLDER);
    } catch {
      return `no ${PRIVSEP_FOLDER}, which only root can make`;
    }
  }
  return undefined;
}

/** A real OpenSSH server on loopback, with its own keys and config in a temporary folder. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const folder = await mkdtemp(join(tmpdir(), "labplan-sshd-"));
  const { username: user } = userInfo();
  if (process.getuid?.() === 0) await mkdir(PRIVSEP_FOLDER, { recursive: true, mode: 0o755 });
  const types = options.hostKeyTypes ?? ["ed25519"];
  const hostKeys: string[] = [];
  for (const type of types) hostKeys.push(await makeKey(join(folder, `host_${type}`), type));
  const identityFile = join(folder, "id_ed25519");
  const authorizedKeys = join(folder, "authorized_keys");
  await writeFile(authorizedKeys, `${await makeKey(identityFile, "ed25519")}\n`, { mode: 0o600 });
  await chmod(folder, 0o755);

  const port = options.port ?? (await freePort());
  const config = [
    `Port ${port}`,
    "ListenAddress 127.0.0.1",
    ...types.map((type) => `HostKey ${join(folder, `host_${type}`)}`),
    `AuthorizedKeysFile ${authorizedKeys}`,
    // Ours come first: sshd takes the first value that it reads.
    ...(options.config ?? []),
    "StrictModes no",
    "UsePAM no",
    "PasswordAuthentication no",
    "KbdInteractiveAuthentication no",
    "PermitRootLogin prohibit-password",
    "AllowStreamLocalForwarding yes",
    "AllowTcpForwarding yes",
    "PidFile none",
    "PrintMotd no",
    // The startup files of whoever runs this stay out of it.
    `SetEnv HOME=${folder}`,
    "LogLevel VERBOSE",
    "Subsystem sftp internal-sftp",
  ];
  const configFile = join(folder, "sshd_config");
  const logFile = join(folder, "sshd.log");
  await writeFile(configFile, `${config.join("\n")}\n`);
  await run(SSHD, ["-t", "-f", configFile]);
  const child = spawn(SSHD, ["-D", "-E", logFile, "-f", configFile], { stdio: "ignore" });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const log = () => readFile(logFile, "utf8").catch(() => "");
  const endSessions = () => {
    // Each session is a child with a process group of its own, and outlives the listener.
    for (const pid of descendants(child.pid)) tryKill(pid);
  };
  const stop = async () => {
    endSessions();
    child.kill("SIGTERM");
    await exited;
    await rm(folder, { recursive: true, force: true });
  };
  const up = await Promise.race([listening(port), exited.then(() => false)]);
  if (!up || child.pid === undefined) {
    const text = await log();
    await stop();
    throw new Error(`sshd did not start on port ${port}: ${text}`);
  }
  return {
    host: "127.0.0.1",
    port,
    hostKey: hostKeys[0] ?? "",
    hostKeys,
    identityFile,
    user,
    folder,
    authorizedKeys,
    endSessions,
    sessions: () => descendants(child.pid).length,
    log,
    stop,
  };
}

/** Make a key pair; returns the public line. */
export async function makeKey(path: string, type: string, passphrase = ""): Promise<string> {
  const bits = type === "rsa" ? ["-b", "2048"] : [];
  await run("ssh-keygen", ["-q", "-t", type, ...bits, "-N", passphrase, "-C", "test", "-f", path]);
  return (await readFile(`${path}.pub`, "utf8")).trim();
}

/** Children, their children and so on, deepest last. */
function descendants(root: number | undefined): number[] {
  if (root === undefined) return [];
  const parents = new Map<number, number>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // The program's name in parentheses may hold anything; the fields are counted from behind it.
      const fields = readFileSync(`/proc/${entry}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      parents.set(Number(entry), Number(fields[1]));
    } catch {
      // It ended while we looked.
    }
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found.slice(1);
}

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

async function listening(port: number): Promise<boolean> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await accepts(port)) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}
