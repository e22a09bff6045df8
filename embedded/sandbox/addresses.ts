import { createHash } from "node:crypto";

/** SSH's own port needs root; this one is the same on every sandbox that has a loopback address of its own. */
export const SANDBOX_SSH_PORT = 2222;

/** Where a sandbox may listen. */
export interface Endpoint {
  address: string;
  port: number;
}

/**
 * Loopback endpoints to try, best first: `10.20.0.5` becomes `127.20.0.5`, so that one sees which machine it is; then
 * addresses hashed from the MAC; and, where 127.0.0.1 is the only one (macOS), hashed ports of it.
 */
export function endpoints(mac: string, ip: string | undefined): Endpoint[] {
  const hash = createHash("sha256").update(mac.toLowerCase()).digest();
  const own: Endpoint[] = [];
  const octets = ip?.split(".").map(Number) ?? [];
  const [, b = 0, c = 0, d = 0] = octets;
  if (octets.length === 4 && b > 0) own.push({ address: `127.${b}.${c}.${d}`, port: SANDBOX_SSH_PORT });
  for (let at = 0; at < 12; at += 3) {
    const [x = 0, y = 0, z = 0] = hash.subarray(at, at + 3);
    own.push({ address: `127.${1 + (x % 254)}.${y}.${1 + (z % 254)}`, port: SANDBOX_SSH_PORT });
  }
  const ports = Array.from({ length: 8 }, (_, index) => 20_000 + (hash.readUInt16BE(index * 2) % 20_000));
  return [...own, ...ports.map((port) => ({ address: "127.0.0.1", port }))];
}
