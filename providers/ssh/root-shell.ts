import { BackendError } from "../core/errors";
import type { ExecOptions, ExecResult } from "./client";
import { argvAs, type Executor, execAs } from "./sudo";

const DEADLINE_S = 60;

export interface ScriptOptions extends Partial<ExecOptions> {
  /** Who runs it. @default root */
  as?: string;
  /** A program that root begins, and that begins the script: `systemd-run --scope --`. @default none */
  within?: readonly string[];
  /** Exit codes that are answers, besides 0. */
  codes?: readonly number[];
}

/**
 * Runs POSIX scripts on a machine that we are logged in to, as root or as one of its users. Names and sizes are
 * words, contents and secrets are only ever standard input: words are seen by everybody there.
 */
export class RootShell {
  readonly #connection: Executor;
  readonly #login: string;

  constructor(connection: Executor, login: string) {
    this.#connection = connection;
    this.#login = login;
  }

  /** The machine as messages name it. */
  get target(): string {
    return this.#connection.target;
  }

  /** Whatever it answers is a result. The words are `$1` … */
  exec(script: string, words: readonly string[] = [], options: ScriptOptions = {}): Promise<ExecResult> {
    const { as = "root", within, codes: _, ...rest } = options;
    const argv = ["sh", "-c", script, "sh", ...words];
    const [user, whole] = within ? ["root", [...within, ...argvAs("root", as, argv)]] : [as, argv];
    return execAs(this.#connection, this.#login, user, whole, { deadlineS: DEADLINE_S, ...rest });
  }

  /** Anything but success (or a code that is an answer) is an error that says what was tried, and the last of its output. */
  async run(
    what: string,
    script: string,
    words: readonly string[] = [],
    options: ScriptOptions = {},
  ): Promise<ExecResult> {
    const result = await this.exec(script, words, options);
    if (result.code === 0 || (result.code !== null && options.codes?.includes(result.code))) return result;
    throw failed(this.target, what, result);
  }
}

const LINES = 5;

/** The error of a script that failed, with the last lines of what it said. */
export function failed(
  target: string,
  what: string,
  { code, signal, stdout, stderr }: ExecResult,
): BackendError {
  const said = (stderr.trim() || stdout.trim()).split("\n").slice(-LINES).join("\n").slice(-1_000);
  return new BackendError(
    `${target}: could not ${what}: ${said || "it said nothing"} (${signal ?? `exit ${code}`}).`,
  );
}
