import { readFileSync } from "node:fs";

const ARP_TABLE = "/proc/net/arp";
/** ATF_COM: the entry is complete. */
const COMPLETE = 0x2;

/** MAC that the kernel knows an IPv4 address of this link by; undefined across routers, behind NAT, or elsewhere than on Linux. */
export function neighbour(address: string): string | undefined {
  try {
    return macIn(readFileSync(ARP_TABLE, "utf8"), address);
  } catch {
    return undefined;
  }
}

/** The same of such a table: address, hardware type, flags, MAC, mask, device. */
export function macIn(table: string, address: string): string | undefined {
  for (const line of table.split("\n").slice(1)) {
    const [ip, type, flags, mac] = line.trim().split(/\s+/);
    if (ip === address && type === "0x1" && (Number(flags) & COMPLETE) !== 0) return mac?.toLowerCase();
  }
  return undefined;
}
