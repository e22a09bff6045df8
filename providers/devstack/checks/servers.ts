import { markText, type Run } from "../../core/definition";
import { DeadlineError } from "../../core/errors";
import type { CloudApi, ServerRecord } from "../api";
import { eachOf, type Patience, until } from "../until";
import { type BootInputs, type Choice, chooseParts } from "./choice";
import type { Row } from "./hypervisors";
import { groupName, groupText, MARK_KEY, serverName, untilGone } from "./leftovers";

/** Pings from the hypervisor itself: undefined when it answered, else why not. */
export type Reach = (
  host: string,
  to: { network: string; address: string },
  signal: AbortSignal,
) => Promise<string | undefined>;

export interface ServerChecks {
  api: CloudApi;
  /** For what must be done when the run is stopped, too. */
  lasting: CloudApi;
  boot: BootInputs;
  /** Undefined where servers are records only, and nothing can be reached. */
  reach: Reach | undefined;
  patience: Patience;
}

export interface Booted {
  server?: NonNullable<Row["server"]>;
  wrong?: string;
}

/** Below the 10 servers of a project's default quota. */
const AT_ONCE = 8;

/**
 * Boot one server on each of these hosts through the scheduler, reach it, delete it. What is wrong with one says
 * nothing of the others.
 */
export async function bootServers(
  hosts: readonly string[],
  checks: ServerChecks,
  run: Pick<Run, "mark" | "signal" | "progress" | "now">,
  title: string,
): Promise<Map<string, Booted>> {
  const { api, boot } = checks;
  const [images, flavors, networks] = await Promise.all([api.images(), api.flavors(), api.networks()]);
  const choice = chooseParts(boot, { images, flavors, networks });
  const group = await ensureGroup(api, run);
  const booted = new Map<string, Booted>();
  await eachOf(hosts, AT_ONCE, async (host) => {
    booted.set(host, await bootOne(host, choice, group, checks, run));
    run.progress(`[${title}] ${booted.size} of ${hosts.length}`);
  });
  return booted;
}

async function ensureGroup(api: CloudApi, { mark }: Pick<Run, "mark">): Promise<string> {
  const found = await api.securityGroups(groupName(mark));
  const ours = found.find(({ description }) => description === groupText(mark));
  return ours?.id ?? (await api.makeSecurityGroup(groupName(mark), groupText(mark)));
}

async function bootOne(
  host: string,
  { image, flavor, network }: Choice,
  securityGroup: string,
  checks: ServerChecks,
  run: Pick<Run, "mark" | "signal" | "now">,
): Promise<Booted> {
  const { api, lasting, boot, reach, patience } = checks;
  const { signal } = run;
  const name = serverName(host);
  const start = run.now().getTime();
  let id: string | undefined;
  try {
    id = await api.boot({
      ...{ name, host, securityGroup, image: image.id, flavor: flavor.id, network: network.id },
      metadata: { [MARK_KEY]: markText(run.mark) },
    });
    const server = await untilActive(api, { id, host, boot }, signal, patience);
    if (reach) await untilReached({ host, server, network: network.id, boot, reach }, signal, patience);
    const seconds = Math.round((run.now().getTime() - start) / 1_000);
    return { server: { id, reached: reach !== undefined, seconds } };
  } catch (error) {
    if (signal.aborted) throw error;
    const seconds = Math.round((run.now().getTime() - start) / 1_000);
    const why = error instanceof Error ? error.message : String(error);
    return {
      ...(id === undefined ? {} : { server: { id, reached: false, seconds } }),
      wrong: `server on ${host}: ${why}`,
    };
  } finally {
    if (id !== undefined) await removeQuietly(lasting, { id, name }, signal, patience);
  }
}

/** What stays is found by its mark and told later. */
async function removeQuietly(
  lasting: CloudApi,
  server: { id: string; name: string },
  signal: AbortSignal,
  patience: Patience,
): Promise<void> {
  try {
    await lasting.removeServer(server.id);
    if (!signal.aborted) await untilGone(lasting, server, signal, patience);
  } catch {
    // The clean-up at the end meets it again.
  }
}

async function untilActive(
  api: CloudApi,
  { id, boot }: { id: string; host: string; boot: BootInputs },
  signal: AbortSignal,
  patience: Patience,
): Promise<ServerRecord> {
  const { timeoutS } = boot;
  let status = "unknown";
  const late = () => new DeadlineError(`still ${status} after ${timeoutS} s`);
  return until({ patience, timeoutS, signal, late }, async () => {
    const server = await api.server(id);
    if (!server) throw new Error("somebody deleted it");
    status = server.status;
    if (status === "ERROR") throw new Error(`ERROR: ${server.fault ?? "nova gives no reason"}`);
    return status === "ACTIVE" ? server : undefined;
  });
}

async function untilReached(
  of: { host: string; server: ServerRecord; network: string; boot: BootInputs; reach: Reach },
  signal: AbortSignal,
  patience: Patience,
): Promise<void> {
  const { host, server, network, boot, reach } = of;
  const [address] = server.addresses;
  if (address === undefined) throw new Error("it is ACTIVE and has no IPv4 address");
  let why = "not tried";
  const late = () => new DeadlineError(`not reached within ${boot.timeoutS} s: ${why}`);
  await until({ patience, timeoutS: boot.timeoutS, signal, late }, async () => {
    const said = await reach(host, { network, address }, signal);
    if (said !== undefined) why = said;
    return said === undefined ? true : undefined;
  });
}
