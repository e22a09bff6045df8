import * as http from "node:http";
import * as https from "node:https";
import type { Address } from "./endpoint";
import { FogError } from "./errors";

export interface Request {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Below the server's base, beginning with a slash. */
  path: string;
  body?: object;
}

export interface Answer {
  status: number;
  contentType: string;
  /** Where a redirect leads; it is never followed. */
  location: string;
  body: string;
}

export interface SendOptions {
  deadlineMs: number;
  signal?: AbortSignal | undefined;
}

/** 500 hosts are 1 MB (recorded). */
const LONGEST_ANSWER = 256 * 1024 * 1024;

/** HTTP with one FOG server, for calls that go out one by one. */
export class Link {
  readonly #agent: http.Agent;
  readonly #tls: { rejectUnauthorized?: boolean; ca?: Buffer };

  constructor(readonly address: Address) {
    const secure = address.base.protocol === "https:";
    // Checked, whatever NODE_TLS_REJECT_UNAUTHORIZED says.
    this.#tls = secure ? { rejectUnauthorized: true, ...(address.ca && { ca: address.ca }) } : {};
    const options = { keepAlive: true, keepAliveMsecs: 5_000 };
    this.#agent = secure ? new https.Agent({ ...options, ...this.#tls }) : new http.Agent(options);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** The answer, whatever it says. Fails as "timeout", "unreachable" or "protocol", or with the signal's reason. */
  send(request: Request, { deadlineMs, signal }: SendOptions): Promise<Answer> {
    const { base, label, headers } = this.address;
    const { method, path } = request;
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const who = `${label}: ${method} ${path.replace(/\?.*$/, "")}`;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const options: https.RequestOptions = {
        method,
        // A kept connection may be closed by the server just then. A look is repeated; what writes gets a new one.
        agent: method === "GET" ? this.#agent : false,
        ...this.#tls,
        headers: {
          ...headers,
          accept: "application/json",
          ...(body !== undefined && {
            "content-type": "application/json",
            "content-length": Buffer.byteLength(body),
          }),
        },
      };
      const url = new URL(base.href.replace(/\/$/, "") + path);
      const module = base.protocol === "https:" ? https : http;
      const call = module.request(url, options, (response) => {
        const parts: Buffer[] = [];
        let length = 0;
        response.on("data", (part: Buffer) => {
          length += part.length;
          if (length > LONGEST_ANSWER) fail(new FogError("protocol", `${who}: its answer does not end.`));
          else parts.push(part);
        });
        response.on("error", (error) => fail(unreachable(who, error)));
        response.on("aborted", () => fail(unreachable(who, { code: "its answer broke off" })));
        response.on("end", () => {
          if (!response.complete) return;
          clear();
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers["content-type"] ?? "",
            location: response.headers.location ?? "",
            body: Buffer.concat(parts).toString("utf8"),
          });
        });
      });
      const clear = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", stop);
      };
      const fail = (error: unknown) => {
        clear();
        reject(error);
        call.destroy();
      };
      const stop = () => fail(signal?.reason);
      const timer = setTimeout(() => {
        const limit = Math.round(deadlineMs / 100) / 10;
        fail(new FogError("timeout", `${who}: no answer within ${limit} s. "pulumi up" resumes here.`));
      }, deadlineMs);
      signal?.addEventListener("abort", stop, { once: true });
      call.on("error", (error) => fail(unreachable(who, error)));
      call.end(body);
    });
  }
}

const UNTRUSTED =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT_ALTNAME_INVALID)/;

const PASSING = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|its answer)/;

/** Of a socket's error, its code alone is told. */
function unreachable(who: string, { code = "", message }: { code?: string; message?: string }): FogError {
  const why = code || (message ?? "").split("\n")[0]?.slice(0, 100) || "no reason given";
  if (UNTRUSTED.test(code))
    return new FogError(
      "unreachable",
      `${who}: its certificate is not trusted (${code}). Name the CA's PEM file as "ca" of the backend, or use the name that the certificate is for.`,
    );
  if (code === "EPROTO" || code === "ERR_SSL_WRONG_VERSION_NUMBER")
    return new FogError("unreachable", `${who}: it does not speak TLS there. Is its URL http://?`);
  return new FogError(
    "unreachable",
    `${who}: it cannot be reached (${why}). Check the URL, the network and the server.`,
    { passing: PASSING.test(code) || /socket hang up/.test(why) },
  );
}
