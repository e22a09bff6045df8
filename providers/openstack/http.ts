import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { isIP } from "node:net";
import type { Duplex } from "node:stream";
import * as tls from "node:tls";
import { type Broken, type ExchangeAnswer, exchange, UNTRUSTED } from "../core/exchange";
import { OpenStackError } from "./errors";

/** Opens the way to an API by other means than a socket of this machine's: an SSH connection's forward. */
export type Dial = (host: string, port: number) => Promise<Duplex>;

export interface Call {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  headers: Record<string, string>;
  body?: object;
}

export type Answer = ExchangeAnswer;

export interface LinkOptions {
  dial?: Dial;
  /** Path of a PEM file. */
  ca?: string;
  /** The PEM itself, in its place. */
  caText?: string;
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
    const { dial, ca: file, caText, verify } = options;
    const ca = caText ?? (file === undefined ? undefined : readCa(name, file));
    const trust = { rejectUnauthorized: verify, ...(ca === undefined ? {} : { ca }) };
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
    return exchange({
      url: target,
      options: { method, agent: this.#agents[target.protocol as "http:" | "https:"], headers },
      ...{ body, deadlineMs, signal, longest: LONGEST_ANSWER },
      errors: {
        endless: () => new OpenStackError(`${who}: its answer does not end.`),
        late: () => new OpenStackError(`${who}: no answer within ${deadlineMs / 1_000} s.`),
        broken: (error) => unreachable(who, error),
      },
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
      (socket) => done(null, trust ? tls.connect({ ...trust, socket, ...nameOf(host) }) : socket),
      (error: Error) => done(error),
    );
  };
  (agent as unknown as { createConnection: typeof create }).createConnection = create;
  return agent;
}

/** What the certificate must be for, however we got there: an address is no name to ask a server for (RFC 6066). */
const nameOf = (host: string) => (isIP(host) ? { host } : { host, servername: host });

function readCa(name: string, file: string): Buffer {
  try {
    return fs.readFileSync(file);
  } catch (error) {
    throw new OpenStackError(
      `cloud "${name}": its CA file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`,
    );
  }
}

/** Where another CA would not help. */
const DISTRUST: Readonly<Record<string, string>> = {
  ERR_TLS_CERT_ALTNAME_INVALID:
    "its certificate is for other names and addresses than this one. Use one of those, or have the certificate made anew.",
  CERT_HAS_EXPIRED: "its certificate has expired. Have it made anew.",
};

function unreachable(who: string, error: Broken): OpenStackError {
  const code = error.code ?? "";
  const why = code || error.message?.split("\n")[0]?.slice(0, 100) || "no reason given";
  const advice = UNTRUSTED.test(code)
    ? (DISTRUST[code] ??
      `its certificate is not trusted (${code}). Name the CA's PEM file: \`cacert\` in clouds.yaml, or OS_CACERT.`)
    : `it cannot be reached (${why}). Check the address, the network and the cloud.`;
  return new OpenStackError(`${who}: ${advice}`, undefined, undefined, { cause: error });
}
