import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { builtOnce, distribution } from "./built-once";

/** A Debian as cloud images are: systemd, OpenSSH, and a cloud-init that reads NoCloud seeds. */
export interface DebianGuest {
  /** qcow2, without a boot loader. */
  disk: string;
  kernel: string;
  initrd: string;
  cmdline: string;
  memoryMiB: number;
}

/** Undefined where it is to be booted, else the reason why not: it takes minutes without KVM. */
export function debianAvailable(): string | undefined {
  if (process.env.LABPLAN_NIGHTLY !== "1")
    return "it takes minutes to build and boot; LABPLAN_NIGHTLY=1 runs it";
  if (!existsSync("/usr/bin/mmdebstrap")) return "/usr/bin/mmdebstrap is not installed";
  return /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8"))
    ? undefined
    : "it is built of Debian's packages";
}

export async function debianGuest(): Promise<DebianGuest> {
  const folder = await builtOnce("debian", join(__dirname, "debian"), (out) => [out, ...distribution()]);
  return {
    disk: join(folder, "disk.qcow2"),
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd.img"),
    cmdline: "root=/dev/vda rw console=ttyS0 mitigations=off",
    memoryMiB: 1024,
  };
}
