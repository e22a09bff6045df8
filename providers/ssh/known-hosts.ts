import { createHash, createHmac } from "node:crypto";

/** A host's public key as in known_hosts: algorithm name and base64 blob. */
export interface HostKey {
  /** `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa` … */
  type: string;
  /** Base64 of the blob. */
  key: string;
}

export interface KnownHostKey extends HostKey {
  /** Line in the file, from 1. */
  line: number;
}

/** What a known_hosts file says about one host. */
export interface KnownHost {
  trusted: KnownHostKey[];
  revoked: KnownHostKey[];
  /** Lines about this host that cannot be used, and why. */
  ignored: { line: number; reason: string }[];
}

/** The name under which known_hosts keeps a host: `host` on port 22, else `[host]:port`; in lower case. */
export const knownHostsName = (host: string, port: number): string =>
  port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;

/**
 * Read what a known_hosts text says about one host and port. Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".
 * Never fails: a line that cannot be used is listed as ignored, as ssh itself skips it.
 */
export function lookUp(text: string, host: string, port: number): KnownHost {
  const name = knownHostsName(host, port);
  const found: KnownHost = { trusted: [], revoked: [], ignored: [] };
  for (const [index, raw] of text.split("\n").entries()) {
    const line = index + 1;
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const words = content.split(/\s+/);
    const marker = words[0]?.startsWith("@") ? words.shift() : undefined;
    const [hosts, type, key] = words;
    if (hosts === undefined || !matches(hosts, name)) continue;
    if (marker === "@cert-authority") {
      found.ignored.push({ line, reason: "@cert-authority: host certificates are not supported" });
      continue;
    }
    if (marker !== undefined && marker !== "@revoked") {
      found.ignored.push({ line, reason: `marker ${marker} is not known` });
      continue;
    }
    const parsed = hostKeyOf(type, key);
    if (typeof parsed === "string") found.ignored.push({ line, reason: parsed });
    else found[marker === "@revoked" ? "revoked" : "trusted"].push({ ...parsed, line });
  }
  return found;
}

/** The keys of a known_hosts text that prove this host and port. A key that any line revokes is none of them. */
export function trustedKeys(text: string, host: string, port: number): HostKey[] {
  const { trusted, revoked } = lookUp(text, host, port);
  return trusted
    .filter((entry) => !revoked.some((other) => other.key === entry.key))
    .map(({ type, key }) => ({ type, key }));
}

/** Read `ssh-ed25519 AAAA… [comment]`; a string says what is wrong with it. */
export function parseHostKey(text: string): HostKey | string {
  const [type, key] = text.trim().split(/\s+/);
  return hostKeyOf(type, key);
}

/** `SHA256:…`, as ssh-keygen -l shows it. */
export const fingerprint = (key: string): string =>
  `SHA256:${createHash("sha256").update(Buffer.from(key, "base64")).digest("base64").replace(/=+$/, "")}`;

/** The algorithm name that a key blob itself begins with. */
export function blobType(blob: Buffer): string | undefined {
  if (blob.length < 4) return undefined;
  const length = blob.readUInt32BE(0);
  return length > 0 && length <= blob.length - 4 ? blob.toString("latin1", 4, 4 + length) : undefined;
}

function hostKeyOf(type: string | undefined, key: string | undefined): HostKey | string {
  if (type === undefined || key === undefined) return "no key on the line: want `ssh-ed25519 AAAA…`";
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key)) return "the key is not base64";
  const inside = blobType(Buffer.from(key, "base64"));
  if (inside !== type) return `the key says that it is ${inside ?? "of no type"}, the line says ${type}`;
  return { type, key: Buffer.from(key, "base64").toString("base64") };
}

function matches(field: string, name: string): boolean {
  if (field.startsWith("|")) return matchesHash(field, name);
  let matched = false;
  for (const pattern of field.split(",")) {
    const negated = pattern.startsWith("!");
    if (!globMatches(negated ? pattern.slice(1) : pattern, name)) continue;
    // A negated match rules the whole line out, whatever else matches.
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** `|1|base64(salt)|base64(HMAC-SHA1(salt, name))`, as HashKnownHosts writes it. */
function matchesHash(field: string, name: string): boolean {
  const [, version, salt, hash] = field.split("|");
  if (version !== "1" || !salt || !hash) return false;
  return createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64") === hash;
}

/** Only `*` and `?` are special: the brackets of `[host]:port` are not a character class. */
function globMatches(pattern: string, name: string): boolean {
  const text = pattern.toLowerCase();
  let p = 0;
  let n = 0;
  let star = -1;
  let resume = 0;
  while (n < name.length) {
    if (text[p] === "*") {
      star = p++;
      resume = n;
    } else if (p < text.length && (text[p] === "?" || text[p] === name[n])) {
      p++;
      n++;
    } else if (star >= 0) {
      p = star + 1;
      n = ++resume;
    } else return false;
  }
  while (text[p] === "*") p++;
  return p === text.length;
}
