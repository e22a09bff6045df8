import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as path from "node:path";
import { startOf } from "../providers/core/processes";
import { type DaemonStatus, startControl } from "./control";
import { type DevstackServerOptions, startDevstackServer } from "./devstack/server";
import { Faults } from "./faults";
import { type FogServerOptions, startFogServer } from "./fog/server";
import { Journal } from "./journal";
import { CODE, LdapResult, type ResultCode } from "./ldap/codes";
import { startLdapServer } from "./ldap/server";
import { listenEarly, startLibvirtServer } from "./libvirt/server";
import { Lab } from "./libvirt/store/lab";
import type { Places } from "./places";
import { accountFor, dropTo, makeStateFolder, stateFolderOf } from "./privileges";
import { Machines } from "./sandbox/machines";
import { codeVersion } from "./version";
import { startVirtualBoxServer } from "./virtualbox/server";
import { VirtualBox } from "./virtualbox/store/virtualbox";

/** The daemon's own process: started by `start.ts`, with its places in the environment. */

const DEFAULT_IDLE_MINUTES = 15;
/** FOG's own default is 10 for one storage node; nobody waits here for a real disk. */
const FOG_SLOTS = 64;

const log = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);

async function main(): Promise<void> {
  process.umask(0o077);
  const places = JSON.parse(process.env.LABPLAN_EMBEDDED_DAEMON ?? "") as Places;
  const account = accountFor(places.home);
  const home = stateFolderOf(places.home, account);
  makeStateFolder(home, account);
  const idleMs = Number(process.env.LABPLAN_EMBEDDED_IDLE_MS ?? DEFAULT_IDLE_MINUTES * 60_000);
  const version = codeVersion();

  let stopping = false;
  let lastUse = Date.now();
  const used = (): void => {
    lastUse = Date.now();
  };
  // While still root: only root can open sockets in root's folder, and nobody else can reach them there.
  let status: (() => DaemonStatus) | undefined;
  let machines: Machines | undefined;
  const control = await startControl(places.controlSocket, ({ op }) => {
    if (!status || !machines) throw new Error("starting");
    used();
    if (op === "stop") setImmediate(() => void stop("asked to"));
    return op === "status" ? status() : op === "machines" ? machines.list() : { stopping: true };
  });
  const faults = new Faults(path.join(home, "faults.json"), process.env.LABPLAN_EMBEDDED_FAULTS, log);
  const listener = await listenEarly(places.libvirtSocket);
  const virtualBoxListener = await listenEarly(places.virtualBoxSocket);
  await stopCompiler();
  if (account) dropTo(account);
  for (const name of ["LABPLAN_EMBEDDED_DAEMON", "LABPLAN_EMBEDDED_FAULTS"]) delete process.env[name];

  const folder = (name: string): string => {
    const at = path.join(home, name);
    fs.mkdirSync(at, { recursive: true, mode: 0o700 });
    return at;
  };
  const journal = new Journal(folder("libvirt"));
  machines = await Machines.create({
    folder: folder("machines"),
    log,
    restricted: process.env.LABPLAN_EMBEDDED_RESTRICTED === "1",
    faults,
  });
  const lab = new Lab({ journal, poolFolder: folder("pools"), guests: machines, log });
  const libvirt = startLibvirtServer({ listener, lab, faults, onChange: used });
  const virtualBoxJournal = new Journal(folder("virtualbox-journal"));
  const virtualBox = new VirtualBox({
    journal: virtualBoxJournal,
    home: folder("virtualbox"),
    guests: machines,
    keepTftp: (prefix, files) => machines?.tftpFiles.set(prefix, files),
    log,
  });
  const vbox = startVirtualBoxServer({ listener: virtualBoxListener, virtualBox, faults, onChange: used });
  const ldap = await startDirectory(folder("ldap"), path.join(home, "ldap.port"), faults);
  const devstack = await startDevstack(folder("devstack"), path.join(home, "devstack.port"), {
    faults,
    onUse: used,
  });
  machines.network = {
    attach: (machine) => ({
      url: `${devstack.url}${devstack.nodes.attach(machine)}`,
      gitBase: devstack.gitBase,
    }),
    detach: (uuid) => devstack.nodes.detach(uuid),
  };
  const fog = await startFog(folder("fog"), path.join(home, "fog.port"), { machines, faults, onUse: used });
  await lab.resume();
  virtualBox.resume();
  const running = (): number => lab.domains.running + virtualBox.running + fog.running;

  status = () => ({
    pid: process.pid,
    started: startOf(process.pid),
    version,
    uid: process.getuid?.() ?? -1,
    home,
    libvirtSocket: places.libvirtSocket,
    virtualBoxSocket: places.virtualBoxSocket,
    ldapUrl: ldap.url,
    ldapPasswordFile: ldap.adminPasswordFile,
    fogUrl: fog.url,
    fogTokenFile: fog.tokenFile,
    fogIdentityFile: fog.identityFile,
    devstackUrl: devstack.url,
    gitBase: devstack.gitBase,
    isolation: machines?.isolation ?? "unknown",
    connections: libvirt.connections + vbox.connections,
    runningMachines: running(),
  });

  const idle = setInterval(
    () => {
      if (libvirt.connections > 0 || vbox.connections > 0 || running() > 0) used();
      else if (Date.now() - lastUse >= idleMs) void stop("idle");
    },
    Math.max(20, Math.min(idleMs / 4, 5_000)),
  );

  async function stop(why: string): Promise<void> {
    if (stopping) return;
    stopping = true;
    log(`stopping: ${why}`);
    clearInterval(idle);
    // A connection that hangs must not keep us; what was answered is in the journal already.
    setTimeout(() => process.exit(0), 5_000).unref();
    const servers = [control, libvirt, vbox, ldap, fog, devstack, virtualBox.power, machines];
    await Promise.all(servers.map((one) => one?.close()));
    for (const one of [journal, virtualBoxJournal]) one.close();
    process.exit(0);
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void stop(signal));
  process.on("SIGHUP", () => {});
  log(`ready as user ${process.getuid?.()} with ${home}, sandboxes: ${machines.isolation}`);
}

