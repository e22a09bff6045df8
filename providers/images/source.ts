import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { LabError } from "../core/errors";
import { HEADER_BYTES } from "./header";

/** An open source of known length. */
export interface Source {
  /** Path or URL, without the credentials that a URL may hold. */
  label: string;
  length: number;
  stream: Readable;
}

export type SourceRef = { path: string } | { url: string };

/** Without user, password and query: those may be secrets. */
export function labelOf(source: SourceRef): string {
  if ("path" in source) return source.path;
  try {
    const { protocol, host, pathname } = new URL(source.url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return "the URL";
  }
}

/** Open a file or an http(s) address. Its length is told before its first byte. */
export async function openSource(source: SourceRef, signal: AbortSignal): Promise<Source> {
  const label = labelOf(source);
  return "path" in source ? openFile(source.path, label) : openUrl(source.url, label, signal);
}

async function openFile(path: string, label: string): Promise<Source> {
  const found = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new LabError(`${label} cannot be read: ${cause.code}. Is the path right on this machine?`, {
      cause,
    });
  });
  if (!found.isFile()) throw new LabError(`${label} is not a file`);
  return { label, length: found.size, stream: createReadStream(path, { highWaterMark: 1 << 20 }) };
}

async function openUrl(url: string, label: string, signal: AbortSignal): Promise<Source> {
  const { address, authorization } = credentialsOf(url);
  // `identity`: a compressed answer would have another length than what arrives.
  const headers = { "accept-encoding": "identity", ...(authorization ? { authorization } : {}) };
  const answer = await fetch(address, { signal, headers }).catch((cause: Error) => {
    throw new LabError(`${label} cannot be fetched: ${reasonOf(cause)}`, { cause });
  });
  const length = Number(answer.headers.get("content-length") ?? Number.NaN);
  if (!answer.ok || !answer.body || !Number.isSafeInteger(length)) {
    await answer.body?.cancel();
    throw new LabError(
      answer.ok
        ? `${label} does not tell its length; download it and give its "path:"`
        : `${label} cannot be fetched: the server answered ${answer.status}`,
    );
  }
  return { label, length, stream: Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]) };
}

/** fetch takes no user and password in a URL, and would print them in its refusal. */
function credentialsOf(text: string): { address: string; authorization?: string } {
  if (!URL.canParse(text)) return { address: text };
  const url = new URL(text);
  const { username, password } = url;
  if (username === "" && password === "") return { address: text };
  url.username = "";
  url.password = "";
  const pair = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  return { address: url.href, authorization: `Basic ${pair.toString("base64")}` };
}

/** fetch hides what happened one level down. */
const reasonOf = (error: Error): string =>
  error.cause instanceof Error && error.cause.message ? error.cause.message : error.message;

export interface Checked {
  stream: Readable;
  /** Throws unless all that passed has the checksum and the length. Call it when the stream has ended. */
  verify(): void;
}

/** What breaks off says of what. */
async function* readable({ stream, label, length }: Source): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (cause) {
    throw new LabError(
      `${label} broke off before its ${length} bytes were read: ${reasonOf(cause as Error)}. Run "pulumi up" again.`,
      { cause },
    );
  }
}

/**
 * Pass a source through while its checksum is computed (`sha256:<hex>` or `sha512:<hex>`); `onHeader` sees its first
 * bytes before any is passed on, and may throw.
 */
export function checked(
  source: Source,
  checksum: string | undefined,
  onHeader: (header: Buffer) => void,
): Checked {
  const [algorithm = "sha256", wanted] = (checksum ?? "").toLowerCase().split(":");
  const hash = wanted === undefined ? undefined : createHash(algorithm);
  let passed = 0;
  let held: Buffer | undefined = Buffer.alloc(0);
  const counted = (chunk: Buffer): Buffer => {
    passed += chunk.length;
    hash?.update(chunk);
    return chunk;
  };
  /** Pulled by the reader, so that nothing can go wrong before somebody listens. */
  async function* pieces(): AsyncGenerator<Buffer> {
    for await (const piece of readable(source)) {
      const chunk = Buffer.from(piece as Uint8Array);
      if (!held) {
        yield counted(chunk);
        continue;
      }
      held = Buffer.concat([held, chunk]);
      if (held.length < HEADER_BYTES) continue;
      onHeader(held);
      yield counted(held);
      held = undefined;
    }
    if (!held) return;
    onHeader(held);
    yield counted(held);
  }
  // An error before the first read is told by that read.
  source.stream.on("error", () => {});
  return {
    stream: Readable.from(pieces()),
    verify() {
      if (passed !== source.length)
        throw new LabError(
          `${source.label} ended after ${passed} of ${source.length} bytes; run "pulumi up" again to fetch it anew`,
        );
      const found = hash?.digest("hex");
      if (found !== wanted)
        throw new LabError(
          `${source.label}: its checksum is ${algorithm}:${found}, the config says ${checksum}. The download is damaged, or the image was changed: compare with the publisher's list.`,
        );
    },
  };
}
