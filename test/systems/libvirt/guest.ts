import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A guest of 20 MB that boots in seconds without KVM, and lets one key in. */
export interface TinyGuest {
  kernel: string;
  initrd: string;
  /** Private key of `root`. */
  identityFile: string;
  /** `ssh-ed25519 AAAA…`, the same in every boot, unless a NoCloud seed brings another. */
  hostKey: string;
  /** Less does not boot. */
  memoryMiB: number;
  /** Words that its kernel needs; `guest.host=NAME` and `guest.script=URL` may follow. */
  cmdline: string;
}

/** Begins the line on the serial console that says that logins are possible: seconds, host name, address. */
export const GUEST_UP = "GUEST-UP";

const FOLDER = join(__dirname, "guest");
const CACHE = join(__dirname, "..", "..", "..", ".labplan", "cache");

/** Undefined when the guest can be built here, else the reason why not. */
export function guestAvailable(): string | undefined {
  for (const tool of ["/usr/bin/mmdebstrap", "/usr/bin/cpio", "/usr/sbin/modprobe", "/usr/bin/ssh-keygen"]) {
    if (!existsSync(tool)) return `${tool} is not installed; test/systems/libvirt/install.sh installs it`;
  }
  return kernelVersion() ? undefined : "there is no kernel with its modules in /boot and /lib/modules";
}

/** Built once for a kernel and a recipe, then taken from `.labplan/cache`. */
export async function tinyGuest(): Promise<TinyGuest> {
  const version = kernelVersion();
  if (!version) throw new Error(guestAvailable());
  const recipe = createHash("sha256").update(version);
  for (const file of readdirSync(FOLDER).sort()) recipe.update(readFileSync(join(FOLDER, file)));
  const target = join(CACHE, `guest-${recipe.digest("hex").slice(0, 12)}`);
  if (!existsSync(join(target, "initrd.gz"))) await build(target, version);
  return {
    kernel: join(target, "vmlinuz"),
    initrd: join(target, "initrd.gz"),
    identityFile: join(target, "id_ed25519"),
    hostKey: (await readFile(join(target, "host_key.pub"), "utf8")).trim(),
    memoryMiB: 128,
    cmdline: "console=ttyS0 quiet panic=-1 mitigations=off",
  };
}

async function build(target: string, version: string): Promise<void> {
  await mkdir(CACHE, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(CACHE, "building-"));
  try {
    const { codename, sources } = distribution();
    await run("bash", [join(FOLDER, "build.sh"), folder, version, codename, ...sources], {
      timeout: 300_000,
    });
    // Two tests may build at once: the first to be done wins.
    await rename(folder, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A kernel made for virtual machines before any other, else the newest. */
function kernelVersion(): string | undefined {
  if (!existsSync("/lib/modules")) return undefined;
  const all = readdirSync("/lib/modules").filter((name) => existsSync(`/boot/vmlinuz-${name}`));
  const newest = all.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).reverse();
  return newest.find((name) => /cloud|virtual|kvm/.test(name)) ?? newest[0];
}

/** The distribution's own package sources, without those that others added. */
function distribution(): { codename: string; sources: string[] } {
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "stable";
  const files = ["sources.list", "sources.list.d/debian.sources", "sources.list.d/ubuntu.sources"];
  const sources = files
    .map((file) => join("/etc/apt", file))
    .filter((file) => existsSync(file) && /^\s*(deb |Types:)/m.test(readFileSync(file, "utf8")));
  return { codename, sources };
}
