import { macWithDashes } from "./mac";
import type { InstallFiles, Registration } from "./types";

/** Name that pxelinux asks for a machine's own file by; 01 is the ARP type of Ethernet. */
export const pxelinuxConfigName = (mac: string): string => `pxelinux.cfg/01-${macWithDashes(mac)}`;

/** MAC of such a name, else undefined. */
export function macOfPxelinuxConfig(name: string): string | undefined {
  const found = /^pxelinux\.cfg\/01((?:-[0-9a-f]{2}){6})$/.exec(name);
  return found?.[1]?.slice(1).replaceAll("-", ":");
}

/** The file of one machine. Its MAC is in the names of its kernel and initrd: TFTP has no other way to say who asks. */
export function pxelinuxConfig({ mac, install }: Registration & { install: InstallFiles }): string {
  const folder = macWithDashes(mac);
  const cmdline = install.cmdline.trim();
  return [
    "DEFAULT install",
    "PROMPT 0",
    "LABEL install",
    `  KERNEL ${folder}/vmlinuz`,
    `  INITRD ${folder}/initrd`,
    `  APPEND ${cmdline}`,
    // Adds BOOTIF=01-<mac>: which card it was booted from.
    ...(/(^|\s)BOOTIF=/.test(cmdline) ? [] : ["  IPAPPEND 2"]),
    "",
  ].join("\n");
}
