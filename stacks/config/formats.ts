import * as ipaddr from "ipaddr.js";
import { parseDuration } from "./durations";
import { parseInstant } from "./instants";
import { parseForward } from "./port-forwards";
import { parseRelease } from "./release";
import { parseSize } from "./sizes";

/** What is wrong with a text, for people; undefined when nothing is. */
type Check = (text: string) => string | undefined;

/** The formats that the schemas name, and what to say when a text is not of them. */
export const formats: Record<string, Check> = {
  size: refusalOf(parseSize),
  duration: refusalOf(parseDuration),
  instant: refusalOf(parseInstant),
  "ipv4-address": (text) =>
    ipaddr.IPv4.isValidFourPartDecimal(text) && isPlainIPv4(text)
      ? undefined
      : `"${text}" is no IPv4 address; write four numbers from 0 to 255, like 10.20.0.5`,
  "ipv4-cidr": checkIPv4Cidr,
  "ipv6-cidr": (text) => {
    const [address, prefix] = text.split("/");
    const valid = address && prefix && /^\d+$/.test(prefix) && Number(prefix) <= 128 && address.includes(":");
    return valid && ipaddr.IPv6.isValid(address)
      ? undefined
      : `"${text}" is no IPv6 network; write it like fd00:20::/64`;
  },
  "mac-address": checkMac,
  "domain-name": (text) =>
    text.length <= 253 &&
    text.split(".").every((label) => /^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/.test(label))
      ? undefined
      : `"${text}" is no host or domain name; parts hold letters, digits and inner dashes, at most 63`,
  dn: (text) =>
    text.split(/(?<!\\),/).every((part) => /^\s*[A-Za-z][A-Za-z0-9-]*\s*=\s*\S/.test(part))
      ? undefined
      : `"${text}" is no DN; write attribute=value parts with commas, like ou=People,dc=lab`,
  "http-url": (text) =>
    /^https?:$/.test(urlOf(text)?.protocol ?? "")
      ? undefined
      : `"${text}" is no URL to fetch from; it begins with https:// or http://`,
  "ldap-url": checkLdapUrl,
  "libvirt-uri": checkLibvirtUri,
  "virtualbox-host": checkVirtualBoxHost,
  "ssh-host": checkSshHost,
  "fog-url": (text) => checkServiceUrl(text, "FOG server", "http://fog.example/fog", "userToken"),
  "redfish-url": (text) => checkServiceUrl(text, "BMC", "https://bmc1.example", "password"),
  release: refusalOf(parseRelease),
  "port-forward": refusalOf(parseForward),
  checksum: checkChecksum,
  "ssh-public-key": checkPublicKey,
  "mail-address": (text) => (/^[^\s@]+@[^\s@]+$/.test(text) ? undefined : `"${text}" is no mail address`),
};

