import { endBootAccess } from "../boot/access";
import type { Definition, Mark, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import { REMOVAL_SHUTDOWN_S, SHUTDOWN_S, shutdownLimitS } from "../core/shutdown";
import type { Arrival } from "../ssh/arrival";
import { resolveAccel } from "./accel";
import { plannedAddress, waitForArrival } from "./arrival";
import { type DomainRef, ERROR, type LibvirtClient } from "./client";
import { about, clientFor, unlessGone } from "./clients";
import type { DomainInputs, DomainState } from "./domain";
import { domainChanges } from "./domain.changes";
import { domainSchema } from "./domain.schema";
import { compare, contextOf, digestsOf, type FoundDomain, lookAt, seekDomain } from "./domain-look";
import { foreignError, foreignMessage, ownership } from "./ownership";
import { isUp, turnOff, turnOn } from "./power";
import { hasCode } from "./rpc/errors";
import { ensureSeed, isSeeded, removeSeed, seedVolumeName } from "./seed";
import { domainElement, SEED_TARGET } from "./xml/domain";
import { readDomain } from "./xml/domain-facts";
import { deviceKeys, mergeDomain } from "./xml/domain-merge";
import { render } from "./xml/element";
import { bareMark, MARK_NAMESPACE, MARK_PREFIX, withMark } from "./xml/mark";

const who = ({ name }: Pick<DomainInputs, "name">) => `domain "${name}"`;

function stateOf(
  inputs: DomainInputs,
  found: FoundDomain,
  mark: Mark,
  more: Arrival & { seedThere: boolean },
): DomainState {
  const { seedThere, ...arrival } = more;
  const { persistent, live } = compare(inputs, found, mark);
  const { intact, cloudInit, ...differing } = { ...live, ...persistent };
  const adopted = found.facts.mark?.adopted ?? false;
  return pruned<DomainState>({
    ...inputs,
    ...differing,
    cloudInit: cloudInit && inputs.cloudInit ? cloudInit : inputs.cloudInit,
    name: found.ref.name,
    uuid: adopted ? inputs.uuid : found.ref.uuid,
    running: runningAs(inputs, found),
    autostart: found.autostart,
    address: arrival.address,
    sshPort: arrival.sshPort,
    sshHostKey: arrival.sshHostKey,
    intact: intact !== false && seedThere,
    adopted: adopted || undefined,
  });
}

/** A paused guest neither runs nor is off: it contradicts both. */
const runningAs = ({ running }: DomainInputs, { power }: FoundDomain): boolean =>
  power === "paused" ? !running : isUp(power);

/** Is the seed image there? An image that was deleted keeps the domain from starting. */
async function seedThere(client: LibvirtClient, inputs: DomainInputs, mark: Mark): Promise<boolean> {
  if (!isSeeded(inputs)) return true;
  const ref = { pool: inputs.seedPool, name: seedVolumeName(mark, inputs.name), key: "" };
  try {
    return (await unlessGone(client.volumeInfo(ref))) !== undefined;
  } catch (error) {
    if (hasCode(error, ERROR.operationInvalid)) return true; // a stopped pool shows nothing, and is told by itself
    throw error;
  }
}

const arrivalOf = (inputs: DomainInputs, known: Arrival | undefined): Arrival =>
  pruned<Arrival>({
    address: known?.address ?? plannedAddress(inputs),
    sshPort: known?.sshPort,
    sshHostKey: inputs.hostKey ?? known?.sshHostKey,
  });

/** Step 2: one definition, ours, as wanted; what exists is changed and not replaced. */
async function ensureDefined(
  client: LibvirtClient,
  inputs: DomainInputs,
  found: FoundDomain | undefined,
  run: Run<DomainState>,
): Promise<DomainRef> {
  const accel = await accelFor(client, inputs, found, run);
  const wanted = domainElement(
    found ? { ...inputs, name: found.ref.name, uuid: found.ref.uuid } : inputs,
    contextOf(inputs, run.mark, accel, client.uri),
  );
  const adopted = found !== undefined && (found.facts.mark?.adopted ?? true);
  const mark = { ...run.mark, adopted, devices: deviceKeys(wanted), ...digestsOf(inputs) };
  if (!found) return client.domainDefine(render(withMark(wanted, mark)));

  const isUnmarked = found.facts.mark === undefined;
  const differs = Object.keys(compare(inputs, found, run.mark).persistent).length > 0;
  if (!differs && !isUnmarked) return found.ref;
  // UEFI's variables are a file that libvirt deletes with the definition that names it, and with no other.
  const leavesUefi = found.facts.firmware === "uefi" && readDomain(wanted).firmware !== "uefi";
  if (leavesUefi && !adopted) await client.domainUndefine(found.ref);
  const { root, devices } =
    inputs.template === undefined
      ? mergeDomain(found.root, wanted, oursIn(found))
      : { root: wanted, devices: mark.devices };
  const ref = await client.domainDefine(render(withMark(root, { ...mark, devices })));
  if (isUnmarked && found.live) await markLive(client, ref, { ...mark, devices });
  return ref;
}

const oursIn = (found: FoundDomain): ReadonlySet<string> => new Set(found.facts.mark?.devices);

/** A domain that was running when it was adopted is marked in what runs too. */
const markLive = (client: LibvirtClient, ref: DomainRef, mark: Parameters<typeof bareMark>[0]) =>
  client.domainSetMetadata(ref, MARK_NAMESPACE, MARK_PREFIX, render(bareMark(mark)));

async function accelFor(
  client: LibvirtClient,
  inputs: DomainInputs,
  found: FoundDomain | undefined,
  run: Run<DomainState>,
) {
  if (found && inputs.accel === "auto") return found.facts.type === "kvm" ? "kvm" : "tcg";
  return resolveAccel(client, inputs, run);
}

/** Ours, adoptable, or absent; a foreign one ends it. The rest of a probe that was killed counts as absent. */
async function claim(client: LibvirtClient, inputs: DomainInputs, run: Run<DomainState>) {
  const found = await seekDomain(client, inputs);
  if (!found) return undefined;
  const owner = ownership(found.facts.mark, run.mark, inputs.adopt);
  if (owner === "foreign") throw foreignError("domain", inputs.name, found.facts.mark);
  if (found.ref.name !== inputs.name)
    throw new LabError(
      `${who(inputs)} is called "${found.ref.name}" at the hypervisor. Run "pulumi up --refresh" to have it made anew under its planned name, or rename it back by "virsh domrename".`,
    );
  if (owner === "ours" && found.facts.mark?.probe) {
    await client.domainDestroy(found.ref);
    await client.domainUndefine(found.ref);
    return undefined;
  }
  return found;
}

/** Steps 3 and 4: off where it must be off, or anew where what runs is not what is defined. */
async function syncPower(
  client: LibvirtClient,
  inputs: DomainInputs,
  ref: DomainRef,
  run: Run<DomainState>,
): Promise<FoundDomain> {
  const now = await lookAt(client, ref);
  if (!now) throw new LabError(`${who(inputs)} vanished while it was set up; run "pulumi up" again`);
  const stale = Object.keys(compare(inputs, now, run.mark).live);
  await run.step("3/6 stop", async () => {
    if (!isUp(now.power) || (inputs.running && stale.length === 0)) return;
    if (inputs.running) run.progress(`[3/6 stop] a restart brings in ${stale.join(", ")}`);
    await turnOff(client, now.ref, shutdownLimitS(SHUTDOWN_S), run);
  });
  await run.step("4/6 start", async () => {
    if (inputs.running) await turnOn(client, now.ref);
  });
  return now;
}

export const domainDefinition: Definition<DomainInputs, DomainState> = {
  kind: "libvirt:Domain",
  schema: domainSchema,
  changes: domainChanges,
  expects: {
    intact: {
      value: true,
      sentence: "its power actions or its seed image were changed outside: they are set back",
    },
  },
  id: ({ name }) => name,

  async observe(inputs, run, known) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const [found, isSeedThere] = await Promise.all([
        seekDomain(client, inputs, known !== undefined),
        seedThere(client, inputs, run.mark),
      ]);
      const isOurs = found && ownership(found.facts.mark, run.mark, false) === "ours";
      if (!isOurs || found.facts.mark?.probe) return undefined;
      return stateOf(inputs, found, run.mark, { ...arrivalOf(inputs, known), seedThere: isSeedThere });
    });
  },

  async precheck(inputs, run) {
    if (inputs.cloudInit && inputs.seedPool === undefined)
      return [{ field: "seedPool", message: `${who(inputs)} has cloud-init and no pool for its seed` }];
    if (inputs.bootRecord && !inputs.cloudInit)
      return [
        { field: "bootRecord", message: `${who(inputs)} has no cloud-init: nothing would make it call home` },
      ];
    const client = await clientFor(run);
    const found = await about(who(inputs), () => seekDomain(client, inputs));
    if (!found || ownership(found.facts.mark, run.mark, inputs.adopt) !== "foreign") return [];
    return [{ field: "name", message: foreignMessage("domain", inputs.name, found.facts.mark) }];
  },

  async reconcile(inputs, observed, run) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const before = await claim(client, inputs, run);
      let arrival = arrivalOf(inputs, observed);
      const save = (running: boolean) =>
        run.checkpoint(pruned<DomainState>({ ...inputs, ...arrival, running, intact: true }));

      await run.step("1/6 seed", async () => {
        if (!isSeeded(inputs)) return;
        const publicKey = await ensureSeed(client, inputs, run);
        arrival = { ...arrival, sshHostKey: inputs.hostKey ?? publicKey };
        save(false);
      });
      const ref = await run.step("2/6 define", () => ensureDefined(client, inputs, before, run));
      save(before !== undefined && isUp(before.power));
      const { autostart } = await syncPower(client, inputs, ref, run);
      await removeStaleSeed(client, inputs, before, run.mark);
      save(inputs.running);
      await run.step("5/6 autostart", async () => {
        if (autostart !== inputs.autostart) await client.domainSetAutostart(ref, inputs.autostart);
      });
      arrival = await run.step("6/6 wait", async () =>
        inputs.running ? waitForArrival(client, ref, inputs, arrival, run) : arrival,
      );
      const after = await lookAt(client, ref);
      if (!after) throw new LabError(`${who(inputs)} vanished while it was set up; run "pulumi up" again`);
      return stateOf(inputs, after, run.mark, { ...arrival, seedThere: true });
    });
  },

  async remove(state, run) {
    const client = await clientFor(run);
    await about(who(state), async () => {
      const found = await seekDomain(client, state, true);
      if (!found) return forget(client, state, run);
      if (ownership(found.facts.mark, run.mark, false) !== "ours") {
        run.say(`${who(state)} does not carry our mark any more: it is left alone`, "warning");
        return forget(client, state, run);
      }
      if (found.facts.mark?.adopted && state.onDestroy !== "delete") {
        await run.step("1/1 release", () => release(client, found));
        return;
      }
      await run.step("1/3 stop", () => turnOff(client, found.ref, shutdownLimitS(goodbyeS(found)), run));
      await run.step("2/3 undefine", () => client.domainUndefine(found.ref));
      await run.step("3/3 delete the seed", () => forget(client, state, run));
    });
  },
};

