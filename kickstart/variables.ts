import type { InstallConfig } from "../stacks/config/types";
import { formatIpv4 } from "../stacks/plan/ipv4";
import { placeholderOf } from "./placeholders";

export type Family = InstallConfig["family"];
export type Installer = "kickstart" | "preseed" | "autoinstall";

/** A card, known by its MAC: its name is the installer's affair. */
export interface KickstartNic {
  /** Lower case with colons. */
  mac: string;
  dhcp: boolean;
  /** Of a static card. */
  ip?: string;
  prefix?: number;
  netmask?: string;
  /** Only on the card with the default route. */
  gateway?: string;
  nameservers: string[];
}

/** What a template gets, our own and the user's. */
export interface KickstartVariables {
  /** Logical name of the image or machine. */
  name: string;
  hostName: string;
  family: Family;
  /** `9`, `12`, `24.04` */
  release: string;
  /** Base URL of the mirror, without a slash at its end. */
  mirror: string;
  /** First the one that the installation runs over. */
  nics: KickstartNic[];
  /** Kernel name of the disk to install on: `sda`, `vda`, `nvme0n1`. */
  disk: string;
  user: string;
  sshKeys: string[];
  /** Placeholder of a crypted password; root is locked without. */
  rootPassword: string | undefined;
  language: string;
  keyboard: string;
  timezone: string;
  timeServers: string[];
  packages: string[];
  openPorts: number[];
  commands: string[];
  /** Placeholders, filled in when the text is served. */
  boot: { url: string; token: string };
  /** An image is made anonymous at the end; a machine keeps what it is, and calls home at every boot. */
  purpose: "image" | "machine";
  /** The user's own. */
  variables: Record<string, unknown>;
}

/** What the config does not say. */
export interface InstallFacts {
  name: string;
  /** @default the name, as far as a host name can be that */
  hostName?: string;
  purpose: "image" | "machine";
  /** `prefix` goes with `ip`; a card without an ip asks by DHCP. */
  nics: readonly { mac: string; ip?: string; prefix?: number; gateway?: string; nameservers?: string[] }[];
  disk: string;
}

export const INSTALLERS = {
  "centos-stream": "kickstart",
  rocky: "kickstart",
  alma: "kickstart",
  debian: "preseed",
  ubuntu: "autoinstall",
} as const satisfies Record<Family, Installer>;

/** The pools that the distributions have for themselves. */
const TIME_SERVERS: Record<Family, string> = {
  "centos-stream": "2.centos.pool.ntp.org",
  rocky: "2.rocky.pool.ntp.org",
  alma: "2.almalinux.pool.ntp.org",
  debian: "2.debian.pool.ntp.org",
  ubuntu: "ntp.ubuntu.com",
};

/** The config of an installation with its defaults. No default password: root is locked, the user has keys alone. */
export function kickstartVariables(install: InstallConfig, facts: InstallFacts): KickstartVariables {
  return {
    name: facts.name,
    hostName: facts.hostName ?? hostNameOf(facts.name),
    family: install.family,
    release: install.release.replace(/-stream$/, ""),
    mirror: install.mirror.replace(/\/+$/, ""),
    nics: facts.nics.map(nicOf),
    disk: facts.disk,
    user: install.user ?? "labplan",
    sshKeys: (install.sshKeys ?? []).map((key) => key.trim()),
    rootPassword: install.rootPassword && placeholderOf(install.rootPassword),
    language: install.language ?? "en_US.UTF-8",
    keyboard: install.keyboard ?? "us",
    timezone: install.timezone ?? "UTC",
    timeServers: install.timeServers ?? [TIME_SERVERS[install.family]],
    packages: install.packages ?? [],
    openPorts: install.openPorts ?? [],
    commands: install.commands ?? [],
    boot: { url: "{{boot:url}}", token: "{{boot:token}}" },
    purpose: facts.purpose,
    variables: install.variables ?? {},
  };
}

function nicOf(nic: InstallFacts["nics"][number]): KickstartNic {
  const { mac, ip, prefix, gateway, nameservers = [] } = nic;
  if (ip === undefined || prefix === undefined) return { mac: mac.toLowerCase(), dhcp: true, nameservers };
  const netmask = formatIpv4(2 ** 32 - 2 ** (32 - prefix));
  const given = { mac: mac.toLowerCase(), dhcp: false, ip, prefix, netmask, nameservers };
  return gateway === undefined ? given : { ...given, gateway };
}

const hostNameOf = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63) || "image";
