import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type FaultRule, Faults } from "../faults";
import { bodyOf } from "../request-body";
import { type Answer, type Ask, fault } from "./answer";
import type { Cloud } from "./cloud";
import { answerCompute } from "./compute";
import { answerIdentity, isAllowed, unauthorized } from "./identity";
import { answerImage, answerNetwork } from "./image-network";
import { answerPlacement } from "./placement";
import { answerStandIn } from "./stand-in-calls";

export interface DevstackApiOptions {
  /** @default 127.0.0.1 */
  bind?: string;
  /** @default a free one */
  port?: number;
  /** How long a server is built. @default 40 */
  bootMs?: number;
  /** How long after its start a compute is heard of. @default 150 */
  registerMs?: number;
  /** Faults named `devstack:<verb> <path below the cloud>`; numbers and UUIDs are `N`. */
  faults?: Pick<Faults, "next">;
  log?: (line: string) => void;
  /** Something was asked. */
  onUse?: () => void;
  now?: () => Date;
  /** Other paths than those of clouds; undefined: not one of them. */
  more?: (request: IncomingMessage, path: string, body: string) => Promise<Answer | Buffer | undefined>;
  /** Which node an address means to a caller, who is in front of the path: `/machine/<caller>/…`. @default as it is */
  resolve?: (address: string, caller: string | undefined) => string;
}

export interface DevstackApi {
  /** `http://127.0.0.1:<port>` */
  url: string;
  port: number;
  /** By the name in their URLs: the controller's SERVICE_HOST, unless `resolve` says another. */
  clouds: Map<string, Cloud>;
  close(): Promise<void>;
}

const SERVICES: Record<string, (cloud: Cloud, ask: Ask) => Answer> = {
  identity: answerIdentity,
  "compute/v2.1": (cloud, ask) => guarded(cloud, ask, answerCompute),
  placement: (cloud, ask) => guarded(cloud, ask, answerPlacement),
  image: (cloud, ask) => guarded(cloud, ask, answerImage),
  networking: (cloud, ask) => guarded(cloud, ask, answerNetwork),
};

/** Versions may be asked for by anybody. */
const guarded = (cloud: Cloud, ask: Ask, answer: (cloud: Cloud, ask: Ask) => Answer): Answer =>
  isAllowed(cloud, ask) || (ask.method === "GET" && /^\/?$/.test(ask.path))
    ? answer(cloud, ask)
    : unauthorized();

/**
 * The APIs of devstack's controllers, as far as joining and verifying ask for them, and the calls by which the
 * stand-in tells what it started. One cloud a controller: `<url>/<cloud>/identity` and so on.
 */
