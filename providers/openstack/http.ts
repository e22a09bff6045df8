import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { Duplex } from "node:stream";
import * as tls from "node:tls";
import { OpenStackError } from "./errors";

/** Opens the way to an API by other means than a socket of this machine's: an SSH connection's forward. */
export type Dial = (host: string, port: number) => Promise<Duplex>;

export interface Call {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  headers: Record<string, string>;
  body?: object;
}

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export interface LinkOptions {
  dial?: Dial;
  /** Path of a PEM file. */
  ca?: string;
  verify: boolean;
  deadlineMs: number;
  signal?: AbortSignal;
}

/** 100 servers with all their details are 0.3 MB. */
const LONGEST_ANSWER = 64 * 1024 * 1024;

/** HTTP with the APIs of one cloud. */
export class Link {
  readonly #options: LinkOptions;
  readonly #agents: { "http:": http.Agent; "https:": https.Agent };

  constructor(
    /** For messages. */
    readonly name: string,
    options: LinkOptions,
  ) {
    this.#options = options;
    const { dial, ca, verify } = options;
    const trust = { rejectUnauthorized: verify, ...(ca === undefined ? {} : { ca: readCa(name, ca) }) };
    const kept = { keepAlive: true, keepAliveMsecs: 5_000, maxSockets: 16 };
    this.#agents = dial
      ? { "http:": dialled(new http.Agent(), dial), "https:": dialled(new https.Agent(trust), dial, trust) }
      : { "http:": new http.Agent(kept), "https:": new https.Agent({ ...kept, ...trust }) };
  }

  close(): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  /** The answer, whatever it says. Fails with an OpenStackError without a status, or with the signal's reason. */
  send({ method, url, headers, body }: Call): Promise<Answer> {
    const { deadlineMs, signal } = this.#options;
    const target = new URL(url);
    const who = `cloud "${this.name}": ${method} ${target.origin}${target.pathname}`;
    const content = body === undefined ? undefined : JSON.stringify(body);
    const module = target.protocol === "https:" ? https : http;
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const request = module.request(
        target,
        {
          method,
          agent: this.#agents[target.protocol as "http:" | "https:"],
          headers: {
            accept: "application/json",
            ...headers,
            ...(content === undefined
              ? {}
              : { "content-type": "application/json", "content-length": Buffer.byteLength(content) }),
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          let length = 0;
          response.on("data", (part: Buffer) => {
            length += part.length;
            if (length > LONGEST_ANSWER) fail(new OpenStackError(`${who}: its answer does not end.`));
            else parts.push(part);
          });
          response.on("error", (error) => fail(unreachable(who, error)));
          response.on("end", () => {
            clear();
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(parts).toString("utf8"),
            });
          });
        },
      );
      const clear = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", stop);
      };
      const fail = (error: unknown) => {
        clear();
        reject(error);
        request.destroy();
      };
      const stop = () => fail(signal?.reason);
      const timer = setTimeout(
        () => fail(new OpenStackError(`${who}: no answer within ${deadlineMs / 1_000} s.`)),
        deadlineMs,
      );
      signal?.addEventListener("abort", stop, { once: true });
      request.on("error", (error) => fail(unreachable(who, error)));
      request.end(content);
    });
  }
}

/** An agent whose connections are made by `dial`; each carries one call. */
function dialled<A extends http.Agent>(agent: A, dial: Dial, trust?: tls.ConnectionOptions): A {
  const create = (
    { host = "", port = 0 }: { host?: string; port?: number | string },
    done: (error: Error | null, stream?: Duplex) => void,
  ): undefined => {
    dial(host, Number(port)).then(
      (socket) => done(null, trust ? tls.connect({ ...trust, socket, servername: host }) : socket),
      (error: Error) => done(error),
    );
  };
  (agent as unknown as { createConnection: typeof create }).createConnection = create;
  return agent;
}

function readCa(name: string, file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    throw new OpenStackError(
      `cloud "${name}": its CA file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
    );
  }
}

const UNTRUSTED =
  /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|ERR_TLS_CERT_ALTNAME_INVALID)/;

function unreachable(who: string, error: NodeJS.ErrnoException): OpenStackError {
  const code = error.code ?? "";
  const why = code || error.message.split("\n")[0]?.slice(0, 100) || "no reason given";
  const advice = UNTRUSTED.test(code)
    ? `its certificate is not trusted (${code}). Name the CA's PEM file: \`cacert\` in clouds.yaml, or OS_CACERT.`
    : `it cannot be reached (${why}). Check the address, the network and the cloud.`;
  return new OpenStackError(`${who}: ${advice}`, undefined, undefined, { cause: error });
}
