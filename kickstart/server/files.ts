import { createHash, randomBytes } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { access, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import * as path from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { InstallerFile } from "../../providers/boot/build";
import { LabError } from "../../providers/core/errors";
import { isAlive } from "../../providers/core/processes";
import { checksumIn, checksumPlaces } from "./mirror-checksum";

export interface FetchOptions {
  /** The boot server's folder; files are kept in `files/` in it, by their checksum. */
  folder: string;
  /** How messages name the file: `rocky9: kernel`. */
  name: string;
  signal?: AbortSignal;
  /** Bytes so far; `total` when the mirror says it. */
  onProgress?: (bytes: number, total: number | undefined) => void;
  /** Seconds without a byte until a mirror counts as silent. @default 60 */
  silenceS?: number;
}

export interface FetchedFile {
  path: string;
  /** `sha256:…` or `sha512:…`, checked. */
  checksum: string;
  /** Where the checksum is from: the config, or the mirror's own list at this URL. */
  from: "config" | string;
}

const MOST_LIST_BYTES = 4 << 20;

/** One file is fetched once, also when two images ask for it at the same time. */
const underWay = new Map<string, Promise<string>>();

/**
 * A file of the installer as a path on this machine. Of a URL it is the copy in the cache, which is there only when it
 * is whole and its checksum is right; a path is used as it is, once its checksum was checked.
 */
export async function fetchInstallerFile(file: InstallerFile, options: FetchOptions): Promise<FetchedFile> {
  const { name, folder } = options;
  if (file.checksum !== undefined && !/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(file.checksum))
    throw new LabError(
      `${name}: "${file.checksum}" is no checksum: want sha256:<64 hex digits> or sha512:<128>`,
    );
  if ("path" in file.source) return checkedPath(file.source.path, file.checksum, options);

  const { url } = file.source;
  const { username, password } = new URL(url);
  if (username || password)
    throw new LabError(
      `${name}: the mirror's URL may hold no user or password: it is in the state, and in messages`,
    );
  const known = file.checksum ? { checksum: file.checksum, from: "config" } : await askMirror(url, options);
  const target = path.join(folder, "files", known.checksum.replace(/^.*:/, ""));
  const present = await access(target).then(
    () => true,
    () => false,
  );
  if (!present) {
    await downloadOnce(url, known.checksum, target, options);
  }
  return { path: target, ...known };
}

async function downloadOnce(
  url: string,
  checksum: string,
  target: string,
  options: FetchOptions,
): Promise<void> {
  const others = underWay.get(target);
  if (others) {
    const failed = await Promise.race([
      others.then(
        () => false,
        () => true,
      ),
      ...(options.signal ? [aborted(options.signal)] : []),
    ]);
    // It may have been cut off on its own behalf: that is none of ours.
    if (failed) await downloadOnce(url, checksum, target, options);
    return;
  }
  const ours = download(url, checksum, target, options);
  underWay.set(target, ours);
  await ours.finally(() => underWay.delete(target));
}

async function checkedPath(
  file: string,
  wanted: string | undefined,
  { name, signal }: FetchOptions,
): Promise<FetchedFile> {
  const kind = wanted?.startsWith("sha512") ? "sha512" : "sha256";
  const hash = createHash(kind);
  try {
    await pipeline(createReadStream(file), hash, { ...(signal && { signal }) });
  } catch (cause) {
    signal?.throwIfAborted();
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LabError(`${name}: cannot read ${file}: ${why}`, { cause });
  }
  const checksum = `${kind}:${hash.digest("hex")}`;
  if (wanted !== undefined && wanted !== checksum)
    throw new LabError(
      `${name}: ${file} is not the file that the config means: it has ${checksum}, not ${wanted}`,
    );
  return { path: path.resolve(file), checksum, from: "config" };
}

/** The mirror's own word for the file. Without one there is nothing to check a download by, so there is none. */
async function askMirror(url: string, options: FetchOptions): Promise<{ checksum: string; from: string }> {
  for (const place of checksumPlaces(url)) {
    const text = await smallText(place.url, options);
    const checksum = text === undefined ? undefined : checksumIn(place.list, text, place.name);
    if (checksum !== undefined) return { checksum, from: place.url };
  }
  throw new LabError(
    `${options.name}: the mirror lists no checksum of ${url} (no .treeinfo or SHA256SUMS near it names it). Fetch it once, compare it with what the distribution publishes, and put the line "checksum: sha256:<hex>" beside its url.`,
  );
}

async function smallText(url: string, options: FetchOptions): Promise<string | undefined> {
  const answer = await get(url, options);
  try {
    if (!answer.ok || Number(answer.headers.get("content-length") ?? 0) > MOST_LIST_BYTES) return undefined;
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > MOST_LIST_BYTES) return undefined;
    }
    return text;
  } finally {
    await answer.body?.cancel().catch(() => {});
  }
}

