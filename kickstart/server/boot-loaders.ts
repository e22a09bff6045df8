import * as fs from "node:fs";
import * as path from "node:path";
import { LabError } from "../../providers/core/errors";

/** What a firmware may ask for by TFTP before it knows anything: file name → where Debian's packages put it. */
const PLACES: Readonly<Record<string, string>> = {
  "pxelinux.0": "/usr/lib/PXELINUX",
  "ldlinux.c32": "/usr/lib/syslinux/modules/bios",
  "undionly.kpxe": "/usr/lib/ipxe",
  "ipxe.efi": "/usr/lib/ipxe",
};

export const PXELINUX_FILES = ["pxelinux.0", "ldlinux.c32"] as const;

/** Path of a boot loader; undefined for any other name, and when it is not installed. `folder` is looked in first. */
export function bootLoader(name: string, folder?: string): string | undefined {
  const place = Object.hasOwn(PLACES, name) ? PLACES[name] : undefined;
  if (place === undefined) return undefined;
  return [folder, place]
    .flatMap((where) => (where === undefined ? [] : path.join(where, name)))
    .find((file) => fs.existsSync(file));
}

/** Both files of pxelinux, or the error that says how to have them. */
export function pxelinuxFiles(folder?: string): { name: string; path: string }[] {
  return PXELINUX_FILES.map((name) => {
    const found = bootLoader(name, folder);
    if (found !== undefined) return { name, path: found };
    throw new LabError(
      `boot server: ${name} is not installed, and machines cannot boot by TFTP without it. Install Debian's packages pxelinux and syslinux-common.`,
    );
  });
}
