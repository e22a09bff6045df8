import type { Duplex } from "node:stream";
import type { Channel, Client, ClientChannel } from "ssh2";
import { DeadlineError } from "../core/errors";
import { ChannelStream } from "./channel-stream";
import { type Opening, openChannel, openSession } from "./channels";
import type { Clock } from "./clock";
import { Command, type ExecResult, followed, killArgv } from "./command";
import { SshError } from "./errors";
import { within } from "./limits";
import { quoteArgv } from "./quote";
import { SessionSlots } from "./session-slots";
import { type FileOptions, SftpFiles } from "./sftp";

export interface ExecOptions {
  /** Sent to the command's standard input, which then ends. The only way for a secret to get there. */
  stdin?: string | Uint8Array;
  /** Seconds the command may take; then it is told to end, killed 2 s later, and the call rejects at once. */
  deadlineS: number;
  signal?: AbortSignal;
  /** Bytes of stdout and of stderr that are kept; more is an error. @default 16 MiB each */
  maxOutputBytes?: number;
  /** Gets stderr as it comes. */
  onStderr?: (text: string) => void;
}

/** How long a command that was told to end may take before it is killed outright. */
const KILL_AFTER_MS = 2_000;
/** A server that does not answer "open a channel" within this time is taken for dead. */
const OPEN_DEADLINE_S = 30;

/** One logged-in connection. Everything on it rejects at once, with the reason, when the link breaks. */
export class SshConnection {
  /** The host as messages name it. */
  readonly target: string;
  /** The public key that we are logged in with, `ssh-ed25519 AAAA…`. */
  readonly loginKey: string | undefined;
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #release: () => Promise<void>;
  readonly #ended = new AbortController();
  readonly #gone: Promise<void>;
  readonly #slots = new SessionSlots();
  readonly #files: SftpFiles;

