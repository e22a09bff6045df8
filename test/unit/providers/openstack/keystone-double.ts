import * as http from "node:http";
import type { AddressInfo } from "node:net";

/** A keystone whose catalog leads back to the same server; what else is asked, the test answers. */
export interface CloudDouble {
  url: string;
  port: number;
  /** `GET /compute/v2.1/servers`, with its headers and body. */
  asked: { what: string; headers: http.IncomingHttpHeaders; body: string }[];
  logins: unknown[];
  close(): Promise<void>;
}

export type Respond = (what: string, body: string) => { status?: number; body?: unknown } | undefined;

export const PASSWORD = "canary-7Kq2";

export async function startCloudDouble(
  respond: Respond = () => undefined,
  { expiresInS = 3_600, region = "RegionOne" }: { expiresInS?: number; region?: string } = {},
): Promise<CloudDouble> {
  const asked: CloudDouble["asked"] = [];
  const logins: unknown[] = [];
  const server = http.createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts).toString();
      const what = `${request.method} ${request.url}`;
      const send = (status: number, value: unknown, headers: http.OutgoingHttpHeaders = {}) => {
        response.writeHead(status, { "content-type": "application/json", ...headers });
        response.end(typeof value === "string" ? value : JSON.stringify(value));
      };
      if (what === "POST /v3/auth/tokens") {
        logins.push(JSON.parse(body));
        if (!body.includes(PASSWORD)) return send(401, { error: { message: "no" } });
        const token = {
          expires_at: new Date(Date.now() + expiresInS * 1_000).toISOString(),
          project: { id: "p1" },
          user: { id: "u1" },
          catalog: ["compute", "network", "image", "placement"].map((type) => ({
            type,
            endpoints: [{ interface: "public", region_id: region, url: `${url}/${type}` }],
          })),
        };
        return send(201, { token }, { "x-subject-token": `token-${logins.length}` });
      }
      asked.push({ what, headers: request.headers, body });
      const answer = respond(what, body) ?? { status: 404, body: { itemNotFound: { message: "not here" } } };
      return send(answer.status ?? 200, answer.body ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    port,
    asked,
    logins,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}
