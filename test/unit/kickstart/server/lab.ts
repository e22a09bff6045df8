import * as fs from "node:fs";
import * as http from "node:http";
import * as os from "node:os";
import * as path from "node:path";
import {
  type BootServer,
  type BootServerOptions,
  startBootServer,
} from "../../../../kickstart/server/server";
import type { BootEvent, Registration } from "../../../../kickstart/server/types";

export const MAC = "08:00:27:aa:bb:01";
export const DASHES = "08-00-27-aa-bb-01";

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

export interface BootLab {
  server: BootServer;
  folder: string;
  kernel: Buffer;
  /** What was said, a line each. */
  said: string[];
  register(options?: Partial<Parameters<BootServer["registry"]["begin"]>[0]>): Registration;
  ask(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; body?: string | Buffer },
  ): Promise<Answer>;
  /** Post an event as a machine does. */
  tell(stage: string, token: string, fields?: Record<string, string>): Promise<Answer>;
  events(): BootEvent[];
  stop(): Promise<void>;
}

/** A boot server on loopback with ports of its own. */
export async function startBootLab(options: Partial<BootServerOptions> = {}): Promise<BootLab> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-boot-"));
  const kernel = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251));
  fs.writeFileSync(path.join(folder, "kernel"), kernel);
  fs.writeFileSync(path.join(folder, "initrd"), "initrd\n");
  const said: string[] = [];
  const server = await startBootServer({
    folder: path.join(folder, "boot"),
    bind: "127.0.0.1",
    httpPort: 0,
    tftpPort: "any",
    log: (line) => said.push(line),
    ...options,
  });
  const ask: BootLab["ask"] = (method, target, { headers, body } = {}) =>
    new Promise((resolve, reject) => {
      // As it is: no URL is made of it that would take `..` out.
      const request = http.request(
        { host: "127.0.0.1", port: server.httpPort, method, path: target, headers, agent: false },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body: Buffer.concat(chunks).toString("latin1"),
            }),
          );
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  return {
    server,
    folder,
    kernel,
    said,
    ask,
    register: (more = {}) =>
      server.registry.begin({
        machine: "rocky9",
        mac: MAC,
        purpose: "install",
        expiresInS: 60,
        install: ({ token }) => ({
          installer: "kickstart",
          text: `# token ${token}\n`,
          kernel: path.join(folder, "kernel"),
          initrd: path.join(folder, "initrd"),
          cmdline: `inst.ks=http://127.0.0.1/config/${token}/ks.cfg`,
        }),
        ...more,
      }),
    tell: (stage, token, fields = {}) =>
      ask("POST", `/events/${stage}`, {
        headers: { authorization: `Bearer ${token}`, "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(fields).toString(),
      }),
    events: () => server.log.read(),
    async stop() {
      await server.close();
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Until `done` says so; a test that waits in vain fails by its own time-out. */
export async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 5));
}
