import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { BootDesk } from "./desk";
import { BOOT_SCRIPT, ipxeScript } from "./ipxe";
import { sendFile } from "./send-file";

/** Bytes of an event's body. */
const MOST_BODY = 64 << 10;
/** Of a body that is too long anyway, before the connection is cut. */
const MOST_DRAINED = 1 << 20;
const REQUEST_MS = 30_000;
/** A connection on which nothing moves is closed: also that of an installer that was switched off. */
const SILENCE_MS = 120_000;
const MOST_CONNECTIONS = 1_024;

export interface HttpOptions {
  bind: string;
  port: number;
  desk: BootDesk;
  /** Answer to /health. */
  health: () => object;
}

/** Start serving; rejects when the address cannot be bound. */
export async function startHttp(options: HttpOptions): Promise<Server> {
  const server = createServer((request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      options.desk.note(`an answer failed: ${error instanceof Error ? error.message : String(error)}`);
      if (response.headersSent) response.destroy();
      else plain(response, 503, "try again\n");
    });
  });
  server.requestTimeout = REQUEST_MS;
  server.headersTimeout = REQUEST_MS / 3;
  server.timeout = SILENCE_MS;
  server.maxConnections = MOST_CONNECTIONS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.bind, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return server;
}

async function answer(
  { desk, health }: HttpOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const address = addressOf(request.socket);
  const { method = "GET", url = "" } = request;
  // A query is never looked at: no secret is ever in one.
  const path = url.split("?", 1)[0] ?? "";
  const [, first = "", second = "", third, ...more] = path.split("/");
  const fetches = method === "GET" || method === "HEAD";
  const parts = more.length > 0 ? -1 : path.split("/").length - 1;

  if (method === "POST" && first === "events" && parts === 2)
    return takeEvent(desk, second, address, request, response);
  request.resume();
  if (fetches && parts === 1 && first === "health")
    return plain(response, 200, `${JSON.stringify(health())}\n`);
  if (fetches && parts === 1 && first === "boot.ipxe") {
    if (desk.registry.isServingAny()) return plain(response, 200, BOOT_SCRIPT);
    return notFound(response);
  }
  if (fetches && parts === 2 && first === "ipxe") {
    const found = desk.serving(second, address, "its boot script");
    if (!found) return notFound(response);
    if (method === "GET") desk.booting(found, address);
    return plain(response, 200, ipxeScript(found));
  }
  if (fetches && parts === 3 && first === "files" && (third === "vmlinuz" || third === "initrd")) {
    const found = desk.serving(second, address, third);
    if (!found) return notFound(response);
    const file = third === "initrd" ? found.install.initrd : found.install.kernel;
    const done = await sendFile(file, request, response);
    if (done)
      desk.note(
        `${found.machine}: ${third} sent, ${done.bytes} bytes in ${(done.ms / 1_000).toFixed(1)} s (${address})`,
      );
    return;
  }
  if (fetches && parts === 3 && first === "config") {
    const text = desk.config(second, third ?? "", address, method === "GET");
    return text === undefined ? notFound(response) : plain(response, 200, text);
  }
  desk.refuse(
    { address },
    `asked for ${method === "GET" ? "" : `${shown(method)} `}${shown(path)}, which there is not`,
  );
  return notFound(response);
}

async function takeEvent(
  desk: BootDesk,
  stage: string,
  address: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await readBody(request);
  if (body === undefined) return;
  const token =
    /^Bearer ([0-9a-f]{32})$/i.exec(request.headers.authorization ?? "")?.[1]?.toLowerCase() ?? "";
  const type = request.headers["content-type"];
  // A failure counts even when its log is too long; anything else is said again, and shorter.
  if (body.tooLong && stage !== "failed") return plain(response, 413, "too long\n", true);
  const status = await desk.event(stage, token, { ...body, type }, address);
  if (body.tooLong) return plain(response, status === 204 ? 413 : status, "too long\n", true);
  if (status === 204) {
    response.writeHead(204).end();
    return;
  }
  return status === 404 ? notFound(response) : plain(response, status, "too many\n");
}

/** Undefined when the caller went away. Of a body that is too long the rest is thrown away, and then the connection. */
function readBody(request: IncomingMessage): Promise<{ bytes: Buffer; tooLong: boolean } | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= MOST_BODY) chunks.push(chunk);
      else if (length > MOST_DRAINED) {
        request.pause();
        resolve({ bytes: Buffer.concat(chunks), tooLong: true });
      }
    });
    request.on("end", () => resolve({ bytes: Buffer.concat(chunks), tooLong: length > MOST_BODY }));
    request.on("error", () => resolve(undefined));
    request.on("close", () => resolve(undefined));
  });
}

function plain(response: ServerResponse, status: number, text: string, close = false): void {
  const bytes = Buffer.from(text);
  response.writeHead(status, {
    "content-type": "text/plain; charset=utf-8",
    "content-length": bytes.length,
    "cache-control": "no-store",
    ...(close && { connection: "close" }),
  });
  response.end(bytes, () => close && response.req.socket.destroySoon());
}

const notFound = (response: ServerResponse): void => plain(response, 404, "not found\n");

/** IPv4 as such, also on a socket that takes both kinds. */
const addressOf = (socket: Socket): string => (socket.remoteAddress ?? "").replace(/^::ffff:/, "");

/** Fit for a log: short, and without anything that may be a token. */
const shown = (text: string): string =>
  text
    .replace(/[^\x21-\x7e]/g, "?")
    .replace(/[0-9a-f]{16,}/gi, "***")
    .slice(0, 100);
