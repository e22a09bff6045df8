import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { builtOnce, distribution } from "../libvirt/built-once";
import { busybox, kernelVersion, miniAvailable } from "../pxe/mini";

/** What a machine boots to carry out a task of a FOG server; see `fos/init` for the words that it takes. */
export interface MiniFos {
  kernel: string;
  initrd: string;
}

export type DiskImage = "clean" | "work";

/** Images of one small system with a boot loader and a real sshd, as a FOG server would store them. */
export interface DiskImages {
  /** Has a folder per image: disk.img.gz, and disk.size, its bytes when unpacked. */
  folder: string;
  /** Private key of `root`, in both of them. */
  identityFile: string;
  /** Public one, as in its authorized_keys. */
  authorizedKey: string;
  /** What the installed system says of itself. */
  proof: Record<DiskImage, { osRelease: Record<string, string>; marker: { path: string; text: string } }>;
  /** A disk must be at least so large. */
  diskMiB: number;
}

/** Begins the line on the serial console that says that its sshd starts: seconds, host name, image. */
export const HOST_UP = "HOST-UP";

const TOOLS = [
  "/usr/bin/syslinux",
  "/usr/bin/mcopy",
  "/usr/sbin/mkfs.fat",
  "/usr/sbin/mke2fs",
  "/usr/lib/syslinux/mbr/mbr.bin",
  "/usr/bin/mmdebstrap",
];

/** Undefined when both can be built here, else the reason why not. */
export function fosAvailable(): string | undefined {
  const missing = TOOLS.find((file) => !existsSync(file));
  return missing ? `${missing} is not installed; test/systems/fog/install.sh installs it` : miniAvailable();
}

/** Built once for a kernel and a recipe, then taken from `.labplan/cache`. */
export async function miniFos(): Promise<MiniFos> {
  const [version, shell] = parts();
  const args = (out: string) => [out, version, shell];
  const builder = readFileSync(join(__dirname, "..", "initrd.sh"), "utf8");
  const folder = await builtOnce("fos", join(__dirname, "fos"), args, version, builder);
  return { kernel: join(folder, "vmlinuz"), initrd: join(folder, "initrd.gz") };
}

/** As `miniFos`; the first time it takes half a minute. */
export async function diskImages(): Promise<DiskImages> {
  const [version, shell] = parts();
  const args = (out: string) => [out, version, shell, ...distribution()];
  const folder = await builtOnce("fog-disks", join(__dirname, "disk"), args, version);
  const identityFile = join(folder, "id_ed25519");
  const proof = (image: DiskImage) => ({
    osRelease: { ID: "labimage", VERSION_ID: `${image}-*` },
    marker: { path: "/etc/lab-image", text: `${image}-1` },
  });
  return {
    folder,
    identityFile,
    authorizedKey: (await readFile(`${identityFile}.pub`, "utf8")).trim(),
    proof: { clean: proof("clean"), work: proof("work") },
    diskMiB: 128,
  };
}

function parts(): [version: string, shell: string] {
  const [version, shell] = [kernelVersion(), busybox()];
  if (!version || !shell) throw new Error(fosAvailable());
  return [version, shell];
}