async function get(
  url: string,
  { name, signal, silenceS = 60 }: FetchOptions,
  limit = new AbortController(),
) {
  const timer = setTimeout(() => limit.abort(silent(name, url, silenceS)), silenceS * 1_000);
  const signals = [limit.signal, ...(signal ? [signal] : [])];
  try {
    return await fetch(url, { signal: AbortSignal.any(signals), redirect: "follow" });
  } catch (cause) {
    throw unreachable(name, url, cause, signal);
  } finally {
    clearTimeout(timer);
  }
}

async function download(
  url: string,
  checksum: string,
  target: string,
  options: FetchOptions,
): Promise<string> {
  const { name, onProgress, silenceS = 60, signal } = options;
  const folder = path.dirname(target);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await sweep(folder);
  const part = `${target}.part-${process.pid}-${randomBytes(4).toString("hex")}`;
  const limit = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => limit.abort(silent(name, url, silenceS)), silenceS * 1_000);
  };
  try {
    const answer = await get(url, options, limit);
    if (!answer.ok || !answer.body) {
      await answer.body?.cancel();
      throw new LabError(
        `${name}: ${url} answered ${answer.status} ${answer.statusText}. Is the mirror's path right?`,
      );
    }
    const total = Number(answer.headers.get("content-length") ?? Number.NaN);
    const hash = createHash(checksum.startsWith("sha512") ? "sha512" : "sha256");
    let bytes = 0;
    const count = new Transform({
      transform(chunk: Buffer, _, done) {
        alive();
        hash.update(chunk);
        bytes += chunk.length;
        onProgress?.(bytes, Number.isNaN(total) ? undefined : total);
        done(undefined, chunk);
      },
    });
    alive();
    try {
      await pipeline(answer.body, count, createWriteStream(part, { mode: 0o600, flags: "wx" }));
    } catch (cause) {
      throw unreachable(name, url, cause, signal);
    }
    const got = `${checksum.replace(/:.*/, "")}:${hash.digest("hex")}`;
    if (got !== checksum)
      throw new LabError(
        `${name}: ${url} is not what it should be: it has ${got}, expected ${checksum}. A new point release has new files: check the release's own list, then change the checksum.`,
      );
    const handle = await open(part, "r");
    await handle.sync().finally(() => handle.close());
    await rename(part, target);
    return target;
  } finally {
    clearTimeout(timer);
    await rm(part, { force: true });
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** What killed processes left half-way. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = Number(/\.part-(\d+)-/.exec(name)?.[1] ?? Number.NaN);
    if (!Number.isNaN(pid) && !isAlive(pid)) await rm(path.join(folder, name), { force: true });
  }
}

const silent = (name: string, url: string, seconds: number) =>
  new LabError(`${name}: ${url} sent nothing for ${seconds} s. Is the mirror up, and reachable from here?`);

function unreachable(name: string, url: string, cause: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted) return signal.reason;
  if (cause instanceof LabError) return cause;
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return new LabError(
    `${name}: ${url} could not be fetched: ${inner instanceof Error ? inner.message : String(inner)}`,
    {
      cause,
    },
  );
}
