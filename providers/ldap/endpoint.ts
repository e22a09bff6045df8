import { failure } from "./errors";

/** Where a directory is and who we are there, with the password's value: never stored, never shown. */
export interface Endpoint {
  /** `ldaps://host[:port]`, or `ldap://` with StartTLS or on loopback. */
  url: string;
  bindDn?: string | undefined;
  password?: string | undefined;
  /** PEM file with the CA. @default the system's */
  caFile?: string | undefined;
  startTls?: boolean | undefined;
}

export interface Address {
  host: string;
  port: number;
  tls: "at once" | "after StartTLS" | "none";
}

/**
 * Read an endpoint's URL. Refuses, before any packet and any name look-up, what would send passwords in clear:
 * `ldap://` without StartTLS to anything but this machine.
 */
export function addressOf({ url, startTls }: Pick<Endpoint, "url" | "startTls">): Address {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw failure("refused", { url, action: "connect" }, `not a URL: ${(cause as Error).message}`);
  }
  if (parsed.protocol !== "ldap:" && parsed.protocol !== "ldaps:")
    throw failure("refused", { url, action: "connect" }, "the URL must begin with ldaps:// or ldap://");
  if (parsed.username || parsed.password)
    throw failure(
      "refused",
      { url: `${parsed.protocol}//${parsed.host}`, action: "connect" },
      'the URL must hold no name or password; use "bindDn" and "password"',
    );
  const secure = parsed.protocol === "ldaps:";
  const host = parsed.hostname.replace(/^\[(.*)\]$/u, "$1");
  if (!host) throw failure("refused", { url, action: "connect" }, "the URL names no host");
  if (!secure && !startTls && !isLoopback(host))
    throw failure("insecure", { url, action: "connect" }, "ldap:// without StartTLS is refused off loopback");
  const tls = secure ? "at once" : startTls ? "after StartTLS" : "none";
  return { host, port: Number(parsed.port || (secure ? 636 : 389)), tls };
}

/** Names of this machine only: `127.0.0.1.example.org` and unusual spellings are not among them. */
export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}$/u.test(host);