export async function startDevstackApi(options: DevstackApiOptions = {}): Promise<DevstackApi> {
  const { bind = "127.0.0.1", log = () => {}, resolve = (address: string) => address } = options;
  const clouds = new Map<string, Cloud>();
  const present = new Set<string>();
  const timers = new Set<NodeJS.Timeout>();
  const later = (ms: number, work: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
  };

  async function route(request: IncomingMessage, body: string): Promise<Answer | Buffer> {
    // What a proxy with TLS in front says, as devstack's does to the services behind it.
    const scheme = request.headers["x-forwarded-proto"] === "https" ? "https" : "http";
    const origin = `${scheme}://${request.headers.host ?? new URL(result.url).host}`;
    const url = new URL(request.url ?? "/", origin);
    const special = await options.more?.(request, url.pathname, body);
    if (special) return special;
    const [, caller, path = url.pathname] = /^\/machine\/([^/]+)(\/.*)$/.exec(url.pathname) ?? [];
    const [, first = "", rest = ""] = /^\/([^/]+)\/?(.*)$/.exec(path) ?? [];
    if (first === "stand-in") {
      const context = {
        clouds,
        present,
        resolve: (address: string) => resolve(address, caller),
        origin,
        bootMs: options.bootMs ?? 40,
        registerMs: options.registerMs ?? 150,
        now: options.now ?? (() => new Date()),
        later,
      };
      return answerStandIn(context, rest, formOf(request, body));
    }
    const name = decodeURIComponent(first);
    const cloud = clouds.get(name);
    const service = Object.keys(SERVICES).find((one) => rest === one || rest.startsWith(`${one}/`));
    const answer = service === undefined ? undefined : SERVICES[service];
    if (!cloud || service === undefined || !answer) return { status: 404, body: "404 Not Found\n" };
    const ask: Ask = {
      method: request.method ?? "GET",
      path: rest.slice(service.length) || "/",
      query: url.searchParams,
      headers: request.headers,
      body: jsonOf(body),
      base: `${origin}/${encodeURIComponent(name)}`,
    };
    return answer(cloud, ask);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    options.onUse?.();
    const body = await bodyOf(request);
    const rule = options.faults?.next(procedureOf(request));
    const scripted = rule && !rule.after ? await suffer(rule, request) : undefined;
    let answer = scripted ?? (await route(request, body));
    if (rule?.after) answer = (await suffer(rule, request)) ?? answer;
    if (request.socket.destroyed) return;
    if (Buffer.isBuffer(answer)) {
      response.writeHead(200, { "content-length": answer.length }).end(answer);
      return;
    }
    const isText = typeof answer.body === "string";
    const bytes = Buffer.from(
      isText ? (answer.body as string) : answer.body ? JSON.stringify(answer.body) : "",
    );
    response.writeHead(answer.status, {
      "content-type": isText ? "text/plain" : "application/json",
      "content-length": bytes.length,
      "x-openstack-request-id": `req-${Date.now().toString(16)}`,
      ...answer.headers,
    });
    response.end(request.method === "HEAD" ? undefined : bytes);
  }

  const server = createServer((request, response) => {
    request.on("error", () => {});
    serve(request, response).catch((failure: Error) => {
      if (request.socket.destroyed) return;
      const isJson = failure instanceof SyntaxError;
      if (!isJson) log(`devstack: ${procedureOf(request)}: ${failure.stack ?? failure.message}`);
      response.writeHead(isJson ? 400 : 500, { "content-type": "application/json" });
      response.end(
        JSON.stringify(
          fault(isJson ? 400 : 500, isJson ? "badRequest" : "computeFault", failure.message).body,
        ),
      );
    });
  });
  await new Promise<void>((resolveListen, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, bind, () => {
      server.off("error", reject);
      resolveListen();
    });
  });
  const { port } = server.address() as AddressInfo;
  const shown = bind === "0.0.0.0" ? "127.0.0.1" : bind.includes(":") ? `[${bind}]` : bind;
  const result: DevstackApi = {
    url: `http://${shown}:${port}`,
    port,
    clouds,
    close: async () => {
      for (const timer of timers) clearTimeout(timer);
      const closed = new Promise((done) => server.close(done));
      server.closeAllConnections();
      await closed;
    },
  };
  return result;
}

const formOf = (request: IncomingMessage, body: string): URLSearchParams => {
  if (!String(request.headers["content-type"]).includes("json")) return new URLSearchParams(body);
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(jsonOf(body)))
    for (const each of Array.isArray(value) ? value : [value]) form.append(name, String(each));
  return form;
};

const jsonOf = (body: string): Record<string, unknown> =>
  body.trim() === "" ? {} : (JSON.parse(body) as Record<string, unknown>);

/** `devstack:GET compute/v2.1/os-services/N` */
function procedureOf(request: IncomingMessage): string {
  const { pathname } = new URL(request.url ?? "/", "http://devstack");
  const path = pathname
    .replace(/^\/(machine\/[^/]+\/)?/, "")
    .replace(/^(?!stand-in\/|git\/)[^/]+\//, "")
    .replace(/\/([0-9a-f-]{32,36}|\d+)(?=\/|$)/g, "/N")
    .replace(/\/$/, "");
  return `devstack:${request.method ?? "GET"} ${path}`;
}

async function suffer(rule: FaultRule, request: IncomingMessage): Promise<Answer | undefined> {
  if (rule.do === "slow") await Faults.pause(rule);
  if (rule.do === "close") request.socket.destroy();
  if (rule.do === "hang") await new Promise((resolve) => request.socket.once("close", resolve));
  if (rule.do === "slow") return undefined;
  const status = rule.do === "error" ? (rule.code ?? 500) : 500;
  return rule.do === "lie"
    ? { status: 200, body: {} }
    : fault(status, "computeFault", rule.message ?? "scripted fault");
}
