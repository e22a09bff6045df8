import { LabError } from "../core/errors";
import type { ExecOptions, ExecResult, SshConnection } from "./client";

/** What is run as somebody else needs of a connection. */
export type Executor = Pick<SshConnection, "exec" | "target">;

export type SudoFailure = "password" | "forbidden" | "missing" | "terminal";

/** `sudo` did not let us become root; `reason` is for code, the message for the user. */
export class SudoError extends LabError {
  override readonly name: string = "SudoError";
  readonly reason: SudoFailure;

  constructor(target: string, user: string, reason: SudoFailure, said: string) {
    super(`${target}: ${WHAT[reason](user)} (it said: ${said}). ${NEXT[reason](user)}`);
    this.reason = reason;
  }
}

const WHAT: Record<SudoFailure, (user: string) => string> = {
  password: (user) => `sudo asks "${user}" for a password, and passwords are never sent`,
  forbidden: (user) => `sudo does not let "${user}" do this as root`,
  missing: (user) => `"${user}" is not root, and there is no sudo`,
  terminal: (user) => `sudo wants "${user}" to sit at a terminal`,
};

const rule = (user: string) =>
  `Put the line "${user} ALL=(ALL) NOPASSWD: ALL" into /etc/sudoers.d/labplan there (visudo -f checks it), or log in as root.`;
const NEXT: Record<SudoFailure, (user: string) => string> = {
  password: rule,
  forbidden: rule,
  missing: () => "Install sudo there, or log in as root.",
  terminal: (user) =>
    `Put "Defaults:${user} !requiretty" into /etc/sudoers.d/labplan there, or log in as root.`,
};

/** What sudo says when it refuses, in the C locale (sudo 1.8 and 1.9, plugins/sudoers and src/exec). */
const SAYS: readonly [RegExp, SudoFailure][] = [
  [/a password is required|no password was provided|a terminal is required|no tty present/i, "password"],
  [/must have a tty/i, "terminal"],
  [/not in the sudoers file|may not run sudo|is not allowed to|not allowed to execute/i, "forbidden"],
  [/sudo['’"]?: (?:command )?not found|sudo['’"]?: no such file/i, "missing"],
];

/** Why sudo refused, when it did; undefined when the program itself ended like this. */
export function sudoFailure({ code, stderr }: Pick<ExecResult, "code" | "stderr">): SudoFailure | undefined {
  // sudo's own exit codes; a missing program is the shell's.
  if (code !== 1 && code !== 126 && code !== 127) return undefined;
  return SAYS.find(([pattern]) => pattern.test(stderr))?.[1];
}

/** Becomes a user out of root: by runuser, which asks nobody; by su where there is none. `$1` is the user. */
const BECOME = [
  "u=$1; shift; PATH=$PATH:/usr/sbin:/sbin",
  'if command -v runuser >/dev/null 2>&1; then exec runuser -u "$u" -- "$@"; fi',
  `exec su -s /bin/sh -c 'exec "$@"' -- "$u" sh "$@"`,
].join("\n");

/** The argv that runs `argv` as `user` for someone who is logged in as `login`. */
export function argvAs(login: string, user: string, argv: readonly string[]): string[] {
  if (login === user) return [...argv];
  const become = user === "root" ? argv : ["sh", "-c", BECOME, "sh", user, ...argv];
  // -n: it never asks, so that nothing that we send can be taken for a password.
  return login === "root" ? [...become] : ["env", "LC_ALL=C", "sudo", "-n", "--", ...become];
}

/**
 * Run a program there as `user`: as it is where the login is that user, out of root else, which a login of someone
 * else becomes through `sudo -n`. Rejects with a `SudoError` where sudo would ask or forbids it. As with `exec`, a
 * secret may only be in `stdin`.
 */
export async function execAs(
  connection: Executor,
  login: string,
  user: string,
  argv: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const result = await connection.exec(argvAs(login, user, argv), options);
  const reason = login === user || login === "root" ? undefined : sudoFailure(result);
  if (reason) throw new SudoError(connection.target, login, reason, lastLine(result.stderr));
  return result;
}

const lastLine = (text: string): string => text.trim().split("\n").at(-1)?.trim() || "nothing";
