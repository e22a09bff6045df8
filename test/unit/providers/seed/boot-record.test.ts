import { execFile, execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { bootRecordData, tokenIn } from "../../../../providers/seed/boot-record";

const run = promisify(execFile);
const token = "0123456789abcdef0123456789abcdef";
const inPath = (name: string): string | undefined => {
  try {
    // The system's own: a version manager's shim needs a PATH of its own.
    const env = { PATH: "/usr/bin:/bin" };
    return execFileSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8", env }).trim();
  } catch {
    return undefined;
  }
};

interface Call {
  path: string | undefined;
  method: string | undefined;
  authorization: string | undefined;
  body: Record<string, string>;
}

describe("the script that calls home", () => {
  let folder: string;
  let server: Server;
  let url: string;
  let calls: Call[];
  let answers: number[];

  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(tmpdir(), "labplan-booted-"));
    calls = [];
    answers = [];
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const { url: at, method, headers } = request;
        const body = JSON.parse(Buffer.concat(chunks).toString());
        calls.push({ path: at, method, authorization: headers.authorization, body });
        response.writeHead(answers.shift() ?? 204).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    fs.rmSync(folder, { recursive: true });
  });

  /** With nothing in the PATH but these, each of which writes down its arguments. */
  async function call(programs: string[]): Promise<string> {
    const script = bootRecordData({ url, token }).write_files[1]?.content ?? "";
    fs.writeFileSync(path.join(folder, "booted"), script, { mode: 0o755 });
    const seen = path.join(folder, "argv");
    for (const name of [...programs, "cat", "cut", "sed", "hostname", "sleep"]) {
      const real = inPath(name);
      if (!real) throw new Error(`no ${name} here`);
      fs.writeFileSync(
        path.join(folder, name),
        `#!/bin/sh\n${name === "sleep" ? "exit 0" : `echo "${name} $*" >> ${seen}\nexec ${real} "$@"`}\n`,
        { mode: 0o755 },
      );
    }
    const env = {
      PATH: folder,
      LABPLAN_BOOT_URL: url,
      LABPLAN_BOOT_TOKEN: token,
      http_proxy: "http://127.0.0.1:1",
    };
    await run("/bin/sh", [path.join(folder, "booted")], { env, timeout: 20_000 });
    return fs.readFileSync(seen, "utf8");
  }

  for (const program of ["curl", "python3", "wget"]) {
    it.skipIf(!inPath(program))(`tells boot id, cards and host key, by ${program}`, async () => {
      const argv = await call([program]);
      expect(calls).toHaveLength(1);
      const authorization = `Bearer ${token}`;
      expect(calls[0]).toMatchObject({ path: "/events/booted", method: "POST", authorization });
      const bootId = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
      expect(calls[0]?.body).toMatchObject({ bootId, hostKey: expect.any(String), mac: expect.any(String) });
      expect(argv).toContain(program);
      // Arguments are seen by every user of the machine. wget, the last resort, has no other way.
      if (program !== "wget") expect(argv).not.toContain(token);
    });
  }

  it("tries again until it is taken", async () => {
    answers = [503, 404];
    await call([inPath("curl") ? "curl" : "python3"]);
    expect(calls).toHaveLength(3);
  });

  it("gives up after some minutes without leaving a failed unit", async () => {
    answers = Array.from({ length: 1_000 }, () => 404);
    await call([inPath("curl") ? "curl" : "python3"]);
    expect(calls.length).toBeGreaterThan(20);
    expect(calls.length).toBeLessThan(100);
  });

  it("its token is read back from the file, and from nothing like it", () => {
    expect(tokenIn(bootRecordData({ url, token }).write_files[0]?.content ?? "")).toBe(token);
    expect(tokenIn("LABPLAN_BOOT_TOKEN=short\n")).toBeUndefined();
  });
});
