import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { FogClient } from "../../../../../providers/fog/client";
import { FogError, type FogReason } from "../../../../../providers/fog/errors";
import { type RestClientOptions, restClient } from "../../../../../providers/fog/rest-client";
import { FogServer, type ServerSettings } from "../../../../../providers/fog/server";

export interface Asked {
  /** `GET /host/3`, with the query */
  line: string;
  body: Record<string, unknown>;
  headers: Record<string, string | string[] | undefined>;
}

export interface Reply {
  status?: number;
  type?: string;
  location?: string;
  /** A text as it is, anything else as JSON. */
  body?: unknown;
  /** The connection ends instead. */
  drop?: boolean;
}

export type Script = (asked: Asked) => Reply | Promise<Reply>;

export const TOKENS = { apiToken: "YXBpLXRva2Vu", userToken: "dXNlci10b2tlbg==" };

export const html = (status: number, body = ""): Reply => ({
  status,
  type: "text/html; charset=UTF-8",
  body,
});
export const json = (body: unknown, status = 200): Reply => ({ status, body: JSON.stringify(body) });

/** A server that says what the test wants: for answers that no FOG in order gives. */
export async function scripted(script: Script, settings: ServerSettings = {}) {
  const asked: Asked[] = [];
  const http = createServer(async (request, response) => {
    let text = "";
    for await (const part of request) text += part;
    const line = `${request.method} ${(request.url ?? "").replace(/^\/fog/, "")}`;
    const one: Asked = { line, body: text ? JSON.parse(text) : {}, headers: request.headers };
    asked.push(one);
    const reply = await script(one);
    if (reply.drop) return void request.socket.destroy();
    response.writeHead(reply.status ?? 200, {
      "content-type": reply.type ?? "application/json",
      ...(reply.location !== undefined && { location: reply.location }),
    });
    response.end(typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body ?? ""));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/fog`;
  const server = new FogServer({ url, ...TOKENS }, { pausesMs: [1, 1, 1], ...settings });
  const warnings: string[] = [];
  const client = (options: RestClientOptions = {}): FogClient =>
    restClient(server, { findPausesMs: [0, 1, 1], warn: (line) => warnings.push(line), ...options });
  return {
    url,
    server,
    client: client(),
    clientWith: client,
    asked,
    lines: () => asked.map(({ line }) => line),
    warnings,
    close: () => {
      server.close();
      http.closeAllConnections();
      http.close();
    },
  };
}

export type Scripted = Awaited<ReturnType<typeof scripted>>;

/** Scripted servers that end with their test. */
export function serverPark() {
  const open: Scripted[] = [];
  return {
    async start(script: Script, settings?: ServerSettings): Promise<Scripted> {
      const one = await scripted(script, settings);
      open.push(one);
      return one;
    },
    closeAll: () => {
      for (const one of open.splice(0)) one.close();
    },
  };
}

/** The error of a call that must fail. */
export async function failing(work: Promise<unknown>): Promise<FogError> {
  const error = await work.then(
    (value) => new Error(`it did not fail: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof FogError) return error;
  throw error;
}

export async function reasonOf(work: Promise<unknown>): Promise<FogReason> {
  return (await failing(work)).reason;
}
