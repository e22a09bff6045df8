import type { Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";

/** What is read ahead for one client: two hundred of them must fit. */
const CHUNK_BYTES = 64 << 10;

/**
 * Send a file, or the one range of it that was asked for, no faster than the client takes it. Resolves with what was
 * sent; undefined when nothing was (HEAD, a bad range), or when the client went away.
 */
export async function sendFile(
  file: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<{ bytes: number; ms: number } | undefined> {
  const started = performance.now();
  const handle = await open(file, "r");
  try {
    const stats = await handle.stat();
    const etag = `"${stats.size.toString(16)}-${Math.floor(stats.mtimeMs).toString(16)}"`;
    const wanted = rangeOf(request, stats, etag);
    const headers = {
      "content-type": "application/octet-stream",
      "accept-ranges": "bytes",
      "last-modified": stats.mtime.toUTCString(),
      etag,
    };
    if (wanted === "none") {
      response
        .writeHead(416, { ...headers, "content-range": `bytes */${stats.size}`, "content-length": 0 })
        .end();
      return undefined;
    }
    const { from, to } = wanted ?? { from: 0, to: stats.size - 1 };
    response.writeHead(wanted ? 206 : 200, {
      ...headers,
      "content-length": to - from + 1,
      ...(wanted && { "content-range": `bytes ${from}-${to}/${stats.size}` }),
    });
    if (request.method === "HEAD" || to < from) {
      response.end();
      return undefined;
    }
    return (await stream(handle, from, to, response))
      ? { bytes: to - from + 1, ms: performance.now() - started }
      : undefined;
  } finally {
    await handle.close();
  }
}

/** Through one buffer, filled again when it is with the kernel: nothing piles up, however many take however little. */
async function stream(
  handle: FileHandle,
  start: number,
  end: number,
  response: ServerResponse,
): Promise<boolean> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, end - start + 1));
  for (let at = start; at <= end; ) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end + 1 - at), at);
    if (bytesRead === 0) throw new Error("the file got shorter while it was sent");
    // Switched off, or it had enough: iPXE closes like this.
    if (!(await written(response, buffer.subarray(0, bytesRead)))) return false;
    at += bytesRead;
  }
  response.end();
  return true;
}

/** False when the client is gone. */
function written(response: ServerResponse, chunk: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const gone = () => resolve(false);
    response.once("close", gone);
    response.write(chunk, (error) => {
      response.off("close", gone);
      resolve(!error);
    });
  });
}

/** One range (RFC 9110, 14.2). Several at once, and what is no range, get the whole file, as the RFC allows. */
function rangeOf(
  request: IncomingMessage,
  { size }: Stats,
  etag: string,
): { from: number; to: number } | "none" | undefined {
  const { range } = request.headers;
  const condition = request.headers["if-range"];
  if (range === undefined || (condition !== undefined && condition !== etag)) return undefined;
  const found = /^bytes=(\d*)-(\d*)$/.exec(range.trim());
  const [, first = "", last = ""] = found ?? [];
  if (!found || (first === "" && last === "")) return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    return length === 0 ? "none" : { from: size - length, to: size - 1 };
  }
  const from = Number(first);
  if (last !== "" && Number(last) < from) return undefined;
  return from >= size ? "none" : { from, to: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}
