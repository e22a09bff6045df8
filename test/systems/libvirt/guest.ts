import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { builtOnce, distribution } from "./built-once";

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
  const target = await builtOnce("guest", FOLDER, (out) => [out, version, ...distribution()], version);
  return {
    kernel: join(target, "vmlinuz"),
    initrd: join(target, "initrd.gz"),
    identityFile: join(target, "id_ed25519"),
    hostKey: (await readFile(join(target, "host_key.pub"), "utf8")).trim(),
    memoryMiB: 128,
    cmdline: "console=ttyS0 quiet panic=-1 mitigations=off",
  };
}

/** A kernel made for virtual machines before any other, else the newest. */
function kernelVersion(): string | undefined {
  if (!existsSync("/lib/modules")) return undefined;
  const all = readdirSync("/lib/modules").filter((name) => existsSync(`/boot/vmlinuz-${name}`));
  const newest = all.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).reverse();
  return newest.find((name) => /cloud|virtual|kvm/.test(name)) ?? newest[0];
}