function refusalOf(parse: (text: string) => unknown): Check {
  return (text) => {
    try {
      parse(text);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };
}

/** Four numbers without leading zeros, which some programs read as octal. */
const isPlainIPv4 = (text: string): boolean => text.split(".").every((part) => String(Number(part)) === part);

function checkIPv4Cidr(text: string): string | undefined {
  const [address = "", prefix = "", ...rest] = text.split("/");
  const wellFormed = ipaddr.IPv4.isValidFourPartDecimal(address) && isPlainIPv4(address) && rest.length === 0;
  if (!wellFormed || !/^\d{1,2}$/.test(prefix) || Number(prefix) > 32)
    return `"${text}" is no IPv4 network; write address/prefix, like 10.20.0.0/24`;
  const network = ipaddr.IPv4.networkAddressFromCIDR(text).toString();
  return network === address
    ? undefined
    : `${text} is an address in a network; the network is ${network}/${prefix}`;
}

function checkMac(text: string): string | undefined {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
    return `"${text}" is no MAC address; write six pairs of hex digits with colons, like 52:54:00:12:34:56`;
  const first = Number.parseInt(text.slice(0, 2), 16);
  return first % 2 === 1
    ? `${text} is a group address; a card's first pair is an even number, like 52`
    : undefined;
}

function checkLdapUrl(text: string): string | undefined {
  if (text === "embedded:") return undefined;
  const url = urlOf(text);
  // The text may hold a password: it is not repeated.
  if (url?.password) return "the URL holds a password; name the secret in `password` and the DN in `bindDn`";
  return url && /^ldaps?:$/.test(url.protocol) && url.hostname
    ? undefined
    : `"${text}" is no LDAP URL; write ldaps://host, ldap://host or embedded:`;
}

function checkLibvirtUri(text: string): string | undefined {
  if (text === "embedded:" || text.startsWith("test:///")) return undefined;
  const [, scheme = "", authority = "", path = ""] = /^([a-z+]+):\/\/([^/?#]*)([^?#]*)/.exec(text) ?? [];
  if (/:[^@]*@/.test(authority))
    return "the URI holds a password; log in with a key: qemu+ssh://user@host/system";
  const known =
    (["qemu", "qemu+unix"].includes(scheme) && authority === "") ||
    (scheme === "qemu+ssh" && authority !== "");
  if (known && ["/system", "/session"].includes(path)) return undefined;
  return `"${text}" is no libvirt address that labplan can use; write qemu:///system, qemu:///session, qemu+ssh://user@host/system or embedded:`;
}

function checkVirtualBoxHost(text: string): string | undefined {
  if (text === "embedded:") return undefined;
  const url = urlOf(text);
  // The text may hold a password: it is not repeated.
  if (url?.password) return "the address holds a password; log in with a key: ssh://user@host";
  return url?.protocol === "ssh:" && url.hostname && ["", "/"].includes(url.pathname) && !url.search
    ? undefined
    : `"${text}" is no VirtualBox host; write ssh://user@host, ssh://user@host:port or embedded:, or leave it out for this machine`;
}

function checkSshHost(text: string): string | undefined {
  const url = urlOf(text);
  // The text may hold a password: it is not repeated.
  if (url?.password) return "the address holds a password; log in with a key: ssh://user@host";
  return url?.protocol === "ssh:" && url.hostname && ["", "/"].includes(url.pathname) && !url.search
    ? undefined
    : `"${text}" is no SSH host; write ssh://user@host or ssh://user@host:port`;
}

/** A service over HTTP whose login is given by name, elsewhere. */
function checkServiceUrl(text: string, what: string, example: string, field: string): string | undefined {
  if (text === "embedded:") return undefined;
  const url = urlOf(text);
  if (url?.username || url?.password) return `the URL holds a login; name the secret in \`${field}\``;
  return url && /^https?:$/.test(url.protocol) && url.hostname && !url.search && !url.hash
    ? undefined
    : `"${text}" is no URL of a ${what}; write one like ${example}, or embedded:`;
}

function checkChecksum(text: string): string | undefined {
  const [, kind = "", hex = ""] = /^([a-z0-9-]+):([0-9a-f]*)$/i.exec(text) ?? [];
  const digits = { sha256: 64, sha512: 128 }[kind];
  if (!digits) return "a checksum begins with its kind: sha256:<64 hex digits> or sha512:<128 hex digits>";
  return hex.length === digits
    ? undefined
    : `a ${kind} checksum has ${digits} hex digits; this one has ${hex.length}`;
}

function checkPublicKey(text: string): string | undefined {
  if (text.includes("PRIVATE KEY"))
    return "this is a private key; the public one is in the file that ends in .pub";
  return isPublicKey(text) ? undefined : 'a public key is one line like "ssh-ed25519 AAAA… comment"';
}

export const isPublicKey = (text: string): boolean =>
  /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) [A-Za-z0-9+/]{20,}={0,3}( [^\r\n]*)?$/.test(
    text.trim(),
  );

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
