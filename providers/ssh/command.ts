import type { ClientChannel } from "ssh2";
import { SshError } from "./errors";
import { quoteArgv } from "./quote";

export interface ExecResult {
  /** Exit code; null when a signal ended the command. */
  code: number | null;
  /** `SIGKILL` … when a signal ended it. */
  signal?: string;
  stdout: string;
  stderr: string;
}

/**
 * Says its pid, then becomes the program. OpenSSH passes no signals on to commands of root (session.c:
 * "session signalling requires privilege separation"), so a command is ended by a second one that knows its pid.
 */
const SAY_PID = 'echo "labplan-pid:$$" >&2; exec "$@"';
const PID = /^labplan-pid:(\d+)\n/m;

/** The command line that runs `argv` so that `Command` can follow it. */
export const followed = (argv: readonly string[]): string => {
  const line = quoteArgv(argv);
  return `${quoteArgv(["sh", "-c", SAY_PID, "sh"])} ${line}`;
};

/** Sends a signal to the process group, which sshd makes for each command; to the process where it leads none. */
export const killArgv = (signal: "TERM" | "KILL", pid: number): string[] => [
  "sh",
  "-c",
  'kill -s "$1" -- "-$2" 2>/dev/null || kill -s "$1" "$2"',
  "sh",
  signal,
  `${pid}`,
];

/** A command under way: fed, and listened to until it ends. To be made as soon as its channel is open. */
export class Command {
  readonly result: Promise<ExecResult>;
  readonly closed: Promise<void>;
  /** Its pid, once it has said it; never, if it says none. */
  readonly started: Promise<number>;
  pid: number | undefined;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];

  constructor(
    target: string,
    name: string,
    channel: ClientChannel,
    stdin: string | Uint8Array | undefined,
    maxBytes: number,
  ) {
    this.closed = new Promise((resolve) => channel.on("close", () => resolve()));
    this.result = new Promise((resolve, reject) => {
      const keep = (parts: Buffer[]) => {
        let size = 0;
        return (chunk: Buffer) => {
          size += chunk.length;
          if (size <= maxBytes) parts.push(chunk);
          else reject(new SshError(target, "channel", `"${name}" wrote more than ${maxBytes} bytes.`));
        };
      };
      let end: { code: number | null; signal?: string } | undefined;
      channel.on("data", keep(this.#stdout));
      channel.stderr.on("data", keep(this.#stderr));
      channel.on("exit", (code: number | null, signal?: string) => {
        end = signal === undefined ? { code } : { code, signal };
      });
      channel.on("error", reject);
      channel.on("close", () => {
        if (end) {
          const stdout = Buffer.concat(this.#stdout).toString("utf8");
          resolve({ ...end, stdout, stderr: this.#errors().replace(PID, "") });
        } else {
          const message = `"${name}" ended without a status; whether it did its work is not known.`;
          reject(new SshError(target, "lost", message));
        }
      });
    });
    this.started = new Promise((resolve) => {
      channel.stderr.on("data", () => {
        if (this.pid !== undefined) return;
        const said = PID.exec(this.#errors())?.[1];
        if (said === undefined) return;
        this.pid = Number(said);
        resolve(this.pid);
      });
    });
    if (stdin === undefined) channel.end();
    else channel.end(Buffer.from(stdin));
  }

  #errors(): string {
    return Buffer.concat(this.#stderr).toString("utf8");
  }
}
