import * as http from "node:http";

/** How a machine reaches what listens on the host's loopback. */
export interface HostLink {
  /** Whether an address leads to the host: a gateway of its networks, or NAT's 10.0.2.2. */
  isHost: (address: string) => boolean;
  signal: AbortSignal;
}

export interface Answer {
  status: number;
  body: Buffer;
}

const TIMEOUT_MS = 15_000;
/** Installers are large; all of it is read, the first part kept. */
const KEPT_BYTES = 1024 * 1024;

export class NoRoute extends Error {}

/**
 * A request of a machine. There is no network: what leads to the host goes to its 127.0.0.1, and nothing goes anywhere
 * else.
 */
export function ask(
  link: HostLink,
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  const { method = "GET", headers = {}, body } = options;
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, "");
  const own = /^127(\.\d+){3}$/.test(host);
  if (target.protocol !== "http:" || !(own || link.isHost(host)))
    return Promise.reject(new NoRoute(`no route to ${target.host}`));
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: own ? host : "127.0.0.1",
        port: target.port || 80,
        path: `${target.pathname}${target.search}`,
        method,
        headers: {
          Host: target.host,
          ...headers,
          ...(body !== undefined && { "Content-Length": Buffer.byteLength(body) }),
        },
        agent: false,
        timeout: TIMEOUT_MS,
        signal: link.signal,
      },
      (response) => {
        const pieces: Buffer[] = [];
        let kept = 0;
        response.on("data", (piece: Buffer) => {
          if (kept < KEPT_BYTES) pieces.push(piece);
          kept += piece.length;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces) }));
        response.on("error", reject);
      },
    );
    request.on("timeout", () => request.destroy(new Error(`${target.host} does not answer`)));
    request.on("error", reject);
    request.end(body);
  });
}

/** A file; throws when it is not served. */
export async function fetchFile(link: HostLink, url: string): Promise<Buffer> {
  const { status, body } = await ask(link, url, { headers: { "User-Agent": "labplan-sandbox" } });
  if (status !== 200) throw new Error(`${url.replace(/\/[0-9a-f]{32}\//, "/…/")}: HTTP ${status}`);
  return body;
}