/**
 * All code is loaded: end the helper process that compiled it, which would stay as root. What it compiles is not
 * needed again, and could not be read any more where the project lies in root's own folder.
 */
async function stopCompiler(): Promise<void> {
  const compiler = createRequire(require.resolve("tsx/cjs"))("esbuild") as { stop?(): Promise<void> };
  await compiler.stop?.();
}

/** A directory that comes back under the address that it had, where that is still free. */
async function startDirectory(folder: string, portFile: string, faults: Faults) {
  const options = { folder, log, intercept: ({ op }: { op: string }) => failLdap(faults, op) };
  const ldap = await atLastPort(portFile, (port) => startLdapServer({ ...options, port }));
  fs.writeFileSync(portFile, new URL(ldap.url).port);
  return ldap;
}

/** The FOG server alike: a backend's URL stays good. */
async function startFog(folder: string, portFile: string, options: Omit<FogServerOptions, "folder">) {
  const { LABPLAN_EMBEDDED_FOG_LINE: line, LABPLAN_EMBEDDED_FOG_SLOTS: slots } = process.env;
  const all: Omit<FogServerOptions, "port"> = {
    ...options,
    folder,
    log,
    slots: Number(slots ?? FOG_SLOTS),
    lineVersion: line === "1.6" ? line : "1.5",
  };
  const fog = await atLastPort(portFile, (port) => startFogServer({ ...all, port }));
  fs.writeFileSync(portFile, String(fog.port));
  return fog;
}

/** The same for what answers for devstack: URLs of it are in files of the sandboxes. */
async function startDevstack(
  folder: string,
  portFile: string,
  options: Omit<DevstackServerOptions, "folder">,
) {
  const devstack = await atLastPort(portFile, (port) =>
    startDevstackServer({ ...options, folder, log, port }),
  );
  fs.writeFileSync(portFile, String(devstack.port));
  return devstack;
}

/** At the port that the file has, else at a free one. */
function atLastPort<T>(portFile: string, start: (port: number) => Promise<T>): Promise<T> {
  const last = fs.existsSync(portFile) ? Number(fs.readFileSync(portFile, "utf8")) : 0;
  return start(last).catch((error: NodeJS.ErrnoException) => {
    if (last === 0 || error.code !== "EADDRINUSE") throw error;
    return start(0);
  });
}

/** Faults of the directory have procedures named `ldap:bind`, `ldap:search` …; codes are LDAP result codes. */
async function failLdap(faults: Faults, op: string): Promise<void> {
  const fault = faults.next(`ldap:${op}`);
  if (!fault) return;
  if (fault.do === "slow") await Faults.pause(fault);
  else if (fault.do === "hang") await new Promise(() => {});
  else if (fault.do === "close") throw new Error("scripted fault");
  else throw new LdapResult((fault.code ?? CODE.other) as ResultCode, fault.message ?? "scripted fault");
}

process.on("uncaughtException", (error) => {
  log(`uncaught: ${error.stack ?? error.message}`);
  process.exit(1);
});
process.on("unhandledRejection", (reason) => {
  log(`unhandled: ${reason instanceof Error ? (reason.stack ?? reason.message) : String(reason)}`);
});

main().catch((error: Error) => {
  log(error.stack ?? "");
  // Last, because a starter shows the end of the log.
  log(`cannot start: ${error.message}`);
  process.exit(1);
});
