import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ensureEmbedded } from "../../embedded/start";
import type { VirtualBoxBackend } from "../../stacks/config/types";
import { LabError } from "../core/errors";
import type { Clock } from "../ssh/clock";
import { systemClock } from "../ssh/clock";
import { type SshTarget, targetName } from "../ssh/target";
import { findVBoxManage } from "./binary";
import type { Caller } from "./calls";
import type { VirtualBoxClient } from "./client";
import { Host } from "./host";
import { localFiles } from "./local-files";
import { localRunner } from "./local-runner";
import { HostLock, lockFolder } from "./lock";
import { remoteFiles } from "./remote-files";
import { RemoteLink } from "./remote-link";
import { remoteRunner } from "./remote-runner";
import { type ClientParts, vboxManageClient } from "./vboxmanage-client";

export interface HostSettings {
  /** Variables of a local VBoxManage: which VirtualBox it means. */
  env?: NodeJS.ProcessEnv;
  clock?: Clock;
  random?: () => number;
  /** Milliseconds that a call may take. @default 60000 */
  deadlineMs?: number;
  /** Seconds until the wait for another run is given up. @default 600 */
  lockWaitS?: number;
  /** Address of VBoxManage's own host, instead of what the backend's `host` says: its keys and logins. */
  target?: SshTarget;
}

const hosts = new Map<string, Promise<ClientParts>>();

/** The client of a backend for one run; all of a process share one queue for each host. */
export async function virtualBoxFor(
  backend: VirtualBoxBackend,
  caller: Caller = {},
): Promise<VirtualBoxClient> {
  const key = JSON.stringify([
    backend.host,
    backend.vboxManage,
    backend.hostKey,
    backend.identityFile,
    process.env.LABPLAN_EMBEDDED_HOME,
  ]);
  let host = hosts.get(key);
  if (!host) {
    host = openHost(backend);
    hosts.set(key, host);
    host.catch(() => hosts.delete(key));
  }
  // The embedded lab's daemon may have been stopped since.
  if (backend.host?.startsWith("embedded:"))
    await ensureEmbedded(caller.signal ? { signal: caller.signal } : {});
  return vboxManageClient(await host, caller);
}

/** Ends what the process's shared hosts hold open. */
export async function closeHosts(): Promise<void> {
  const all = [...hosts.values()];
  hosts.clear();
  for (const host of all) await (await host).close?.();
}

/** A host of one's own, with a queue of its own: for tests, and for `virtualBoxFor`. */
export async function openHost(
  backend: VirtualBoxBackend,
  settings: HostSettings = {},
): Promise<ClientParts> {
  const { host } = backend;
  if (host === undefined) return localHost(backend, settings);
  if (host.startsWith("embedded:")) return embeddedHost(settings);
  return remoteHost(settings.target ?? sshTargetOf(backend), backend, settings);
}

function localHost(backend: VirtualBoxBackend, settings: HostSettings): ClientParts {
  const label = "VirtualBox on this machine";
  const env = { ...process.env, ...settings.env };
  const program = backend.vboxManage ?? findVBoxManage();
  const runner = localRunner({
    label,
    command: [program],
    env,
    ...(settings.clock && { clock: settings.clock }),
  });
  return {
    host: hostOf(runner, localFiles, placeOf(program, env), settings),
    known: {},
    needsModule: async () => process.platform === "linux",
  };
}

async function embeddedHost(settings: HostSettings): Promise<ClientParts> {
  const label = "the embedded VirtualBox";
  const lab = await ensureEmbedded();
  const script = join(__dirname, "..", "..", "embedded", "virtualbox", "VBoxManage.cjs");
  const runner = localRunner({
    label,
    command: [process.execPath, script, lab.virtualBoxSocket],
    ...(settings.clock && { clock: settings.clock }),
  });
  return {
    host: hostOf(runner, localFiles, `embedded ${lab.home}`, settings),
    known: {},
    needsModule: async () => false,
  };
}

function remoteHost(target: SshTarget, backend: VirtualBoxBackend, settings: HostSettings): ClientParts {
  const label = `VirtualBox on ${targetName(target)}`;
  const link = new RemoteLink(target);
  const runner = remoteRunner({
    label,
    link,
    program: backend.vboxManage,
    ...(settings.clock && { clock: settings.clock }),
  });
  let isLinux: Promise<boolean> | undefined;
  return {
    host: hostOf(
      runner,
      remoteFiles(label, link),
      `ssh ${target.user ?? ""}@${targetName(target)}`,
      settings,
    ),
    known: {},
    via: target,
    needsModule: () => {
      isLinux ??= link.use(
        async (ssh) => (await ssh.exec(["uname", "-s"], { deadlineS: 30 })).stdout.trim() === "Linux",
      );
      return isLinux;
    },
    close: () => link.close(),
  };
}

function hostOf(
  runner: ConstructorParameters<typeof Host>[0]["runner"],
  files: ConstructorParameters<typeof Host>[0]["files"],
  place: string,
  settings: HostSettings,
): Host {
  const { clock = systemClock, random, deadlineMs, lockWaitS } = settings;
  const key = createHash("sha256").update(place).digest("hex").slice(0, 12);
  const file = join(lockFolder(), `virtualbox-${key}.lock`);
  const lock = new HostLock({
    file,
    label: runner.label,
    clock,
    ...(lockWaitS !== undefined && { waitS: lockWaitS }),
  });
  return new Host({
    runner,
    files,
    lock,
    clock,
    ...(random && { random }),
    ...(deadlineMs !== undefined && { deadlineMs }),
  });
}

/**
 * What those who use the same VirtualBox have in common: the folder of its settings. A program of another name is
 * somebody's own wrapper, which may choose a VirtualBox of its own.
 */
function placeOf(program: string, env: NodeJS.ProcessEnv): string {
  const isWrapper = !/(^|[/\\])vboxmanage(\.exe)?$/i.test(program);
  return isWrapper ? `${userHome(env)} ${program}` : userHome(env);
}

function userHome(env: NodeJS.ProcessEnv): string {
  const home = env.VBOX_USER_HOME ?? join(env.HOME ?? homedir(), ".config", "VirtualBox");
  try {
    return realpathSync(home);
  } catch {
    return home;
  }
}

/** `ssh://user@host[:port]` */
function sshTargetOf({ host = "", hostKey, identityFile }: VirtualBoxBackend): SshTarget {
  if (!/^ssh:\/\//.test(host) || !URL.canParse(host))
    throw new LabError(
      `"${host}" is no place for VirtualBox. Write host: ssh://user@host[:port] or embedded:, or leave it out for this machine.`,
    );
  const url = new URL(host);
  if (url.password)
    throw new LabError(`the host of VirtualBox holds a password. Take it out: logins are by key or agent.`);
  return {
    host: decodeURIComponent(url.hostname).replaceAll(/[[\]]/g, ""),
    ...(url.port && { port: Number(url.port) }),
    ...(url.username && { user: decodeURIComponent(url.username) }),
    ...(hostKey !== undefined && { hostKey }),
    ...(identityFile !== undefined && { identityFile }),
  };
}
