import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { type FaultRule, Faults } from "../faults";
import { Journal } from "../journal";
import { bodyOf } from "../request-body";
import type { Machines } from "../sandbox/machines";
import { type Answer, crashed, error, type LineVersion } from "./answer";
import { type ApiContext, type ApiRequest, answerApi } from "./api";
import { BareMetal } from "./bare-metal";
import { FileStore } from "./files";
import { addStock, ImageStore } from "./image-content";
import { answerRedfish } from "./redfish";
import { answerService } from "./service";
import { FogStore } from "./store";
import { ensureTokens, tokenFileIn } from "./tokens";

export interface FogServerOptions {
  /** Folder of its records, tokens and images; made with mode 0700. */
  folder: string;
  /** @default 127.0.0.1 */
  bind?: string;
  /** @default a free one */
  port?: number;
  /** Faults named `fog:<verb> <route>` and `fog:<stage>`. */
  faults?: Pick<Faults, "next">;
  log?: (line: string) => void;
  /** @default 1.5 */
  lineVersion?: LineVersion;
  /** How many machines are imaged at once. @default 10 */
  slots?: number;
  /** What machines boot from the network: URLs, or files that are served. @default small stand-ins */
  kernel?: string;
  initrd?: string;
  /** More words of that kernel's command line. */
  cmdline?: string;
  /** False: the REST interface is switched off. @default true */
  enabled?: boolean;
  /** Its hosts are these sandboxes, and `/redfish/v1/` switches them. */
  machines?: Machines;
  /** How long writing an image to a sandbox takes. @default LABPLAN_EMBEDDED_FOG_MS, else 2500 */
  durationMs?: number;
  now?: () => Date;
  /** Something was asked. */
  onUse?: () => void;
}

export interface FogServer {
  /** `http://127.0.0.1:<port>/fog` */
  url: string;
  port: number;
  apiToken: string;
  /** Of user `fog`. */
  userToken: string;
  /** Of user `technician`: somebody else. */
  otherToken: string;
  /** Of a user whose API access is switched off. */
  closedToken: string;
  /** Of the above, as JSON (0600), for clients. */
  tokenFile: string;
  /** Private key that the stock images let in as root. */
  identityFile: string;
  /** Hosts that are on. */
  readonly running: number;
  close(): Promise<void>;
}

const DURATION_MS = 2_500;

