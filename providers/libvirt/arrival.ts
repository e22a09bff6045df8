import { isEmbedded } from "../../stacks/config/place";
import type { Run } from "../core/definition";
import { DeadlineError, LabError } from "../core/errors";
import { stopwatch } from "../core/stopwatch";
import { type Arrival, DEFAULT_TIMEOUT_S, waitForLogin, waitForSandbox } from "../ssh/arrival";
import type { SshTarget } from "../ssh/target";
import type { DomainRef, LibvirtClient } from "./client";
import type { DomainInputs } from "./domain";
import { isUp } from "./power";
import { parseLibvirtUri } from "./rpc/uri";
import { readNetwork } from "./xml/network";
import { parseXml } from "./xml/parse";

const POLL_MS = 1000;

/** What is known without waiting: the planned address of the first card that has one. */
export const plannedAddress = ({ nics }: Pick<DomainInputs, "nics">): string | undefined =>
  nics.find(({ ip }) => ip !== undefined)?.ip;

type WaitRun = Pick<Run, "now" | "signal" | "progress" | "backend">;

/** Wait for what `wait.for` asks; one deadline for all of it. */
export async function waitForArrival(
  client: LibvirtClient,
  domain: DomainRef,
  inputs: DomainInputs,
  known: Arrival,
  run: WaitRun,
): Promise<Arrival> {
  const { for: what, timeoutS = DEFAULT_TIMEOUT_S } = inputs.wait;
  const watch = stopwatch(run);
  // The boot record that is waited for is a resource of its own: only what can be known at once is told here.
  if (what === "none" || (what === "boot" && !isEmbedded(run.backend))) return known;
  // An embedded machine's lease is an address of a lab that exists only in the daemon: never connect to it.
  const found: Arrival = isEmbedded(run.backend)
    ? await waitForSandbox(domain.uuid, inputs.name, timeoutS, { ...run, step: "6/6 wait" })
    : { ...known, address: await waitForAddress(client, domain, inputs, timeoutS, run) };
  if (what !== "ssh") return found;
  const via = jumpHost(run);
  return waitForLogin(inputs, found, {
    ...(via ? { via } : {}),
    timeoutS: timeoutS - watch.elapsedS(),
    signal: run.signal,
    onProgress: (message) => run.progress(`[6/6 wait] ${message}`),
  });
}

/** Guests of a remote hypervisor are reached through it. */
function jumpHost({ backend }: WaitRun): SshTarget | undefined {
  if (backend.kind !== "libvirt" || isEmbedded(backend)) return undefined;
  const { transport, host, port, user, identityFile, knownHostsFiles } = parseLibvirtUri(backend.uri);
  if (transport !== "ssh" || host === undefined) return undefined;
  const key = backend.identityFile ?? identityFile;
  return {
    host,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(key === undefined ? {} : { identityFile: key }),
    ...(knownHostsFiles === undefined ? {} : { knownHostsFiles }),
    ...(backend.hostKey === undefined ? {} : { hostKey: backend.hostKey }),
  };
}

/**
 * A lease of one of our cards, or what the guest's agent or the neighbour table tells. A card with a planned address on
 * a network that serves no DHCP is set up by its seed, and shows no lease: its address is taken as planned.
 */
async function waitForAddress(
  client: LibvirtClient,
  domain: DomainRef,
  inputs: DomainInputs,
  timeoutS: number,
  run: WaitRun,
): Promise<string> {
  const watch = stopwatch(run);
  const quiet = await staticAddress(client, inputs);
  const macs = inputs.nics.map(({ mac }) => mac);
  const planned = new Set(inputs.nics.map(({ ip }) => ip));
  for (;;) {
    const power = await client.domainState(domain);
    if (!isUp(power))
      throw new LabError(
        `${inputs.name} switched itself off while it was waited for (state ${power}). Look at its console and its disk's boot set-up; "pulumi up" resumes here.`,
      );
    const seen = (await client.domainAddresses(domain)).filter(({ mac }) => mac && macs.includes(mac));
    const address = (seen.find(({ ip }) => planned.has(ip)) ?? seen.find(({ ip }) => isIpv4(ip)) ?? seen[0])
      ?.ip;
    if (address !== undefined) return address;
    if (quiet !== undefined) return quiet;
    const passed = Math.round(watch.elapsedS());
    if (passed >= timeoutS)
      throw new DeadlineError(
        `${inputs.name}: no DHCP lease on ${whichNetworks(inputs)} within ${timeoutS} s; last state ${power}. Check the image's network set-up, and its console: one that stays empty under KVM may boot with "accel: tcg". "pulumi up" resumes here.`,
      );
    run.progress(`[6/6 wait] for an address, ${passed} of ${timeoutS} s`);
    await watch.pause(POLL_MS);
  }
}

const isIpv4 = (ip: string): boolean => !ip.includes(":");

function whichNetworks({ nics }: DomainInputs): string {
  const names = nics.map(({ network, bridge }) =>
    network === undefined ? `bridge "${bridge}"` : `network "${network}"`,
  );
  return names.length > 0 ? names.join(" or ") : "any network (it has no card)";
}

async function staticAddress(client: LibvirtClient, { nics }: DomainInputs): Promise<string | undefined> {
  for (const { network, ip } of nics) {
    if (network === undefined || ip === undefined) continue;
    const ref = await client.networkByName(network);
    const facts = ref && readNetwork(parseXml(await client.networkXml(ref)));
    if (facts && facts.ranges.length === 0 && facts.hosts.length === 0) return ip;
  }
  return undefined;
}
