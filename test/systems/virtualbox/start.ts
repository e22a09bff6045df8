import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import type { VirtualBoxBackend } from "../../../stacks/config/types";
import { type Namespaces, ownFolder, startInside, sweep, whyNotInside } from "../namespaces";

/** A VirtualBox of the test's own: its own settings and VBoxSVC, in mount and pid namespaces of its own. */
export interface VirtualBox {
  /** For `virtualBoxFor`: its VBoxManage, and a folder of its own for disks. */
  backend: VirtualBoxBackend & { vboxManage: string; folder: string };
  /** Runs the VBoxManage of this VirtualBox; may be given to anything that wants a VBoxManage. */
  vboxManage: string;
  /** What to put before a command so that it runs inside, with nothing of our environment but what it is given. */
  enter: string[];
  /** For machines; the same path inside and outside. */
  folder: string;
  /** Pids, as seen from here, of its VBoxSVC processes. */
  services(): number[];
  /** Ends all its processes; leaves no mount and no folder. */
  stop(): Promise<void>;
}

export interface VirtualBoxOptions {
  /** Put VirtualBox's own wrapper before VBoxManage, as a user who just types its name does. */
  wrapper?: boolean;
}

const PREFIX = "labplan-virtualbox-";
const ROOT = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "labplan", "virtualbox");
const REAL = "/usr/lib/virtualbox/VBoxManage";
const NAMESPACES: Namespaces = { kinds: ["-m", "-p"] };
const TOOLS = ["/usr/bin/unshare", "/usr/bin/nsenter", "/usr/bin/setpriv", "/usr/sbin/chroot"];

/** Undefined when a real VirtualBox can be run here, else the reason why not. */
export function available(): string | undefined {
  const reason = whyNotInside(NAMESPACES, { what: "the VirtualBox of the tests", tools: TOOLS });
  if (reason === undefined && !existsSync(join(ROOT, REAL)))
    return `${ROOT} is not built; test/systems/virtualbox/install.sh builds it`;
  return reason;
}

export async function startVirtualBox(options: VirtualBoxOptions = {}): Promise<VirtualBox> {
  const reason = available();
  if (reason) throw new Error(`no private VirtualBox: ${reason}`);
  sweep(PREFIX);
  const state = ownFolder(PREFIX);
  for (const name of ["home", "machines", "media"]) mkdirSync(join(state, name), { mode: 0o700 });
  const { pid, stop } = await startInside({
    ...NAMESPACES,
    argv: ["bash", join(__dirname, "init.sh"), ROOT, state],
    folder: state,
    isReady: () => existsSync(join(state, "ready")),
    failed: (said) => `VirtualBox's namespaces were not made in ${state}: ${said}`,
  });
  const vboxManage = join(state, "vboxmanage.sh");
  const enter = commandInside(pid);
  writeFileSync(vboxManage, script(enter, state, options), { mode: 0o755 });
  const folder = join(state, "machines");
  return {
    backend: { kind: "virtualbox", vboxManage, folder: join(state, "media") },
    vboxManage,
    enter,
    folder,
    services: () => servicesIn(pid),
    stop,
  };
}

const commandInside = (pid: number): string[] => [
  ...["/usr/bin/nsenter", "-t", `${pid}`, "-m", "-p", "--wd=/", "/usr/sbin/chroot", ROOT],
  ...["/usr/bin/env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"],
];

/** Both variables: without a socket of its own it would join a VBoxSVC of this user that runs already. */
function script(enter: readonly string[], state: string, { wrapper }: VirtualBoxOptions): string {
  const id = basename(state).slice(PREFIX.length);
  const env = `HOME=${state} VBOX_USER_HOME=${state}/home VBOX_IPC_SOCKETID=labplan-${id}`;
  const program = wrapper ? "/usr/bin/VBoxManage" : REAL;
  return `#!/bin/sh\nexec ${enter.join(" ")} ${env} LANG="$LANG" LC_ALL="$LC_ALL" ${program} "$@"\n`;
}

/** VBoxSVC processes that live in the same pid namespace. */
function servicesIn(pid: number): number[] {
  const namespaceOf = (of: number | string) => readlinkSync(`/proc/${of}/ns/pid`);
  const namespace = namespaceOf(pid);
  return readdirSync("/proc")
    .filter((name) => {
      try {
        return (
          /^\d+$/.test(name) &&
          readFileSync(`/proc/${name}/comm`, "utf8").trim() === "VBoxSVC" &&
          namespaceOf(name) === namespace
        );
      } catch {
        return false; // it has just ended
      }
    })
    .map(Number);
}
