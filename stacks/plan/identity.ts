import { createHash } from "node:crypto";

/** Everything that an object's hashed facts come from. The stack too: two stacks of one lab may share a hypervisor. */
export interface Origin {
  lab: string;
  stack: string;
  backend: string;
  kind: string;
  /** Logical name, or the first one of a thing that was renamed. */
  seed: string;
}

export type Digest = (parts: readonly string[]) => Buffer;

/** Each part with its length before it, so that no two lists of parts have the same bytes. */
export const sha256: Digest = (parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:`).update(part);
  return hash.digest();
};

const partsOf = ({ lab, stack, backend, kind, seed }: Origin): string[] => [lab, stack, backend, kind, seed];

/** UUID of version 8 (RFC 9562: content by the maker's own rule). */
export function uuidOf(origin: Origin): string {
  const bytes = sha256(["uuid", ...partsOf(origin)]).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** Name of a host bridge of our own: 12 characters, 50 bits. */
export function bridgeOf(origin: Origin): string {
  const number = sha256(["bridge", ...partsOf(origin)]).readBigUInt64BE(0);
  return `lp${number.toString(36).padStart(13, "0").slice(-10)}`;
}

/** Where the search for a free network begins, so that two labs on one hypervisor rarely meet. */
export const startOf = (origin: Origin, count: number): number =>
  sha256(["cidr", ...partsOf(origin)]).readUInt32BE(0) % count;

/** Where the search for a free host port begins. */
export const portStartOf = (origin: Origin, count: number): number =>
  sha256(["port", ...partsOf(origin)]).readUInt32BE(0) % count;

/** VNIs below are for people to give by hand. */
const FIRST_VNI = 4096;

/** VXLAN network identifier of an overlay: two labs on one network rarely meet. */
export const vniOf = (origin: Origin): number =>
  FIRST_VNI + (sha256(["vni", ...partsOf(origin)]).readUInt32BE(0) % (2 ** 24 - FIRST_VNI));

/** One network card that needs a MAC address. */
export interface MacRequest {
  /** Machine and card, for the answer. */
  key: string;
  origin: Origin;
  /** Which card of the machine; not its position, so that a new order of cards changes nothing. */
  card: string;
  /** From the config. */
  given?: string | undefined;
  /** From the lock file. */
  locked?: string | undefined;
}

/**
 * MACs under libvirt's prefix 52:54:00. Only 24 bits are ours, so in large labs two hashes do meet: what the config
 * says and the lock file holds stays, and the newcomer is hashed again with a counter.
 * Requests must come in a stable order.
 */
export function assignMacs(requests: readonly MacRequest[], digest: Digest = sha256): Map<string, string> {
  const macs = new Map<string, string>();
  const taken = new Set<string>();
  for (const { key, given, locked } of requests) {
    const fixed = given ?? locked;
    if (fixed === undefined) continue;
    macs.set(key, fixed);
    taken.add(fixed);
  }
  for (const { key, origin, card } of requests) {
    if (macs.has(key)) continue;
    let mac: string;
    let attempt = 0;
    do mac = macFrom(digest(["mac", ...partsOf(origin), card, String(attempt++)]));
    while (taken.has(mac));
    macs.set(key, mac);
    taken.add(mac);
  }
  return macs;
}

/** MAC of a card that is there for a while only, and in no lock file: none of `taken`. */
export function macOf(origin: Origin, taken: ReadonlySet<string>): string {
  for (let attempt = 0; ; attempt++) {
    const mac = macFrom(sha256(["mac", ...partsOf(origin), String(attempt)]));
    if (!taken.has(mac)) return mac;
  }
}

const macFrom = (bytes: Buffer): string =>
  `52:54:00:${[0, 1, 2].map((i) => bytes.readUInt8(i).toString(16).padStart(2, "0")).join(":")}`;

/** What is wrong with a MAC address, or undefined. */
export function badMac(mac: string): string | undefined {
  if (!/^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}$/.test(mac))
    return "a MAC address is six pairs of hexadecimal digits with colons between, like 52:54:00:12:34:56";
  const first = Number.parseInt(mac.slice(0, 2), 16);
  if (first % 2 === 1) return `its first pair ${mac.slice(0, 2)} marks a multicast address`;
  if (first === 0xfe) return "libvirt keeps fe: for its own end of the cable";
  return /^(00:){5}00$/.test(mac) ? "all zeros is no address" : undefined;
}
