import { createWriteStream } from "node:fs";
import * as fs from "node:fs/promises";
import * as path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { LabError } from "../core/errors";
import type { PutOptions } from "./client";
import { DEFAULT_MODE, type HostFiles, partOf } from "./files";

const isMissing = (error: unknown): boolean =>
  ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");

/** The answer, or undefined where there is no such file. */
async function unlessMissing<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Files of this machine. */
export const localFiles: HostFiles = {
  async put(file, content, options = {}) {
    const part = partOf(file);
    try {
      await fs.rm(part, { force: true });
      await write(part, content, options);
      await fs.rename(part, file);
    } catch (cause) {
      await fs.rm(part, { force: true }).catch(() => undefined);
      const { code } = cause as NodeJS.ErrnoException;
      if (code === undefined || !/^E[A-Z]+$/.test(code)) throw cause;
      throw new LabError(
        `${file} cannot be written (${code}). Is there room, and may this user write there?`,
        { cause },
      );
    }
  },
  read: (file) => unlessMissing(fs.readFile(file)),
  size: async (file) => (await unlessMissing(fs.stat(file)))?.size,
  list: async (folder) => (await unlessMissing(fs.readdir(folder))) ?? [],
  remove: (file) => fs.rm(file, { force: true }),
  makeFolder: async (folder) => {
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
  },
  removeEmptyFolder: async (folder) => {
    await fs.rmdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (!isMissing(error) && error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  },
  isDevice: async (file) => (await unlessMissing(fs.stat(file)))?.isCharacterDevice() ?? false,
  join: path.join,
};

async function write(
  part: string,
  content: Uint8Array | string | Readable,
  options: PutOptions,
): Promise<void> {
  const { mode = DEFAULT_MODE, onProgress, signal } = options;
  const source = content instanceof Readable ? content : Readable.from([Buffer.from(content)]);
  let written = 0;
  // `wx` never follows a link that someone put there.
  const target = createWriteStream(part, { flags: "wx", mode, flush: true });
  await pipeline(
    source,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        yield chunk;
        written += chunk.length;
        onProgress?.(written);
      }
    },
    target,
    ...(signal ? [{ signal }] : []),
  );
}
