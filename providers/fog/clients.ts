import { readFileSync } from "node:fs";
import { ensureEmbedded } from "../../embedded/start";
import type { BackendConfig } from "../../stacks/config/types";
import type { Run } from "../core/definition";
import { BackendError, LabError } from "../core/errors";
import type { FogClient } from "./client";
import type { FogEndpoint } from "./endpoint";
import { FogError } from "./errors";
import { restClient } from "./rest-client";
import { FogServer } from "./server";

export { FogError, type FogReason, isFog } from "./errors";

/** One server, with its gate and its connections, for each endpoint in this process. */
const servers = new Map<string, FogServer>();

/** A real server's clients report each 3 s; sandboxes image in seconds. */
const POLL_MS = 5_000;
const EMBEDDED_POLL_MS = 200;

/** `LABPLAN_FOG_POLL_MS` overrides it. */
const pollMsOf = (embedded: boolean, env: NodeJS.ProcessEnv = process.env): number =>
  Number(env.LABPLAN_FOG_POLL_MS) || (embedded ? EMBEDDED_POLL_MS : POLL_MS);

/** The client of a run's backend; its tokens are read now, so that rotated ones are used at once. */
export async function clientFor(
  run: Pick<Run, "backend" | "signal" | "secret"> & Partial<Pick<Run, "say">>,
): Promise<FogClient> {
  const embedded = isEmbedded(run.backend);
  const endpoint = embedded ? await embeddedEndpoint(run.signal) : endpointOf(run);
  const key = JSON.stringify(endpoint);
  let server = servers.get(key);
  if (!server) {
    server = new FogServer(endpoint);
    servers.set(key, server);
  }
  return restClient(server, {
    signal: run.signal,
    warn: (message) => run.say?.(message, "warning"),
    pollMs: pollMsOf(embedded),
  });
}

/** Close every connection; the next call opens them again. */
export function closeServers(): void {
  for (const server of servers.values()) server.close();
  servers.clear();
  asked = undefined;
}

/** FOG's own errors with the name of what they are about; all others as they are. */
export async function about<T>(who: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof FogError) throw new BackendError(`${who}: ${error.message}`, { cause: error });
    throw error;
  }
}

const isEmbedded = (backend: BackendConfig): boolean =>
  backend.kind === "embedded" || (backend.kind === "fog" && backend.url === "embedded:");

function endpointOf({ backend, secret }: Pick<Run, "backend" | "secret">): FogEndpoint {
  if (backend.kind !== "fog")
    throw new LabError(`a backend of kind ${backend.kind} has no FOG hosts or images`);
  const { url, apiToken, userToken, ca } = backend;
  if (!apiToken || !userToken)
    throw new LabError(
      `the FOG backend ${url} needs apiToken: { secret: … } and userToken: { secret: … }, as FOG's web page shows them`,
    );
  return {
    url,
    apiToken: secret(apiToken),
    userToken: secret(userToken),
    ...(ca !== undefined && { caFile: ca }),
  };
}

/** Asking the daemon costs milliseconds, and each host would ask several times. */
const ASK_AGAIN_MS = 1_000;
let asked: { at: number; home: string | undefined; endpoint: Promise<FogEndpoint> } | undefined;

function embeddedEndpoint(signal: AbortSignal): Promise<FogEndpoint> {
  const home = process.env.LABPLAN_EMBEDDED_HOME;
  if (asked && asked.home === home && performance.now() - asked.at < ASK_AGAIN_MS) return asked.endpoint;
  const now = { at: performance.now(), home, endpoint: findEmbedded(signal) };
  asked = now;
  now.endpoint.catch(() => {
    if (asked === now) asked = undefined;
  });
  return now.endpoint;
}

async function findEmbedded(signal: AbortSignal): Promise<FogEndpoint> {
  const { fogUrl, fogTokenFile } = await ensureEmbedded({ signal });
  const { apiToken, userToken } = JSON.parse(readFileSync(fogTokenFile, "utf8")) as Record<string, string>;
  return { url: fogUrl, apiToken: apiToken ?? "", userToken: userToken ?? "" };
}
