import { readFileSync } from "node:fs";
import { isIP, type Socket, connect as tcp } from "node:net";
import { connect as tls } from "node:tls";
import { LabError } from "../core/errors";
import { PowerError } from "./errors";

/** How we know that it is the BMC that we mean. */
export interface Trust {
  /** PEM of its CA. @default the system's */
  ca?: string;
  /** SHA-256 of its certificate: 64 hex digits, upper case. */
  fingerprint?: string;
}

/** `ca` is a path of a PEM file; the fingerprint may have colons, lower case and `SHA256:` in front. */
export function trustOf(who: string, config: { ca?: string; fingerprint?: string }): Trust {
  const trust: Trust = {};
  if (config.ca !== undefined) {
    try {
      trust.ca = readFileSync(config.ca, "utf8");
    } catch (cause) {
      throw new LabError(
        `${who}: the CA file ${config.ca} cannot be read (${(cause as NodeJS.ErrnoException).code}). Write the path of a PEM file.`,
        { cause },
      );
    }
  }
  if (config.fingerprint !== undefined) {
    const hex = config.fingerprint.replace(/^sha-?256[:=]/i, "").replaceAll(/[\s:]/g, "");
    if (!/^[0-9a-f]{64}$/i.test(hex))
      throw new LabError(
        `${who}: the fingerprint is no SHA-256. Write its 64 hex digits, as "openssl x509 -noout -fingerprint -sha256" shows them.`,
      );
    trust.fingerprint = hex.toUpperCase();
  }
  return trust;
}

/** A connection to the BMC. Over TLS it is given out only when the other end is proven: nothing was sent before. */
export function openSocket(who: string, url: URL, trust: Trust, signal: AbortSignal): Promise<Socket> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = Number(url.port || (url.protocol === "https:" ? 443 : 80));
  return new Promise((resolve, reject) => {
    let socket: Socket;
    const stop = () => {
      socket.destroy();
      reject(signal.reason);
    };
    const finish = (error?: unknown) => {
      signal.removeEventListener("abort", stop);
      if (error === undefined) return resolve(socket);
      socket.destroy();
      reject(error);
    };
    if (url.protocol === "https:") {
      const secure = tls({
        host,
        port,
        ...(isIP(host) ? {} : { servername: host }),
        ...(trust.ca === undefined ? {} : { ca: trust.ca }),
        // Said in so many words, NODE_TLS_REJECT_UNAUTHORIZED changes nothing.
        rejectUnauthorized: trust.fingerprint === undefined,
      });
      socket = secure;
      secure.once("secureConnect", () => {
        const shown = secure.getPeerCertificate().fingerprint256?.replaceAll(":", "") ?? "";
        if (trust.fingerprint === undefined || shown === trust.fingerprint) finish();
        else finish(otherCertificate(who, shown));
      });
    } else {
      socket = tcp({ host, port });
      socket.once("connect", () => finish());
    }
    socket.once("error", (cause: NodeJS.ErrnoException) => finish(socketError(who, host, port, cause)));
    // Kept for what breaks later: whoever uses the socket is told by "close".
    socket.on("error", () => {});
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

const otherCertificate = (who: string, shown: string): PowerError =>
  new PowerError(
    "untrusted",
    `${who} shows another certificate than the pinned one: SHA-256 ${shown.match(/../g)?.join(":") ?? "(none)"}. If the BMC got a new one, compare it on the BMC's own page and write it as "fingerprint"; nothing was sent.`,
  );

const LOST: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "EPIPE",
  "EAI_AGAIN",
]);

/** A socket's error in our words. */
export function socketError(
  who: string,
  host: string,
  port: number,
  cause: NodeJS.ErrnoException,
): PowerError {
  const code = cause.code ?? "";
  if (code === "ENOTFOUND")
    return new PowerError("name", `${who}: no address found for ${host}. Check its spelling and the DNS.`, {
      cause,
    });
  if (LOST.has(code) || /socket hang up|disconnected before/i.test(cause.message))
    return new PowerError(
      "unreachable",
      `${who} is not reachable on port ${port} (${code || "closed"}). Is it up, and is this its address?`,
      { cause },
    );
  if (/^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|HOSTNAME_MISMATCH)/.test(code))
    return new PowerError(
      "untrusted",
      `${who}: its certificate is not trusted (${code}). Give the file of its CA as "ca", or the SHA-256 of the certificate as "fingerprint"; nothing was sent.`,
      { cause },
    );
  return new PowerError(
    "protocol",
    `${who}: no connection that can be used (${code || cause.message}). Is this the address of a Redfish service?`,
    { cause },
  );
}