/** Its seed, and the token in it. */
async function forget(client: LibvirtClient, state: DomainState, run: Run<DomainState>): Promise<void> {
  await removeSeed(client, state, run.mark);
  endBootAccess(state, run);
}

/** A seed of a run that was killed before its state was saved, and that is wanted no longer. */
async function removeStaleSeed(
  client: LibvirtClient,
  inputs: DomainInputs,
  before: FoundDomain | undefined,
  mark: Mark,
): Promise<void> {
  const volume = seedVolumeName(mark, inputs.name);
  const seed = before?.facts.disks.find((disk) => disk.volume === volume);
  if (seed?.pool === undefined || (isSeeded(inputs) && inputs.seedPool === seed.pool)) return;
  await removeSeed(client, { name: inputs.name, seedPool: seed.pool }, mark);
}

/** Its volumes may outlive it, and what the guest has not written yet would be lost. Without any, off at once. */
const goodbyeS = ({ facts }: FoundDomain): number =>
  facts.disks.some(({ device, target }) => device === "disk" && target !== SEED_TARGET)
    ? REMOVAL_SHUTDOWN_S
    : 0;

/** The mark off, in what runs and in what is kept; all settings stay. */
const release = (client: LibvirtClient, { ref }: FoundDomain): Promise<void> =>
  client.domainSetMetadata(ref, MARK_NAMESPACE, MARK_PREFIX, undefined);
