import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Kernel and initrd that stand in for an installer; see `mini/init` for the words that they take. */
export interface MiniInstaller {
  kernel: string;
  initrd: string;
  remove(): void;
}

const MODULES = "/lib/modules";

/** Undefined when it can be built here, else the reason why not. */
export function miniAvailable(): string | undefined {
  if (!kernelVersion()) return "there is no kernel with its modules in /boot and /lib/modules";
  if (!busybox()) return "busybox-static is not installed; test/systems/pxe/install.sh installs it";
  return undefined;
}

/** Built anew each time: that takes a second. */
export async function miniInstaller(): Promise<MiniInstaller> {
  const [version, shell] = [kernelVersion(), busybox()];
  if (!version || !shell) throw new Error(miniAvailable());
  const folder = mkdtempSync(join(tmpdir(), "labplan-mini-"));
  await run("bash", [join(__dirname, "mini", "build.sh"), folder, version, shell], { timeout: 60_000 });
  return {
    kernel: join(folder, "vmlinuz"),
    initrd: join(folder, "initrd.gz"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A kernel made for virtual machines before any other, else the newest. */
export function kernelVersion(): string | undefined {
  const all = existsSync(MODULES)
    ? readdirSync(MODULES).filter((name) => existsSync(`/boot/vmlinuz-${name}`))
    : [];
  const newest = all.sort((a, b) => a.localeCompare(b, "en", { numeric: true })).reverse();
  return newest.find((name) => /cloud|virtual|kvm/.test(name)) ?? newest[0];
}

/** Debian's static one has no dynamic loader's name in it, and so needs nothing beside it. */
export function busybox(): string | undefined {
  const places = ["/bin/busybox", "/usr/bin/busybox"].filter((file) => existsSync(file));
  return places.find((file) => existsSync("/usr/share/doc/busybox-static") && existsSync(file));
}
