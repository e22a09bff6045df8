const plainMac = (mac: string): string => mac.toLowerCase().replaceAll("-", ":");
const IP = String.raw`\d{1,3}(?:\.\d{1,3}){3}`;
const MAC = "[0-9a-f]{1,2}(?:[:-][0-9a-f]{1,2}){5}";

/** `DHCPACK on 10.1.2.3 to 52:54:00:AA:00:01 (name) via eth0` of dhcpd; `DHCPACK(eth0) 10.1.2.3 52:54:00:aa:00:01` of dnsmasq. */
const ACKS = [
  new RegExp(String.raw`\bDHCPACK on (?<ip>${IP}) to (?<mac>${MAC})\b`, "gi"),
  new RegExp(String.raw`\bDHCPACK\([^)]*\) (?<ip>${IP}) (?<mac>${MAC})\b`, "gi"),
  /** dnsmasq's leases file: expiry, MAC, address, name, client id. */
  new RegExp(String.raw`^\d+ (?<mac>${MAC}) (?<ip>${IP}) `, "gim"),
];
/** dhcpd's leases file: blocks are appended, the last one of an address counts. */
const LEASE = new RegExp(String.raw`^lease (?<ip>${IP}) \{(?<body>[^}]*)\}`, "gim");

/**
 * The address that a DHCP server last gave to one of these MACs, by its log or its leases file. The first MAC counts
 * most: it is the one that booted from the network. MACs are compared in any case of letters.
 */
export function lastAddress(text: string, macs: readonly string[]): string | undefined {
  const found = new Map<string, { ip: string; at: number }>();
  const note = (mac: string, ip: string, at: number) => {
    const before = found.get(plainMac(mac));
    if (!before || before.at <= at) found.set(plainMac(mac), { ip, at });
  };
  for (const pattern of ACKS)
    for (const { groups, index } of text.matchAll(pattern)) note(groups?.mac ?? "", groups?.ip ?? "", index);
  for (const lease of leases(text)) note(lease.mac, lease.ip, lease.at);
  return macs.map((mac) => found.get(plainMac(mac))?.ip).find((ip) => ip !== undefined);
}

/** Leases in force: an address that was given back or to another since is none of its. */
function leases(text: string): { mac: string; ip: string; at: number }[] {
  const last = new Map<string, { mac: string; ip: string; at: number } | undefined>();
  for (const { groups, index } of text.matchAll(LEASE)) {
    const { ip = "", body = "" } = groups ?? {};
    const mac = new RegExp(`hardware ethernet (${MAC});`, "i").exec(body)?.[1];
    const state = /^\s*binding state (\w+);/im.exec(body)?.[1] ?? "active";
    last.set(ip, mac && state === "active" ? { mac, ip, at: index } : undefined);
  }
  return [...last.values()].filter((lease) => lease !== undefined);
}
