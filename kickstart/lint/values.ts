import { formats } from "../../stacks/config/formats";
import { parseIpv4 } from "../../stacks/plan/ipv4";
import type { Findings } from "./finding";

const PLACEHOLDER = /^\{\{\s*(boot|secret|env|file):[^{}]*\}\}$/;
const SHA512 = /^\$6\$(rounds=\d+\$)?[./0-9A-Za-z]{1,16}\$[./0-9A-Za-z]{86}$/;
const YESCRYPT = /^\$y\$[./0-9A-Za-z]+\$[./0-9A-Za-z]{1,86}\$[./0-9A-Za-z]{43}$/;

/** What is wrong with a crypted password; undefined when nothing is. Its text is not repeated. */
export function passwordRefusal(value: string): string | undefined {
  if (value === "*" || value.startsWith("!") || PLACEHOLDER.test(value)) return undefined;
  if (SHA512.test(value) || YESCRYPT.test(value)) return undefined;
  if (value.startsWith("$1$"))
    return "an md5 hash is broken in minutes; use $6$ or $y$, as `openssl passwd -6` makes";
  if (/^\$(6|y)\$/.test(value)) return "the hash is cut off or mistyped; nobody could log in";
  if (value.startsWith("$"))
    return "this kind of hash is too weak or not known; use $6$ or $y$, as `openssl passwd -6` makes";
  return "a password in clear; lock it, or name a crypted one: {{secret:rootPassword}}";
}

/** Whether the C library's zones have it: the file names' own case counts. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Z][A-Za-z]+([/_+-][A-Za-z0-9_+-]+)*$/.test(name)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

/** What is wrong with a public key, looking inside of it. */
export function publicKeyRefusal(key: string): string | undefined {
  const wrong = formats["ssh-public-key"]?.(key);
  if (wrong) return wrong;
  const [type = "", blob = ""] = key.trim().split(/\s+/);
  const fields = sshStrings(Buffer.from(blob, "base64"));
  const isWhole = fields !== undefined && (type !== "ssh-ed25519" || fields[1]?.length === 32);
  if (fields?.[0]?.toString("latin1") === type && isWhole) return undefined;
  return `the key says ${type}, and its data do not: it is cut off or mistyped`;
}

/** The strings that a key is made of, each behind its length; undefined when they do not fill it. */
function sshStrings(bytes: Buffer): Buffer[] | undefined {
  const strings: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + 4 > bytes.length ? Infinity : at + 4 + bytes.readUInt32BE(at);
    if (end > bytes.length) return undefined;
    strings.push(bytes.subarray(at + 4, end));
    at = end;
  }
  return strings;
}

export const hostNameRefusal = (name: string): string | undefined => formats["domain-name"]?.(name);

export function checkMac(findings: Findings, line: number, mac: string): void {
  const wrong = formats["mac-address"]?.(mac);
  if (wrong) findings.error(line, "bad-mac", wrong);
}

/** True for an address; a finding for anything else. */
export function checkAddress(findings: Findings, line: number, what: string, address: string): boolean {
  if (
    parseIpv4(address) !== undefined ||
    (address.includes(":") && !formats["ipv6-cidr"]?.(`${address}/128`))
  )
    return true;
  findings.error(line, "bad-address", `${what} "${address}" is no IP address`);
  return false;
}

/** The network that a mask makes: ones first. */
export const isNetmask = (mask: string): boolean => {
  const bits = parseIpv4(mask);
  return bits !== undefined && /^1+0*$/.test(bits.toString(2).padStart(32, "0"));
};
