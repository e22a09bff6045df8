import type { Run } from "../core/definition";
import type { ExecResult, SshConnection } from "../ssh/client";
import { type LoginTo, logInForLook, logInToMachine, type Way } from "../ssh/machine-login";
import { RootShell, type ScriptOptions } from "../ssh/root-shell";

/** Log in to a node, work there, and log out whatever becomes of it. */
export async function onNode<T>(
  to: LoginTo,
  way: Way,
  run: Pick<Run, "progress">,
  step: string,
  work: (shell: RootShell) => Promise<T>,
): Promise<T> {
  const connection = await logInToMachine(to, way, (message) => run.progress(`[${step}] ${message}`));
  try {
    return await work(new RootShell(connection, to.login.user));
  } finally {
    await connection.close();
  }
}

/** Log in for a look, which fails fast. */
export async function lookOnNode<T>(
  to: LoginTo,
  way: Way,
  work: (shell: RootShell) => Promise<T>,
): Promise<T> {
  const connection = await logInForLook(to, way);
  try {
    return await work(new RootShell(connection, to.login.user));
  } finally {
    await connection.close();
  }
}

/** Runs scripts as devstack's user, with the environment that a login of it would have, and not root's. */
export class UserShell {
  readonly #shell: RootShell;
  readonly #user: string;
  readonly #environment: string;

  constructor(shell: RootShell, { user, home }: { user: string; home: string }) {
    this.#shell = shell;
    this.#user = user;
    // Both are words of letters, digits and /._- by their schemas.
    this.#environment = `export HOME=${home} USER=${user} LOGNAME=${user} LC_ALL=C; cd /; umask 022`;
  }

  exec(script: string, words: readonly string[] = [], options: ScriptOptions = {}): Promise<ExecResult> {
    return this.#shell.exec(`${this.#environment}\n${script}`, words, { ...options, as: this.#user });
  }

  run(
    what: string,
    script: string,
    words: readonly string[] = [],
    options: ScriptOptions = {},
  ): Promise<ExecResult> {
    return this.#shell.run(what, `${this.#environment}\n${script}`, words, { ...options, as: this.#user });
  }
}

const HAS_USER = 'getent passwd "$1" >/dev/null 2>&1 || grep -qs "^$1:" /etc/passwd';

/** Without devstack's user nothing of it runs, and nothing can be asked in its name. */
export const hasUser = async (shell: RootShell, { user }: { user: string }): Promise<boolean> =>
  (await shell.exec(HAS_USER, [user])).code === 0;

/** A login that is made anew when the link breaks: what runs on the node does not care. */
export class NodeLink {
  readonly #to: LoginTo;
  readonly #way: Way;
  readonly #progress: (message: string) => void;
  #connection: SshConnection;

  private constructor(to: LoginTo, way: Way, progress: (message: string) => void, first: SshConnection) {
    this.#to = to;
    this.#way = way;
    this.#progress = progress;
    this.#connection = first;
  }

  static async open(to: LoginTo, way: Way, progress: (message: string) => void): Promise<NodeLink> {
    return new NodeLink(to, way, progress, await logInToMachine(to, way, progress));
  }

  get shell(): RootShell {
    return new RootShell(this.#connection, this.#to.login.user);
  }

  account(inputs: { user: string; home: string }): UserShell {
    return new UserShell(this.shell, inputs);
  }

  /** Do it again over a new login when the link breaks under it: only for what may be done twice. */
  async repeat<T>(work: (shell: RootShell) => Promise<T>): Promise<T> {
    try {
      return await work(this.shell);
    } catch (error) {
      if (!this.#connection.ended.aborted || this.#way.signal.aborted) throw error;
      this.#connection = await logInToMachine(this.#to, this.#way, this.#progress);
      return work(this.shell);
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}
