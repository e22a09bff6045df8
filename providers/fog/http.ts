import * as http from "node:http";
import * as https from "node:https";
import { type Broken, exchange, UNTRUSTED } from "../core/exchange";
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
  async send(request: Request, { deadlineMs, signal }: SendOptions): Promise<Answer> {
    const { base, label, headers } = this.address;
    const { method, path, body } = request;
    const who = `${label}: ${method} ${path.replace(/\?.*$/, "")}`;
    const answer = await exchange({
      url: new URL(base.href.replace(/\/$/, "") + path),
      // A kept connection may be closed by the server just then. A look is repeated; what writes gets a new one.
      options: { method, agent: method === "GET" ? this.#agent : false, ...this.#tls, headers },
      ...{ body, deadlineMs, signal, longest: LONGEST_ANSWER },
      errors: {
        endless: () => new FogError("protocol", `${who}: its answer does not end.`),
        late: () => {
          const limit = Math.round(deadlineMs / 100) / 10;
          return new FogError("timeout", `${who}: no answer within ${limit} s. "pulumi up" resumes here.`);
        },
        broken: (error) => unreachable(who, error),
      },
    });
    return {
      status: answer.status,
      contentType: answer.headers["content-type"] ?? "",
      location: answer.headers.location ?? "",
      body: answer.body,
    };
  }
}

const PASSING = /^(ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|its answer)/;

/** Of a socket's error, its code alone is told. */
function unreachable(who: string, { code = "", message }: Broken): FogError {
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
