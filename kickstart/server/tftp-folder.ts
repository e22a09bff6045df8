import { chmod, copyFile, link, mkdir, rm, rmdir, writeFile } from "node:fs/promises";
import * as path from "node:path";
import { pxelinuxFiles } from "./boot-loaders";
import { macWithDashes } from "./mac";
import { pxelinuxConfig, pxelinuxConfigName } from "./pxelinux";
import type { InstallFiles, Registration } from "./types";

/**
 * What our TFTP server would serve to one machine, as a folder for a TFTP server that is not ours: VirtualBox's NAT
 * (`--nat-tftp-prefix1 <folder> --nat-tftp-file1 pxelinux.0`). The folder must be this machine's alone.
 */
export async function writeTftpFolder(
  folder: string,
  registration: Registration & { install: InstallFiles },
  options: { bootLoaders?: string } = {},
): Promise<void> {
  const { mac, install } = registration;
  const loaders = pxelinuxFiles(options.bootLoaders);
  const config = path.join(folder, pxelinuxConfigName(mac));
  const files = path.join(folder, macWithDashes(mac));
  for (const made of [folder, path.dirname(config), files]) {
    await mkdir(made, { recursive: true, mode: 0o700 });
    await chmod(made, 0o700);
  }
  for (const loader of loaders) await put(loader.path, path.join(folder, loader.name));
  await put(install.kernel, path.join(files, "vmlinuz"));
  await put(install.initrd, path.join(files, "initrd"));
  // Last, so that nothing boots half a folder. The command line names the token's URL.
  await rm(config, { force: true });
  await writeFile(config, pxelinuxConfig(registration), { mode: 0o600 });
}

/** Take away what `writeTftpFolder` wrote, and the folder when nothing else is in it. Gone already is fine. */
export async function removeTftpFolder(folder: string, mac: string): Promise<void> {
  await rm(path.join(folder, pxelinuxConfigName(mac)), { force: true });
  await rm(path.join(folder, macWithDashes(mac)), { recursive: true, force: true });
  for (const name of ["pxelinux.0", "ldlinux.c32"]) await rm(path.join(folder, name), { force: true });
  for (const left of [path.join(folder, "pxelinux.cfg"), folder]) {
    await rmdir(left).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT" && error.code !== "ENOTEMPTY") throw error;
    });
  }
}

/** By a hard link where that goes: installers are large, and no server refuses one as it may refuse a symbolic link. */
async function put(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await link(from, to).catch(() => copyFile(from, to));
}
