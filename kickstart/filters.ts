import type { KickstartNic } from "./variables";

/** One word of a shell, or of a kickstart, which splits its lines like a shell. */
const sh = (value: unknown): string => {
  const text = String(value);
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
};

/** Each line behind a comment's sign. */
const commented = (text: unknown, sign: string): string =>
  String(text)
    .replace(/\n$/, "")
    .split("\n")
    .map((line) => sign + line)
    .join("\n");

/** systemd-networkd's file of a card. */
const networkd = ({ mac, dhcp, ip, prefix, gateway, nameservers }: KickstartNic): string =>
  [
    "[Match]",
    `MACAddress=${mac}`,
    "[Network]",
    ...(dhcp ? ["DHCP=ipv4"] : [`Address=${ip}/${prefix}`]),
    ...(gateway === undefined ? [] : [`Gateway=${gateway}`]),
    ...nameservers.map((server) => `DNS=${server}`),
  ].join("\n");

/** What templates can do with values besides nunjucks' own filters. */
export const FILTERS = {
  sh,
  commented,
  networkd,
  /** JSON is YAML. */
  yaml: (value: unknown): string => JSON.stringify(value),
  /** Two lists as one. */
  also: (list: unknown[], more: unknown[]): unknown[] => [...list, ...more],
  /** A name that stands for many servers. */
  isPool: (server: string): boolean => /(^|\.)pool\./.test(server),
} as const;
