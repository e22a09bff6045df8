import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "../ssh/clock";
import { within } from "../ssh/limits";
import { PowerError } from "./errors";
import { openSocket, socketError, type Trust } from "./redfish-tls";

/** JSON as a BMC sends it. */
export type Json = { readonly [name: string]: unknown };

export interface RedfishOptions {
  /** Machine and BMC, for messages. */
  who: string;
  /** Scheme, host and port. */
  url: URL;
  user: string;
  password: string;
  trust: Trust;
  clock?: Clock;
  /** Seconds for one request: slow BMCs take half a minute. @default 40 */
  requestS?: number;
}

export interface Answer {
  body: Json;
  etag?: string;
}

const MAX_BYTES = 4 * 1024 * 1024;

/** One BMC's Redfish service, by one connection that is kept. A call is one attempt, and fails with a `PowerError`. */
export class RedfishClient {
  readonly #options: RedfishOptions;
  readonly #agent: ProvenAgent;

  constructor(options: RedfishOptions) {
    this.#options = options;
    this.#agent = new ProvenAgent(options);
  }

  get(path: string, signal: AbortSignal): Promise<Answer> {
    return this.#send("GET", path, undefined, {}, signal);
  }

  /** With the ETag of what was read, where the BMC gave one. */
  patch(path: string, body: Json, etag: string | undefined, signal: AbortSignal): Promise<Answer> {
    return this.#send("PATCH", path, body, etag === undefined ? {} : { "if-match": etag }, signal);
  }

  post(path: string, body: Json, signal: AbortSignal): Promise<Answer> {
    return this.#send("POST", path, body, {}, signal);
  }

  close(): void {
    this.#agent.destroy();
  }

  async #send(
    method: string,
    path: string,
    body: Json | undefined,
    more: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { who, user, password, url, clock = systemClock, requestS = 40 } = this.#options;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers: Record<string, string> = {
      accept: "application/json",
      "odata-version": "4.0",
      authorization: `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`,
      ...(text === undefined
        ? {}
        : { "content-type": "application/json", "content-length": `${Buffer.byteLength(text)}` }),
      ...more,
    };
    const late = () =>
      new PowerError(
        "unreachable",
        `${who} did not answer ${method} within ${requestS} s. Is it overloaded?`,
      );
    // Some name the trailing slash in their links and send another address back for it.
    let target = path;
    for (let hops = 0; ; hops++) {
      const answer = await within({ clock, deadlineS: requestS, late, signals: [signal] }, (stop) =>
        this.#exchange({ method, path: target, headers }, text, stop),
      );
      const moved = answer.status === 307 || answer.status === 308 || answer.status === 301;
      const next = moved && hops < 3 ? samePlace(url, target, answer.headers.location) : undefined;
      if (next === undefined) return this.#judge(method, target, answer);
      target = next;
    }
  }

  #exchange(
    options: RequestOptions,
    text: string | undefined,
    signal: AbortSignal,
  ): Promise<{ status: number; headers: IncomingMessage["headers"]; text: string }> {
    const { who, url } = this.#options;
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    return new Promise((resolve, reject) => {
      // Whatever happens on the way: an error of ours is passed on, one of the socket is put in our words.
      const fail = (cause: Error) =>
        reject(
          cause instanceof PowerError || cause.name === "AbortError"
            ? cause
            : socketError(who, host, Number(url.port || 443), cause),
        );
      const sent = request(
        { ...options, host, port: url.port || undefined, agent: this.#agent, signal },
        (answer) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          answer.on("data", (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > MAX_BYTES)
              sent.destroy(new PowerError("protocol", `${who} answered with more than 4 MiB.`));
            else chunks.push(chunk);
          });
          answer.on("error", fail);
          answer.on("end", () =>
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              text: Buffer.concat(chunks).toString("utf8"),
            }),
          );
        },
      );
      sent.on("error", fail);
      sent.end(text);
    });
  }

  #judge(
    method: string,
    path: string,
    answer: { status: number; headers: IncomingMessage["headers"]; text: string },
  ): Answer {
    const { who, password } = this.#options;
    const { status, headers } = answer;
    const body = parse(answer.text);
    if (status >= 200 && status < 300) {
      if (body === undefined && method === "GET")
        throw new PowerError("protocol", `${who}: what answers at ${path} is no Redfish service.`);
      const etag =
        headers.etag ?? (typeof body?.["@odata.etag"] === "string" ? body["@odata.etag"] : undefined);
      return { body: body ?? {}, ...(etag === undefined ? {} : { etag }) };
    }
    const told = said(body, password);
    throw new RedfishRefusal(status, who, method, path, told);
  }
}

/** An answer that is no success; `status` is HTTP's. */
export class RedfishRefusal extends PowerError {
  constructor(
    readonly status: number,
    who: string,
    method: string,
    path: string,
    readonly told: string,
  ) {
    const { reason, text } = meaning(status);
    super(reason, `${who} ${text}${told ? `: ${told}` : ""} (${method} ${path}: ${status}).`);
  }
}

function meaning(status: number): { reason: PowerError["reason"]; text: string } {
  if (status === 401) return { reason: "login", text: "does not take this user and password" };
  if (status === 403) return { reason: "rights", text: "does not let this user do it" };
  if (status === 404) return { reason: "missing", text: "does not have it" };
  if (status === 409 || status === 423 || status === 429 || status === 503)
    return { reason: "busy", text: "is busy" };
  if (status >= 500) return { reason: "server", text: "failed" };
  return { reason: "refused", text: "refused" };
}

function parse(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

/** The BMC's own words, cut short; DSP0266, "Error responses". Never with our password in them. */
function said(body: Json | undefined, password: string): string {
  const error = (body?.error ?? {}) as { message?: unknown; "@Message.ExtendedInfo"?: unknown };
  const info = error["@Message.ExtendedInfo"];
  const first = (Array.isArray(info) ? info : [info]).find(
    (one): one is { Message: string } =>
      typeof (one as { Message?: unknown } | undefined)?.Message === "string",
  );
  const text = first?.Message ?? (typeof error.message === "string" ? error.message : "");
  const plain = text
    .replaceAll(/[^\x20-\x7e]+/g, " ")
    .trim()
    .replace(/\.$/, "");
  return (password ? plain.replaceAll(password, "…") : plain).slice(0, 200);
}

/** The path of a redirect that stays with the same server: to no other are our credentials shown. */
function samePlace(url: URL, path: string, location: string | undefined): string | undefined {
  const here = new URL(path, url).href;
  if (location === undefined || !URL.canParse(location, here)) return undefined;
  const next = new URL(location, here);
  return next.origin === url.origin ? `${next.pathname}${next.search}` : undefined;
}

/** Gives out connections whose other end is proven. One at a time: BMCs have few places. */
class ProvenAgent extends Agent {
  readonly #options: RedfishOptions;
  constructor(options: RedfishOptions) {
    super({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1 });
    this.#options = options;
  }

  override createConnection(
    options: RequestOptions,
    done?: (error: Error | null, socket: Duplex) => void,
  ): undefined {
    const { who, url, trust } = this.#options;
    const signal = options.signal ?? new AbortController().signal;
    openSocket(who, url, trust, signal).then(
      (socket: Socket) => done?.(null, socket),
      (error: Error) => (done as ((error: Error) => void) | undefined)?.(error),
    );
    return undefined;
  }
}
