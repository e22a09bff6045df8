import { setTimeout as sleep } from "node:timers/promises";
import { LabError } from "../../providers/core/errors";
import {
  BindError,
  type BootServer,
  type BootServerOptions,
  type Health,
  openFolder,
  startBootServer,
} from "./server";

/** How often we look whether the one that we joined still serves. */
const LOOK_MS = 1_000;
const HEALTH_MS = 3_000;
/** Two that start at once: one has the port already, and does not answer yet. */
const ATTEMPTS = 5;

/**
 * The boot server of a folder: ours, or, where one of the same folder has the port already, that one. When the one that
 * we joined ends before we do, we take its place: what it served is in the folder.
 */
export async function joinOrStart(options: BootServerOptions): Promise<BootServer> {
  const first = await tryOnce(options);
  if (!first.joined) return first;
  const stop = new AbortController();
  let present: BootServer = first;
  const watch = (async () => {
    while (!stop.signal.aborted && present.joined) {
      await sleep(LOOK_MS, undefined, { signal: stop.signal }).catch(() => {});
      if (stop.signal.aborted || (await healthOf(options))) continue;
      try {
        present = await tryOnce(options);
      } catch (error) {
        options.log?.(
          `the boot server that we shared ended. ${error instanceof Error ? error.message : String(error)}`,
        );
      }
    }
  })();
  return {
    bind: options.bind,
    get httpPort() {
      return present.httpPort;
    },
    get tftpPort() {
      return present.tftpPort;
    },
    registry: first.registry,
    log: first.log,
    get joined() {
      return present.joined;
    },
    async close() {
      stop.abort();
      await watch;
      await present.close();
    },
  };
}

async function tryOnce(options: BootServerOptions): Promise<BootServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startBootServer(options);
    } catch (error) {
      if (!(error instanceof BindError) || error.code !== "EADDRINUSE") throw error;
      const health = await healthOf(options);
      const { registry, log, id } = openFolder(options.folder);
      if (health?.id === id) return joinedServer(options, health, registry, log);
      if (health)
        throw new LabError(`${error.message} It is the boot server of another lab's folder.`, {
          cause: error,
        });
      if (attempt === ATTEMPTS) throw error;
      await sleep(100 * attempt);
    }
  }
}

function joinedServer(
  options: BootServerOptions,
  health: Health,
  registry: BootServer["registry"],
  log: BootServer["log"],
): BootServer {
  const { bind, httpPort, tftpPort } = options;
  if (tftpPort !== 0 && health.tftp === 0)
    throw new LabError(
      `boot server: the one that runs on ${bind}, port ${httpPort}, has no TFTP, and port ${tftpPort} is wanted. Stop it, or start it with --tftp-port ${tftpPort}.`,
    );
  return { bind, httpPort, tftpPort: health.tftp, registry, log, joined: true, close: () => log.flush() };
}

async function healthOf({ bind, httpPort }: BootServerOptions): Promise<Health | undefined> {
  const host = bind.includes(":") ? `[${bind}]` : bind;
  try {
    const answer = await fetch(`http://${host}:${httpPort}/health`, {
      signal: AbortSignal.timeout(HEALTH_MS),
    });
    const health = (await answer.json()) as Partial<Health>;
    return health.labplan === "boot" && typeof health.id === "string" ? (health as Health) : undefined;
  } catch {
    return undefined;
  }
}
