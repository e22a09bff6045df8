import type { Run } from "../core/definition";
import { ForeignObjectError } from "../core/errors";
import type { MediumFacts, VirtualBoxClient, VmFacts } from "./client";
import { baseName } from "./folder";
import { machineMark } from "./marks";
import type { MediumInputs, MediumState } from "./medium";
import { who, wholeMiB } from "./medium-look";
import { isUp, startAgain, whileOff } from "./power";

/** The medium and what snapshots have put above it, topmost first: the guest writes to that one. */
function withSnapshots(
  client: VirtualBoxClient,
  folder: string,
  medium: MediumFacts,
  media: readonly MediumFacts[],
): MediumFacts[] {
  const above = media.filter(
    ({ parent, path }) => parent === medium.uuid && client.join(folder, baseName(path)) !== path,
  );
  return [...above.flatMap((child) => withSnapshots(client, folder, child, media)), medium];
}

/** Machines of this lab that run on it; one of somebody else's ends it. */
async function runningOn(
  client: VirtualBoxClient,
  inputs: MediumInputs,
  users: ReadonlySet<string>,
  lab: string,
): Promise<VmFacts[]> {
  const running: VmFacts[] = [];
  for (const uuid of users) {
    const facts = await client.vm(uuid);
    if (!facts || !isUp(facts.power)) continue;
    if (!machineMark(facts.extraData, facts)?.text.startsWith(`${lab}/`))
      throw new ForeignObjectError(
        `${who(inputs)} is in use by the running machine "${facts.name}", which is not of this lab. Stop it, and run "pulumi up" again.`,
      );
    running.push(facts);
  }
  return running;
}

/** As large as wanted. A machine that runs on it is stopped for it: VirtualBox locks its disks. */
export async function grow(
  client: VirtualBoxClient,
  inputs: MediumInputs,
  folder: string,
  found: MediumFacts,
  run: Run<MediumState>,
): Promise<boolean> {
  const wanted = inputs.capacity === undefined ? 0 : wholeMiB(inputs.capacity);
  const startAll = async (uuids: Iterable<string>) => {
    for (const uuid of uuids) await startAgain(client, folder, { name: uuid, uuid }, run);
  };
  if (found.capacityBytes >= wanted) {
    await startAll(found.usedBy); // a run that was killed may have stopped them
    return false;
  }
  // Its own file last: after a crash in between, it still shows what is missing.
  const chain =
    found.children.length > 0 ? withSnapshots(client, folder, found, await client.media()) : [found];
  const small = chain.filter(({ capacityBytes }) => capacityBytes < wanted);
  const users = new Set(chain.flatMap(({ usedBy }) => usedBy));
  for (const { uuid } of chain)
    for (const user of (await client.medium("disk", uuid))?.usedBy ?? []) users.add(user);
  const running = await runningOn(client, inputs, users, run.mark.lab);
  for (const { name } of running) run.say(`machine "${name}" is stopped while ${who(inputs)} grows`);
  const resize = async () => {
    for (const { uuid } of small) await client.resizeMedium(uuid, wanted, { signal: run.signal });
  };
  await running.reduce<() => Promise<void>>(
    (work, machine) => () => whileOff(client, folder, machine, run, work),
    resize,
  )();
  await startAll(users);
  return true;
}
