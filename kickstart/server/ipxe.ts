import { LabError } from "../../providers/core/errors";
import { macWithDashes } from "./mac";
import type { InstallFiles, Registration } from "./types";

/**
 * For every machine: ask for its own script. `netX` is the card that iPXE booted from, `net0` the first: with several
 * cards they differ. A machine that we do not know gets 404 there, and goes on to its next boot device.
 */
export const BOOT_SCRIPT = [
  "#!ipxe",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: iPXE's own variables
  "isset ${netX/mac} && chain --replace /ipxe/${netX/mac:hexhyp} || chain --replace /ipxe/${net0/mac:hexhyp}",
  "",
].join("\n");

/** The script of one machine. Its paths are taken from where the script itself came from: no host name to believe. */
export function ipxeScript({ mac, install }: Registration & { install: InstallFiles }): string {
  const files = `/files/${macWithDashes(mac)}`;
  return [
    "#!ipxe",
    // `initrd=` is how a kernel started by UEFI finds it.
    `kernel ${files}/vmlinuz initrd=initrd ${withBootCard(install.cmdline, mac)}`,
    `initrd --name initrd ${files}/initrd`,
    "boot",
    "",
  ].join("\n");
}

/** Tells the installer which card it was booted from, as pxelinux' `IPAPPEND 2` does. */
export function withBootCard(cmdline: string, mac: string): string {
  const words = cmdline.trim();
  return /(^|\s)BOOTIF=/.test(words) ? words : `${words} BOOTIF=01-${macWithDashes(mac)}`.trim();
}

/** Refuse a command line that iPXE or pxelinux would take apart: both have words and variables of their own. */
export function checkCmdline(machine: string, cmdline: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  const bad = /[\u0000-\u001f\u007f]|\$\{|(^|\s)(\|\||&&|;)(\s|$)/.exec(cmdline);
  if (!bad) return;
  throw new LabError(
    `${machine}: the kernel command line may not hold ${JSON.stringify(bad[0].trim() || bad[0])}: boot loaders read it as their own`,
  );
}
