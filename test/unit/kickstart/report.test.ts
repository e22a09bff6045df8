import { execFile } from "node:child_process";
import { accessSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { fillPlaceholders } from "../../../kickstart/placeholders";
import { renderKickstart } from "../../../kickstart/render";
import { variablesOf } from "./fixtures";

const run = promisify(execFile);
const TOKEN = "0123456789abcdef0123456789abcdef";
/** What the function uses besides the tool that it posts with. */
const TOOLS = ["sh", "mktemp", "rm", "sed", "cat", "tail", "grep", "sleep", "busybox"];

let server: Server;
let folder: string;
let url = "";
let posts: { path: string; headers: IncomingHttpHeaders; body: URLSearchParams }[] = [];
let refuse = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "labplan-report-"));
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (bytes) => {
      body += bytes;
    });
    request.on("end", () => {
      posts.push({
        path: `${request.method} ${request.url}`,
        headers: request.headers,
        body: new URLSearchParams(body),
      });
      response.writeHead(refuse-- > 0 ? 503 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

const find = (name: string): string | undefined =>
  ["/usr/bin", "/bin"].map((place) => join(place, name)).find((file) => exists(file));
const exists = (file: string): boolean => {
  try {
    accessSync(file);
    return true;
  } catch {
    return false;
  }
};

/** The function as the kickstart brings it, in a shell where `tool` is all that can post. */
async function report(tool: string, stage: string, log?: string): Promise<number> {
  posts = [];
  const bin = join(folder, tool);
  mkdirSync(bin, { recursive: true });
  for (const name of [...TOOLS, tool]) {
    const real = find(name);
    if (real && !exists(join(bin, name))) symlinkSync(real, join(bin, name));
  }
  const { text } = renderKickstart(variablesOf());
  const [, body = ""] = /labplan-report <<'LABPLAN'\n([\s\S]*?)\nLABPLAN\n/.exec(text) ?? [];
  const script = fillPlaceholders(body, { boot: { url, token: TOKEN }, secret: () => "" });
  const file = join(folder, "report.sh");
  writeFileSync(file, `set -e\n${script}\nlabplan_report ${stage} ${log ?? ""}\n`);
  try {
    await run(find("sh") ?? "sh", [file], { env: { PATH: bin, http_proxy: "http://127.0.0.1:1" } });
    return 0;
  } catch (error) {
    return Number((error as { code?: number }).code);
  }
}

describe("what an installer tells the boot server", () => {
  const tools = ["curl", "wget", "busybox"];
  test.each(tools)("trap kickstart-pxe#31: is told by %s where there is no other", async (tool) => {
    if (!find(tool))
      return expect(tool, "curl and wget are on every system that runs these tests").toBe("busybox");
    expect(await report(tool, "pre")).toBe(0);
    expect(posts).toHaveLength(1);
    const [{ path, headers, body } = { path: "", headers: {}, body: new URLSearchParams() }] = posts;
    expect(path).toBe("POST /events/pre");
    expect(headers.authorization).toBe(`Bearer ${TOKEN}`);
    expect(headers["content-type"]).toBe("application/x-www-form-urlencoded");
    expect(body.get("mac")).toBe("08:00:27:aa:bb:01");
    expect(body.get("host")).toBe("base");
    expect(body.get("bootId")).toMatch(/^[0-9a-f-]{36}$/);
  });

  it("brings the end of a log, signs and all, and the token of it not", async () => {
    const log = join(folder, "log");
    const told = `100% of a&b=c+d; "é" <${TOKEN}>\nsecond line`;
    writeFileSync(log, `${"early\n".repeat(10_000)}${told}\n`);
    expect(await report("curl", "failed", log)).toBe(0);
    const detail = posts[0]?.body.get("detail") ?? "";
    expect(detail).toContain(told.replace(TOKEN, "***"));
    expect(detail.length).toBeLessThanOrEqual(16384);
  });

  it("is told again when the server was busy", async () => {
    refuse = 1;
    expect(await report("curl", "installed")).toBe(0);
    expect(posts).toHaveLength(2);
  }, 15_000);
});
