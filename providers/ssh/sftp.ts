import type { Client, SFTPWrapper } from "ssh2";
import { DeadlineError } from "../core/errors";
import { openSession } from "./channels";
import type { Clock } from "./clock";
import { SshError } from "./errors";
import { within } from "./limits";

export interface FileOptions {
  /** Seconds. @default 60 */
  deadlineS?: number;
  signal?: AbortSignal;
}

/** SFTP status codes, draft-ietf-secsh-filexfer-02 section 7. */
const NO_SUCH_FILE = 2;
/** Every server takes packets of this size. */
const CHUNK_BYTES = 32_000;

/** Files on the far side, over one SFTP session that is opened when first needed. */
export class SftpFiles {
  readonly #target: string;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #ended: AbortSignal;
  #session: Promise<SFTPWrapper> | undefined;

  constructor(target: string, client: Client, clock: Clock, ended: AbortSignal) {
    this.#target = target;
    this.#client = client;
    this.#clock = clock;
    this.#ended = ended;
  }

  write(path: string, content: string | Uint8Array, mode: number, options: FileOptions = {}): Promise<void> {
    const bytes = Buffer.from(content);
    // A fixed name: what a killed run left behind is replaced by the next.
    const part = `${path}.labplan-part`;
    return this.#run(`write ${path}`, options, async (sftp, signal) => {
      await removeFile(sftp, part);
      // `wx` never follows a link that someone put there.
      const handle = await call<Buffer>((done) => sftp.open(part, "wx", { mode }, done));
      try {
        // The mode given to open went through the server's umask.
        await call((done) => sftp.fchmod(handle, mode, done));
        for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
          signal.throwIfAborted();
          const length = Math.min(CHUNK_BYTES, bytes.length - at);
          await call((done) => sftp.write(handle, bytes, at, length, at, done));
        }
        await call((done) => sftp.close(handle, done));
        signal.throwIfAborted();
        await replace(sftp, part, path);
      } catch (error) {
        await removeFile(sftp, part).catch(() => undefined);
        throw error;
      }
    });
  }

  read(path: string, options: FileOptions = {}): Promise<Buffer | undefined> {
    return this.#run(`read ${path}`, options, (sftp) =>
      call<Buffer>((done) => sftp.readFile(path, done)).catch((error: unknown) => {
        if (isMissing(error)) return undefined;
        throw error;
      }),
    );
  }

  remove(path: string, options: FileOptions = {}): Promise<void> {
    return this.#run(`remove ${path}`, options, (sftp) => removeFile(sftp, path));
  }

  async #run<T>(
    what: string,
    options: FileOptions,
    work: (sftp: SFTPWrapper, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { deadlineS = 60 } = options;
    const late = () => {
      // What is stuck is not used again.
      void this.#session?.then(
        (sftp) => sftp.end(),
        () => undefined,
      );
      this.#session = undefined;
      return new DeadlineError(
        `${this.#target}: could not ${what} within ${deadlineS} s. Is its disk or network stuck?`,
      );
    };
    const limits = { clock: this.#clock, deadlineS, late, signals: [options.signal, this.#ended] };
    try {
      return await within(limits, async (signal) => work(await this.#open(), signal));
    } catch (error) {
      if (!isStatus(error)) throw error;
      const hint = isMissing(error) ? " Does its folder exist?" : "";
      throw new SshError(this.#target, "channel", `cannot ${what}: ${error.message}.${hint}`, {
        cause: error,
      });
    }
  }

  #open(): Promise<SFTPWrapper> {
    this.#session ??= openSession<SFTPWrapper, SFTPWrapper>(
      {
        target: this.#target,
        what: "open SFTP",
        signal: this.#ended,
        ask: (done) => this.#client.sftp(done),
        drop: (sftp) => sftp.end(),
      },
      this.#clock,
      (sftp) => {
        const forget = () => {
          this.#session = undefined;
        };
        sftp.on("close", forget);
        sftp.on("error", forget);
        return sftp;
      },
    ).catch((error: unknown) => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }
}

async function removeFile(sftp: SFTPWrapper, path: string): Promise<void> {
  await call((done) => sftp.unlink(path, done)).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

/** SFTP's own rename refuses a taken name; OpenSSH's extension replaces it in one step. */
async function replace(sftp: SFTPWrapper, from: string, to: string): Promise<void> {
  try {
    await call((done) => sftp.ext_openssh_rename(from, to, done));
  } catch (error) {
    if (!(error instanceof Error) || !/does not support/.test(error.message)) throw error;
    await removeFile(sftp, to);
    await call((done) => sftp.rename(from, to, done));
  }
}

/** An abort has a number for its code too, and is no answer of the server's. */
const isStatus = (error: unknown): error is Error & { code: number } =>
  error instanceof Error &&
  !(error instanceof DOMException) &&
  "code" in error &&
  typeof error.code === "number";

const isMissing = (error: unknown): boolean => isStatus(error) && error.code === NO_SUCH_FILE;

type Done<T> = (error: Error | null | undefined, value: T) => void;

function call<T = void>(ask: (done: Done<T>) => unknown): Promise<T> {
  return new Promise((resolve, reject) => ask((error, value) => (error ? reject(error) : resolve(value))));
}