/** Start the embedded FOG server: an interface as of FOG 1.5.8, with what is odd about it. */
export async function startFogServer(options: FogServerOptions): Promise<FogServer> {
  const { folder, bind = "127.0.0.1", port = 0, log = () => {}, lineVersion = "1.5" } = options;
  const journal = new Journal(path.join(folder, "records"));
  const store = new FogStore(journal, options.now ?? (() => new Date()));
  const tokens = ensureTokens(folder);
  const files = new FileStore({ ...options, folder: path.join(folder, "images") });
  const fault = (name: string): FaultRule | undefined => options.faults?.next(`fog:${name}`);
  const images = new ImageStore(path.join(folder, "images"), path.join(folder, "image.key"));
  if (options.machines && store.isNew("image")) addStock(store);
  const metal =
    options.machines &&
    new BareMetal({
      machines: options.machines,
      journal,
      store,
      images,
      fault,
      log,
      durationMs: options.durationMs ?? Number(process.env.LABPLAN_EMBEDDED_FOG_MS ?? DURATION_MS),
      tellsFailures: lineVersion === "1.6",
    });
  const api: ApiContext = {
    store,
    line: lineVersion,
    tokens,
    enabled: options.enabled ?? true,
    log,
    twice: () => fault("twice") !== undefined,
    hostSaved: (macs) => metal?.register(macs),
  };

  async function route(request: IncomingMessage, body: string, lie: boolean): Promise<Answer> {
    const { method = "GET" } = request;
    const url = new URL(request.url ?? "/", "http://fog");
    const [, top, rest = ""] = /^\/([^/]*)(?:\/(.*))?$/.exec(url.pathname) ?? [];
    if (top === "fog" && rest.startsWith("service/")) {
      const base = `http://${request.headers.host ?? new URL(result.url).host}/fog`;
      const name = rest.slice("service/".length);
      const file = files.bootFile(name);
      if (file) return file;
      const form = new URLSearchParams([...url.searchParams, ...new URLSearchParams(body)]);
      const service = {
        store,
        line: lineVersion,
        slots: options.slots ?? 10,
        base,
        files: files.bootFiles(base),
        fault,
        log,
        lie,
      };
      return answerService(service, name, form);
    }
    if (top === "redfish" && metal) {
      const { authorization } = request.headers;
      return answerRedfish({ metal, ...tokens.redfish }, { method, path: rest, authorization, body, lie });
    }
    if (top === "fog" && rest === "management/index.php") return page(200, "FOG Project > Login");
    if (top !== "fog") return page(404, "404 Not Found");
    const { headers } = request;
    return answerApi(api, {
      method,
      path: rest,
      query: url.searchParams,
      headers,
      body,
      lie,
    } satisfies ApiRequest);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    options.onUse?.();
    if (files.stream(request, response)) return;
    const body = await bodyOf(request);
    const rule = fault(procedureOf(request));
    const scripted = rule && !rule.after ? await suffer(rule, request) : undefined;
    let answer = scripted ?? (await route(request, body, rule?.do === "lie"));
    if (rule?.after) answer = (await suffer(rule, request)) ?? answer;
    if (request.socket.destroyed) return;
    const bytes = Buffer.isBuffer(answer.body) ? answer.body : Buffer.from(answer.body);
    response.writeHead(answer.status, {
      server: "nginx",
      "content-type": answer.type ?? "application/json",
      "content-length": bytes.length,
      ...answer.headers,
    });
    response.end(bytes);
  }

  const server = createServer((request, response) => {
    request.on("error", () => {});
    serve(request, response).catch((failure: Error) => {
      if (request.socket.destroyed) return;
      log(`fog: ${procedureOf(request)}: ${failure.stack ?? failure.message}`);
      response.writeHead(500, { "content-type": "text/html; charset=UTF-8" }).end();
    });
  });
  await listen(server, port, bind);
  const at = server.address() as AddressInfo;
  log(`FOG on ${bind}:${at.port}`);
  metal?.begin(`http://127.0.0.1:${at.port}/fog`);
  const { apiToken, userToken, otherToken, closedToken } = tokens;
  const result: FogServer = {
    url: `http://${bind === "0.0.0.0" ? "127.0.0.1" : bind}:${at.port}/fog`,
    port: at.port,
    apiToken,
    userToken,
    otherToken,
    closedToken,
    tokenFile: tokenFileIn(folder),
    identityFile: images.identityFile,
    get running() {
      return metal?.running ?? 0;
    },
    close: async () => {
      await metal?.close();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
      journal.close();
    },
  };
  return result;
}

const page = (status: number, title: string): Answer => ({
  status,
  type: "text/html; charset=UTF-8",
  body: `<!DOCTYPE html><html><head><title>${title}</title></head><body>${title}</body></html>\n`,
});

/** `POST host/N/task`: numbers stand for themselves. */
function procedureOf(request: IncomingMessage): string {
  const route = new URL(request.url ?? "/", "http://fog").pathname
    .replace(/^\/(fog\/)?/, "")
    .replace(/\/\d+(?=\/|$)/g, "/N")
    .replace(/(\/Systems\/)[^/]+/, "$1N")
    .replace(/\/$/, "");
  return `${request.method ?? "GET"} ${route}`;
}

/** What the fault says instead of the answer; nothing when the work goes on. */
async function suffer(rule: FaultRule, request: IncomingMessage): Promise<Answer | undefined> {
  if (rule.do === "slow") await Faults.pause(rule);
  if (rule.do === "close") request.socket.destroy();
  if (rule.do === "hang") await new Promise((resolve) => request.socket.once("close", resolve));
  if (rule.do === "close" || rule.do === "hang") return crashed();
  if (rule.do !== "error") return undefined;
  const status = rule.code ?? 500;
  const { message } = rule;
  if (message === undefined) return crashed(status);
  return message.startsWith("<")
    ? { status, type: "text/html; charset=UTF-8", body: message }
    : error(status, message);
}

const listen = (server: Server, port: number, bind: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, bind, () => {
      server.off("error", reject);
      resolve();
    });
  });
