import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import type { FaultRule } from "../../embedded/faults";
import { type FogServer, type FogServerOptions, startFogServer } from "../../embedded/fog/server";

/** One answer as it came: nothing of it is interpreted. */
export interface Raw {
  status: number;
  type: string;
  body: string;
}

export interface FogLab {
  server: FogServer;
  folder: string;
  /** Rules that are in force from now on. */
  faults(...rules: FaultRule[]): void;
  ask(method: string, route: string, body?: unknown, headers?: Record<string, string>): Promise<Raw>;
  /** The answer's JSON. */
  json(method: string, route: string, body?: unknown): Promise<Record<string, unknown>>;
  /** What a network-booting machine posts. */
  service(name: string, form: Record<string, string>): Promise<string>;
  /** A host, and its id. */
  host(name: string, mac: string, more?: object): Promise<number>;
  image(name: string, more?: object): Promise<number>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startFogLab(options: Partial<FogServerOptions> = {}): Promise<FogLab> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-fog-"));
  let rules: { rule: FaultRule; seen: number }[] = [];
  const faults = {
    next: (procedure: string) => {
      for (const entry of rules) {
        if (entry.rule.procedure !== procedure) continue;
        entry.seen++;
        if (entry.rule.nth === undefined || entry.rule.nth === entry.seen) return entry.rule;
      }
      return undefined;
    },
  };
  let server = await startFogServer({ folder, faults, ...options });
  const lab: FogLab = {
    get server() {
      return server;
    },
    folder,
    faults: (...given) => {
      rules = given.map((rule) => ({ rule, seen: 0 }));
    },
    ask: (method, route, body, headers) => ask(server, method, route, body, headers),
    json: async (method, route, body) => JSON.parse((await ask(server, method, route, body)).body),
    service: async (name, form) => {
      const response = await fetch(`${server.url}/service/${name}`, {
        method: "POST",
        body: new URLSearchParams(form),
      });
      return response.text();
    },
    host: async (name, mac, more = {}) =>
      Number((await lab.json("POST", "host/create", { name, macs: [mac], ...more })).id),
    image: async (name, more = {}) =>
      Number((await lab.json("POST", "image/create", { ...IMAGE, name, path: name, ...more })).id),
    restart: async () => {
      await server.close();
      server = await startFogServer({ folder, faults, ...options });
    },
    close: async () => {
      await server.close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
  return lab;
}

export const IMAGE = {
  imageTypeID: "1",
  imagePartitionTypeID: "1",
  osID: "50",
  isEnabled: "1",
  storagegroups: [1],
};

/** By hand, because fetch sends no body with GET, and follows redirects unless told. */
export async function ask(
  server: Pick<FogServer, "url" | "apiToken" | "userToken">,
  method: string,
  route: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Raw> {
  const http = await import("node:http");
  const base = new URL(server.url);
  const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
  const sent: Record<string, string> = {
    "fog-api-token": server.apiToken,
    "fog-user-token": server.userToken,
    ...(text !== undefined && { "content-length": String(Buffer.byteLength(text)) }),
    ...headers,
  };
  return new Promise((resolve, reject) => {
    const target = route.startsWith("/") ? route : `${base.pathname}/${route}`;
    const request = http.request(
      { host: base.hostname, port: base.port, method, path: target, headers: sent, agent: false },
      (response) => {
        let answer = "";
        response.on("data", (piece) => {
          answer += piece;
        });
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            type: String(response.headers["content-type"] ?? "").split(";")[0] ?? "",
            body: answer,
          }),
        );
      },
    );
    request.on("error", reject);
    request.end(text);
  });
}