  /** For `connectSsh`. `release` closes what carries this connection, and may be called twice. */
  constructor(target: string, client: Client, clock: Clock, release: () => Promise<void>, loginKey?: string) {
    this.target = target;
    this.loginKey = loginKey;
    this.#client = client;
    this.#clock = clock;
    this.#release = release;
    this.#files = new SftpFiles(target, client, clock, this.ended);
    const lose = (cause?: Error) => {
      if (this.ended.aborted) return;
      const why = cause ? `: ${cause.message}` : "";
      this.#ended.abort(new SshError(target, "lost", `the SSH connection broke${why}.`, { cause }));
      client.destroy();
      void release();
    };
    client.on("error", lose);
    client.on("end", () => lose());
    this.#gone = new Promise((resolve) => {
      client.on("close", () => {
        lose();
        resolve();
      });
    });
  }

  /** Aborts, with the reason, when the connection breaks or is closed. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  /**
   * Run a program there and wait for it. A non-zero exit is a result, not an error. `argv` is quoted for the login
   * shell, so that no word of it is ever interpreted; other users there can see it, so it must hold no secret.
   */
  async exec(argv: readonly string[], options: ExecOptions): Promise<ExecResult> {
    const line = followed(argv);
    const name = argv[0] ?? "";
    const { deadlineS, stdin, maxOutputBytes = 16 * 1024 * 1024 } = options;
    const late = () =>
      new DeadlineError(
        `${this.target}: "${name}" did not end within ${deadlineS} s and was stopped. Look there for what holds it up, or give it longer.`,
      );
    const limits = { clock: this.#clock, deadlineS, late, signals: [options.signal, this.ended] };
    return within(limits, async (signal) => {
      const leave = await this.#slots.enter(signal);
      const start = (channel: ClientChannel) => {
        const { onStderr } = options;
        if (onStderr) channel.stderr.on("data", (chunk: Buffer) => onStderr(chunk.toString("utf8")));
        return new Command(this.target, name, channel, stdin, maxOutputBytes);
      };
      try {
        const opening: Opening<ClientChannel> = {
          target: this.target,
          what: `run "${name}"`,
          signal,
          ask: (done) => this.#client.exec(line, done),
          drop: (channel) => this.#stop(start(channel), channel),
        };
        const command = await openSession(opening, this.#clock, (channel) => {
          const begun = start(channel);
          const stop = () => this.#stop(begun, channel);
          signal.addEventListener("abort", stop, { once: true });
          begun.result
            .catch((error: unknown) => {
              if (!(error instanceof SshError && error.reason === "lost")) stop();
            })
            .finally(() => signal.removeEventListener("abort", stop));
          return begun;
        });
        return await command.result;
      } finally {
        leave();
      }
    });
  }

  /**
   * Run a program there with its standard input and output as a stream. When it ends badly, the stream is destroyed
   * with an error that holds the last of its stderr.
   */
  async execDuplex(argv: readonly string[], options: { signal?: AbortSignal } = {}): Promise<Duplex> {
    const command = quoteArgv(argv);
    const name = argv[0] ?? "";
    return this.#stream(
      `run "${name}"`,
      options.signal,
      (done) => this.#client.exec(command, done),
      (channel: ClientChannel) => {
        let stderr = "";
        let how = "ended without a status";
        channel.stderr.on("data", (chunk: Buffer) => {
          stderr = (stderr + chunk.toString("utf8")).slice(-2_000);
        });
        channel.on("exit", (code: number | null, signal?: string) => {
          how = code === null ? `was ended by ${signal}` : code === 0 ? "" : `exited with ${code}`;
        });
        return () =>
          how === ""
            ? undefined
            : new SshError(this.target, "channel", `"${name}" ${how}: ${stderr.trim() || "it said nothing"}`);
      },
    );
  }

  /** Connect to a unix socket there (`direct-streamlocal@openssh.com`). */
  openUnixSocket(path: string, options: { signal?: AbortSignal } = {}): Promise<Duplex> {
    return this.#stream(`reach the socket ${path}`, options.signal, (done) =>
      this.#client.openssh_forwardOutStreamLocal(path, done),
    );
  }

  /** Connect to a TCP port as seen from there; this is what makes the host a bastion. */
  openTcp(host: string, port: number, options: { signal?: AbortSignal } = {}): Promise<Duplex> {
    return this.#stream(`reach ${host}:${port} from there`, options.signal, (done) =>
      this.#client.forwardOut("127.0.0.1", 0, host, port, done),
    );
  }

  /**
   * Replace a file there as a whole: the name holds either the old content or all of the new, and at no moment can
   * anyone read it whom `mode` shuts out.
   */
  writeFile(path: string, content: string | Uint8Array, mode: number, options?: FileOptions): Promise<void> {
    return this.#files.write(path, content, mode, options);
  }

  /** Undefined when there is no such file. */
  readFile(path: string, options?: FileOptions): Promise<Buffer | undefined> {
    return this.#files.read(path, options);
  }

  /** Remove a file there; gone already is success. */
  removeFile(path: string, options?: FileOptions): Promise<void> {
    return this.#files.remove(path, options);
  }

  /** End the connection and what carries it. What still runs on it rejects. */
  async close(): Promise<void> {
    if (!this.ended.aborted) {
      this.#ended.abort(new SshError(this.target, "lost", "the SSH connection was closed."));
      this.#client.end();
    }
    const cancel = this.#clock.timer(1_000, () => this.#client.destroy());
    await this.#gone;
    cancel();
    await this.#release();
  }

  /** Tell a command that nobody waits for any more to end, kill it 2 s later, and close its channel. */
  #stop(command: Command, channel: ClientChannel): void {
    command.result.catch(() => undefined);
    const finish = () => {
      cancel();
      this.ended.removeEventListener("abort", finish);
      channel.close();
    };
    const cancel = this.#clock.timer(KILL_AFTER_MS, () => {
      if (command.pid === undefined) finish();
      else this.#kill("KILL", command.pid, finish);
    });
    this.ended.addEventListener("abort", finish);
    void command.closed.then(finish);
    // It may have only just begun.
    void command.started.then((pid) => this.#kill("TERM", pid, () => {}));
  }

  /** Best effort: a server without a free session cannot be told. */
  #kill(signal: "TERM" | "KILL", pid: number, done: () => void): void {
    try {
      this.#client.exec(quoteArgv(killArgv(signal, pid)), (error, channel) => {
        if (error) return done();
        channel.stderr.resume();
        return channel.on("close", done).resume().end();
      });
    } catch {
      done();
    }
  }

  /** `failure` is given for programs: it tells, once the channel is closed, whether that was a bad end. */
  #stream<C extends Channel>(
    what: string,
    outer: AbortSignal | undefined,
    ask: Opening<C>["ask"],
    failure?: (channel: C) => () => Error | undefined,
  ): Promise<Duplex> {
    const late = () =>
      new SshError(this.target, "timeout", `cannot ${what}: no answer within ${OPEN_DEADLINE_S} s.`);
    const take = (channel: C) => {
      const stream = new ChannelStream(channel, failure?.(channel));
      const stop = () => stream.destroy(this.ended.reason);
      this.ended.addEventListener("abort", stop);
      stream.on("close", () => this.ended.removeEventListener("abort", stop));
      return stream;
    };
    const limits = { clock: this.#clock, deadlineS: OPEN_DEADLINE_S, late, signals: [outer, this.ended] };
    return within<Duplex>(limits, (signal) => {
      const opening = { target: this.target, what, signal, ask, drop: (channel: C) => channel.close() };
      return failure ? openSession(opening, this.#clock, take) : openChannel(opening, take);
    });
  }
}
