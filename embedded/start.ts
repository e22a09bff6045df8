import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../providers/core/errors";
import { isAlive } from "../providers/core/processes";
import { askControl, type DaemonStatus, type MachineStatus } from "./control";
import { withLock } from "./lock";
import { type Places, placesOf } from "./places";
import { accountFor, stateFolderOf } from "./privileges";
import { codeVersion } from "./version";

export interface EmbeddedLab {
  libvirtSocket: string;
  /** First argument of `virtualbox/VBoxManage.cjs`; the command follows. */
  virtualBoxSocket: string;
  ldapUrl: string;
  /** File (0600) with the password of the directory's administrator. */
  ldapPasswordFile: string;
  /** `http://127.0.0.1:<port>/fog` */
  fogUrl: string;
  /** JSON (0600): `apiToken`, `userToken`, and `redfish` with `user` and `password`. */
  fogTokenFile: string;
  /** Private key that FOG's stock images let in as root. */
  fogIdentityFile: string;
  /** `http://127.0.0.1:<port>`: APIs of devstack's stand-ins. */
  devstackUrl: string;
  /** A GIT_BASE: `<gitBase>/openstack/devstack.git` is the stand-in. */
  gitBase: string;
  pid: number;
  /** Folder of the state; also of `faults.json`. */
  home: string;
}

export interface EmbeddedOptions {
  /** @default LABPLAN_EMBEDDED_HOME, else `.labplan/embedded` of the project */
  home?: string;
  signal?: AbortSignal;
}

const START_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 20_000;
/** All that the daemon, and with it every sandbox, sees of the environment: no secret of the caller. */
const PASSED_ON = ["PATH", "LANG", "TZ", "TMPDIR", "NODE_EXTRA_CA_CERTS"];
const DAEMON = path.join(__dirname, "daemon.ts");

/** The embedded lab's daemon: the one that runs, or a new one. Two that call at once get the same. */
export async function ensureEmbedded(options: EmbeddedOptions = {}): Promise<EmbeddedLab> {
  options.signal?.throwIfAborted();
  const places = placesOf(options.home);
  const running = await fitting(places);
  if (running) return labOf(running);
  return withLock(places.lock, START_DEADLINE_MS, async () => {
    options.signal?.throwIfAborted();
    // Somebody else may have started it while we waited.
    const meanwhile = await fitting(places);
    if (meanwhile) return labOf(meanwhile);
    await stopAt(places);
    return labOf(await launch(places, options.signal));
  });
}

/**
 * End the daemon. Its state stays, and machines that ran will run again when it is next started; with `forget`, the
 * state goes, too.
 */
export async function stopEmbedded(options: { home?: string; forget?: boolean } = {}): Promise<void> {
  const places = placesOf(options.home);
  await stopAt(places);
  fs.rmSync(places.log, { force: true });
  if (!options.forget) return;
  fs.rmSync(stateFolderOf(places.home, accountFor(places.home)), { recursive: true, force: true });
}

/** What runs, or undefined. Never starts anything. */
export async function embeddedStatus(options: { home?: string } = {}): Promise<DaemonStatus | undefined> {
  return askControl(placesOf(options.home).controlSocket, "status");
}

/** The running machines, and where they answer. */
export async function embeddedMachines(options: { home?: string } = {}): Promise<MachineStatus[]> {
  return (await askControl(placesOf(options.home).controlSocket, "machines")) ?? [];
}

const labOf = ({
  libvirtSocket,
  virtualBoxSocket,
  ldapUrl,
  ldapPasswordFile,
  fogUrl,
  fogTokenFile,
  fogIdentityFile,
  devstackUrl,
  gitBase,
  pid,
  home,
}: DaemonStatus): EmbeddedLab => ({
  libvirtSocket,
  virtualBoxSocket,
  ldapUrl,
  ldapPasswordFile,
  fogUrl,
  fogTokenFile,
  fogIdentityFile,
  devstackUrl,
  gitBase,
  pid,
  home,
});

async function fitting(places: Places): Promise<DaemonStatus | undefined> {
  const status = await askControl(places.controlSocket, "status").catch(() => undefined);
  return status?.version === codeVersion() ? status : undefined;
}

/** Ask the daemon to stop, wait for its end, and clear away what it left. */
async function stopAt(places: Places): Promise<DaemonStatus | undefined> {
  const status = await askControl(places.controlSocket, "status");
  if (status) {
    await askControl(places.controlSocket, "stop");
    for (const end = Date.now() + STOP_DEADLINE_MS; isAlive(status.pid); ) {
      if (Date.now() > end) {
        throw new LabError(
          `embedded lab: the daemon (process ${status.pid}) does not stop. See ${places.log}.`,
        );
      }
      await sleep(10);
    }
  }
  // Of a killed daemon, or of one that could not remove them as it was no longer root.
  for (const socket of [places.libvirtSocket, places.virtualBoxSocket, places.controlSocket])
    fs.rmSync(socket, { force: true });
  return status;
}

async function launch(places: Places, signal: AbortSignal | undefined): Promise<DaemonStatus> {
  const { log } = places;
  const handle = fs.openSync(log, "w", 0o600);
  let child: ChildProcess;
  try {
    // A stdio of ours would keep the pipe of `npm run … | cat` open as long as the daemon lives.
    child = spawn(process.execPath, ["--require", require.resolve("tsx/cjs"), DAEMON], {
      cwd: "/",
      detached: true,
      stdio: ["ignore", handle, handle],
      env: { ...passedOn(), LABPLAN_EMBEDDED_DAEMON: JSON.stringify(places) },
    });
  } finally {
    fs.closeSync(handle);
  }
  let ended: string | undefined;
  child.on("error", (error) => {
    ended = error.message;
  });
  child.on("exit", (code, killedBy) => {
    ended ??= `it ended with ${killedBy ?? `code ${code}`}`;
  });
  child.unref();
  for (const end = Date.now() + START_DEADLINE_MS; ; ) {
    const status = await fitting(places);
    if (status) return status;
    if (ended === undefined && Date.now() > end) ended = "it did not answer in time";
    if (ended !== undefined || signal?.aborted) {
      // Not ready: nothing can depend on it yet.
      if (child.exitCode === null && child.pid !== undefined) process.kill(child.pid, "SIGKILL");
      signal?.throwIfAborted();
      throw new LabError(
        `embedded lab: the daemon did not start: ${ended}. Its log, ${log}, ends:\n${tail(log)}`,
      );
    }
    await sleep(10);
  }
}

const passedOn = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        PASSED_ON.includes(name) ||
        (name.startsWith("LABPLAN_EMBEDDED_") && name !== "LABPLAN_EMBEDDED_HOME"),
    ),
  );

function tail(file: string): string {
  try {
    return fs.readFileSync(file, "utf8").trimEnd().split("\n").slice(-8).join("\n");
  } catch {
    return "(empty)";
  }
}
