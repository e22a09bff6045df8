import type { SshConnection } from "../ssh/client";
import type { SshTarget } from "../ssh/target";

/** How long a link stays that nobody uses: one that stood open would keep the process from ending. */
const IDLE_MS = 2_000;

/** The SSH connection to a host, made when it is needed and again after it broke. */
export class RemoteLink {
  readonly target: SshTarget;
  #connection: Promise<SshConnection> | undefined;
  #users = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(target: SshTarget) {
    this.target = target;
  }

  async use<T>(work: (connection: SshConnection) => Promise<T>): Promise<T> {
    this.#users++;
    clearTimeout(this.#idle);
    try {
      return await work(await this.#open());
    } finally {
      this.#users--;
      if (this.#users === 0) this.#idle = setTimeout(() => void this.close(), IDLE_MS).unref();
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const last = this.#connection;
    this.#connection = undefined;
    await (await last?.catch(() => undefined))?.close();
  }

  async #open(): Promise<SshConnection> {
    const last = this.#connection;
    if (last) {
      const connection = await last;
      if (!connection.ended.aborted) return connection;
      // Someone else may have begun a new one while we looked.
      if (this.#connection !== last) return this.#open();
    }
    // Loaded for another machine's VirtualBox only.
    const { connectSsh } = require("../ssh/client") as typeof import("../ssh/client");
    const next = connectSsh(this.target);
    this.#connection = next;
    next.catch(() => {
      if (this.#connection === next) this.#connection = undefined;
    });
    return next;
  }
}
