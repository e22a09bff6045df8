import type { RootShell } from "../ssh/root-shell";

/** Where a compute host is mapped to. */
export interface HostMapping {
  host: string;
  cell: string;
  cellId: string;
}

/** Python with all of nova loaded, on a machine that may be busy with a stack.sh. */
const DEADLINE_S = 180;

/**
 * What nova's API does not do. devstack puts its commands into a virtual environment below its folder (GLOBAL_VENV,
 * since 2023.2); before that they were in /usr/local/bin. `$1` is that folder; then the words of the command.
 */
const NOVA_MANAGE =
  'p=$1; shift; PATH=$p/data/venv/bin:$PATH:/usr/local/bin; export PATH; cd /; exec nova-manage "$@"';

/** Running discoveries, one at a time on each controller: two at once fail on each other's rows. */
const turns = new Map<string, Promise<unknown>>();

function inTurn<T>(key: string, work: () => Promise<T>): Promise<T> {
  const before = turns.get(key) ?? Promise.resolve();
  const mine = before.catch(() => undefined).then(work);
  turns.set(key, mine);
  const clear = () => {
    if (turns.get(key) === mine) turns.delete(key);
  };
  mine.then(clear, clear);
  return mine;
}

/** `nova-manage cell_v2` on a controller, as the user that devstack runs as. */
export class NovaManage {
  readonly #shell: RootShell;
  readonly #user: string;
  readonly #home: string;
  #looking: Promise<HostMapping[]> | undefined;

  constructor(shell: RootShell, { user, home }: { user: string; home: string }) {
    this.#shell = shell;
    this.#user = user;
    this.#home = home;
  }

  async hosts(signal?: AbortSignal): Promise<HostMapping[]> {
    const { stdout } = await this.#run("list the hosts of the cells", ["list_hosts"], signal);
    return parseHosts(stdout);
  }

  /** As `hosts`; who asks while another one does gets the same answer. Only for looks: it may be from before a change. */
  hostsShared(signal?: AbortSignal): Promise<HostMapping[]> {
    this.#looking ??= this.hosts(signal).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Map every compute that has registered, unless `host` is mapped by the time that it is our turn. */
  discover(host: string, signal?: AbortSignal): Promise<void> {
    return inTurn(this.#shell.target, async () => {
      if ((await this.hosts(signal)).some((mapping) => mapping.host === host)) return;
      await this.#run("discover compute hosts", ["discover_hosts", "--by-service"], signal);
    });
  }

  /** Gone already is success. */
  async deleteHost({ host, cellId }: HostMapping, signal?: AbortSignal): Promise<void> {
    const words = ["delete_host", "--cell_uuid", cellId, "--host", host];
    try {
      await this.#run(`take "${host}" out of its cell`, words, signal);
    } catch (error) {
      // Its exit codes for "not there" are those of other troubles as well.
      if ((await this.hosts(signal)).some((mapping) => mapping.host === host)) throw error;
    }
  }

  #run(what: string, words: readonly string[], signal?: AbortSignal) {
    return this.#shell.run(what, NOVA_MANAGE, [this.#home, "cell_v2", ...words], {
      ...{ as: this.#user, deadlineS: DEADLINE_S },
      ...(signal ? { signal } : {}),
    });
  }
}

/** `| cell1 | <uuid> | hv1 |` lines of a table; everything else that it says is passed over. */
export function parseHosts(table: string): HostMapping[] {
  return table.split("\n").flatMap((line) => {
    if (!line.startsWith("|")) return [];
    const [cell = "", cellId = "", host = ""] = line
      .split("|")
      .slice(1, -1)
      .map((field) => field.trim());
    return cellId === "" || cellId === "Cell UUID" || host === "" ? [] : [{ host, cell, cellId }];
  });
}
