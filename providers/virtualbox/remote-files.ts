import * as path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { BackendError } from "../core/errors";
import type { SshConnection } from "../ssh/client";
import type { CallOptions, PutOptions } from "./client";
import { DEFAULT_MODE, type HostFiles, partOf } from "./files";
import type { RemoteLink } from "./remote-link";

const DEADLINE_S = 60;
/** Written by `cat`, whose channel keeps its window full; SFTP waits for an answer after each 32 kB. */
const WRITE = 'umask 077; rm -f -- "$1"; set -C; cat > "$1" && chmod "$2" "$1"';
const MISSING = 44;

/** Files of a POSIX host that is reached over SSH. */
export function remoteFiles(label: string, link: RemoteLink): HostFiles {
  /** A small script there; undefined when it says that the file is missing. */
  const script = (what: string, text: string, words: readonly string[], options: CallOptions = {}) =>
    link.use(async (connection) => {
      const result = await connection.exec(["sh", "-c", text, "sh", ...words], {
        deadlineS: DEADLINE_S,
        ...(options.signal && { signal: options.signal }),
      });
      if (result.code === MISSING) return undefined;
      if (result.code !== 0) throw new BackendError(`${label}: cannot ${what}: ${result.stderr.trim()}`);
      return result.stdout;
    });

  return {
    put: (file, content, options = {}) =>
      link.use(async (connection) => {
        const part = partOf(file);
        try {
          await write(connection, part, content, options);
          const moved = await connection.exec(["mv", "-f", "--", part, file], { deadlineS: DEADLINE_S });
          if (moved.code !== 0) throw new Error(moved.stderr.trim());
        } catch (cause) {
          await connection.removeFile(part).catch(() => undefined);
          options.signal?.throwIfAborted();
          throw new BackendError(
            `${label}: ${file} cannot be written: ${(cause as Error).message} Is there room, and may this user write there?`,
            { cause },
          );
        }
      }),
    read: (file, options = {}) => link.use((connection) => connection.readFile(file, options)),
    size: async (file, options) => {
      const said = await script(
        `look at ${file}`,
        `[ -e "$1" ] || exit ${MISSING}; wc -c < "$1"`,
        [file],
        options,
      );
      return said === undefined ? undefined : Number(said);
    },
    list: async (folder, options) => {
      const text = `[ -d "$1" ] || exit ${MISSING}; ls -A1 -- "$1"`;
      const said = await script(`look into ${folder}`, text, [folder], options);
      return (said ?? "").split("\n").filter((name) => name !== "");
    },
    remove: async (file, options) => {
      await script(`remove ${file}`, 'rm -f -- "$1"', [file], options);
    },
    makeFolder: async (folder, options) => {
      await script(`make ${folder}`, 'umask 077; mkdir -p -- "$1"', [folder], options);
    },
    removeEmptyFolder: async (folder, options) => {
      const text = '[ -d "$1" ] || exit 0; [ -n "$(ls -A -- "$1")" ] || rmdir -- "$1"';
      await script(`remove ${folder}`, text, [folder], options);
    },
    isDevice: async (file, options) => {
      const said = await script(`look at ${file}`, `[ -c "$1" ] || exit ${MISSING}`, [file], options);
      return said !== undefined;
    },
    join: path.posix.join,
  };
}

async function write(
  connection: SshConnection,
  part: string,
  content: Uint8Array | string | Readable,
  options: PutOptions,
): Promise<void> {
  const { mode = DEFAULT_MODE, onProgress, signal } = options;
  const source = content instanceof Readable ? content : Readable.from([Buffer.from(content)]);
  const sink = await connection.execDuplex(
    ["sh", "-c", WRITE, "sh", part, mode.toString(8)],
    signal ? { signal } : {},
  );
  const ended = new Promise<void>((resolve, reject) => {
    sink.once("error", reject);
    sink.once("end", resolve);
  });
  sink.resume();
  let written = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      yield chunk;
      written += chunk.length;
      onProgress?.(written);
    }
  };
  await Promise.all([pipeline(source, counted, sink, { end: true, ...(signal && { signal }) }), ended]);
}
