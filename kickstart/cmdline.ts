import { installerSources } from "./sources";
import type { Installer, KickstartVariables } from "./variables";

/** What `{{boot:config}}` stands for: the rendered file; for autoinstall the folder that it lies in. */
export const CONFIG_FILES = {
  kickstart: "ks.cfg",
  preseed: "preseed.cfg",
  autoinstall: "",
} as const satisfies Record<Installer, string>;

/** The value of `{{boot:config}}`: per token, in the path and never in a query. */
export const configUrl = (installer: Installer, bootUrl: string, token: string): string =>
  `${bootUrl.replace(/\/+$/, "")}/config/${token}/${CONFIG_FILES[installer]}`;

/**
 * The installer's kernel command line, with `{{boot:config}}` for the URL of its file. Which card it boots from
 * (`BOOTIF=`) is added by the boot server.
 */
export function commandLine(variables: KickstartVariables): string {
  const { family, release, mirror, hostName, language, keyboard } = variables;
  const root = installerSources(family, release, mirror)?.root;
  switch (family) {
    case "debian":
      return [
        "auto=true priority=critical url={{boot:config}}",
        // Asked before the preseed can be fetched.
        `locale=${language} keymap=${keyboard} hostname=${hostName} domain=`,
        "netcfg/choose_interface=auto netcfg/dhcp_timeout=60",
      ].join(" ");
    case "ubuntu":
      return [
        `ip=dhcp url=${isoOf(variables) ?? root} autoinstall`,
        // `nocloud-net` is what 22.04 knows; without cloud-config-url, it would take the ISO's url for a config.
        `ds=${release.startsWith("22.") ? "nocloud-net" : "nocloud"};s={{boot:config}} cloud-config-url=/dev/null`,
      ].join(" ");
    default:
      // The installed system keeps no copy of the kickstart, which holds a token.
      return `inst.ks={{boot:config}} inst.repo=${root} inst.text inst.nosave=all ip=dhcp`;
  }
}

/** `iso` among the user's variables: another live server ISO than the mirror's own. */
const isoOf = ({ variables }: KickstartVariables): string | undefined =>
  typeof variables.iso === "string" ? variables.iso : undefined;
