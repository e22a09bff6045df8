import { endBootAccess } from "../boot/access";
import { type Definition, type Mark, markPrefix, markText, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import { REMOVAL_SHUTDOWN_S, SHUTDOWN_S, shutdownLimitS } from "../core/shutdown";
import type { Arrival } from "../ssh/arrival";
import { plannedArrival, waitForArrival } from "./arrival";
import type { Uuid, VirtualBoxClient, VmFacts } from "./client";
import { about, clientFor } from "./clients";
import { baseName, dropFolder, folderOf } from "./folder";
import type { MachineInputs, MachineState } from "./machine";
import { machineChanges } from "./machine.changes";
import { machineSchema } from "./machine.schema";
import { hostProblems, portClashes } from "./machine-checks";
import type { Comparison } from "./machine-compare";
import { compared, type FoundMachine, interfacesFor, isOurs, lookAt, seekMachine } from "./machine-look";
import { changeLive, settingsOf } from "./machine-settings";
import { storageOf, syncFolders, syncStorage } from "./machine-storage";
import {
  ADOPTED_KEY,
  foreignError,
  foreignMessage,
  MARK_KEY,
  makingFile,
  ownership,
  SEED_KEY,
  UUID_KEY,
} from "./marks";
import { forgetRestart, isUp, turnOff, turnOn } from "./power";
import { ensureSeed, isSeeded, removeSeed, seedPath, wantedDigest } from "./seed";
import { deleteSnapshot, finishMoves } from "./snapshot-moves";

const who = ({ name }: Pick<MachineInputs, "name">) => `machine "${name}"`;

interface Seen {
  comparison: Comparison;
  arrival: Arrival;
  /** The seed is there, and is what the guest was last started with. */
  seeded: boolean;
}

function stateOf(inputs: MachineInputs, found: FoundMachine, seen: Seen): MachineState {
  const { intact, ...differing } = seen.comparison.differences;
  const { facts, mark, unfinished } = found;
  const adopted = mark?.adopted ?? false;
  return pruned<MachineState>({
    ...inputs,
    ...differing,
    name: facts.name,
    uuid: adopted ? inputs.uuid : facts.uuid,
    running: facts.power === "paused" ? !inputs.running : isUp(facts.power),
    address: seen.arrival.address,
    sshPort: seen.arrival.sshPort,
    sshHostKey: seen.arrival.sshHostKey,
    intact: intact !== false && seen.seeded && !unfinished,
    adopted: adopted || undefined,
  });
}

async function isSeedRight(
  client: VirtualBoxClient,
  inputs: MachineInputs,
  { facts }: FoundMachine,
  folder: string,
  mark: Mark,
): Promise<boolean> {
  if (facts.extraData[SEED_KEY] !== wantedDigest(inputs)) return false;
  return !isSeeded(inputs) || client.fileExists(seedPath(client, folder, mark, inputs.name));
}

/**
 * Settings of our UUID that are on disk and not registered were left by a run that was killed in between: making the
 * machine, or removing it.
 */
async function takeIn(
  client: VirtualBoxClient,
  { name, uuid }: Pick<MachineInputs, "name" | "uuid">,
): Promise<VmFacts | undefined> {
  const path = client.join(await client.defaultMachineFolder(), name, `${name}.vbox`);
  const text = (await client.readFile(path))?.toString("utf8") ?? "";
  if (!text.includes(`<Machine uuid="{${uuid}}"`)) return undefined;
  await client.registerVm(path);
  return client.vm(uuid);
}

/** Ours, adoptable, or absent; a foreign one of the planned UUID or name ends it. */
async function claim(
  client: VirtualBoxClient,
  inputs: MachineInputs,
  folder: string,
  run: Run<MachineState>,
): Promise<FoundMachine | undefined> {
  const refs = await client.vms();
  const ref = refs.find(({ uuid }) => uuid === inputs.uuid) ?? refs.find(({ name }) => name === inputs.name);
  const facts = ref ? await client.vm(ref.uuid) : await takeIn(client, inputs);
  if (!facts) return undefined;
  const found = await lookAt(client, facts, folder, run.mark, inputs);
  if (!isOurs(found, run.mark) && ownership(found.mark, run.mark, inputs.adopt) === "foreign")
    throw foreignError("machine", facts.name, found.mark);
  const other = refs.find(({ name, uuid }) => name === inputs.name && uuid !== facts.uuid);
  if (other)
    throw new LabError(
      `${who(inputs)} is called "${facts.name}" at the host, and another machine (${other.uuid}) has its name. Rename or remove that one.`,
    );
  return found;
}

async function putMark(client: VirtualBoxClient, uuid: Uuid, mark: Mark, adopted: boolean): Promise<void> {
  if (adopted) await client.setExtraData(uuid, ADOPTED_KEY, "1");
  await client.setExtraData(uuid, UUID_KEY, uuid);
  await client.setExtraData(uuid, MARK_KEY, markText(mark));
}

/** A machine that carries our mark. */
async function ensureMachine(
  client: VirtualBoxClient,
  inputs: MachineInputs,
  found: FoundMachine | undefined,
  folder: string,
  run: Run<MachineState>,
): Promise<Uuid> {
  const making = client.join(folder, makingFile(run.mark, inputs.name));
  if (!found) {
    const { name, osType, uuid } = inputs;
    await client.makeFolder(folder);
    await client.putFile(making, uuid);
    await client.createVm({ name, uuid, osType });
    run.checkpoint(pruned<MachineState>({ ...inputs, running: false, intact: false }));
  }
  const uuid = found?.facts.uuid ?? inputs.uuid;
  if (!found?.mark) await putMark(client, uuid, run.mark, found !== undefined && !found.unfinished);
  await client.removeFile(making);
  return uuid;
}

/** What makes it stop first: everything that differs and that a running machine locks. */
function staleFields(inputs: MachineInputs, found: FoundMachine, comparison: Comparison): string[] {
  const { nics, ...locked } = comparison.differences;
  return [
    ...Object.keys(locked),
    ...(nics && !comparison.live ? ["nics"] : []),
    ...(found.facts.extraData[SEED_KEY] === wantedDigest(inputs) ? [] : ["its seed"]),
  ];
}

export const machineDefinition: Definition<MachineInputs, MachineState> = {
  kind: "virtualbox:Machine",
  schema: machineSchema,
  changes: machineChanges,
  expects: {
    intact: {
      value: true,
      sentence: "its seed was changed outside or has not reached the guest: it is set right",
    },
  },
  id: ({ name }) => name,

  async observe(inputs, run, known) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const facts = await seekMachine(client, inputs, known?.adopted);
      if (!facts) return undefined;
      const folder = await folderOf(client, run);
      const found = await lookAt(client, facts, folder, run.mark, inputs);
      if (!isOurs(found, run.mark)) return undefined;
      return stateOf(inputs, found, {
        comparison: await compared(client, inputs, found, run.mark),
        arrival: plannedArrival(inputs, known),
        seeded: await isSeedRight(client, inputs, found, folder, run.mark),
      });
    });
  },

  async precheck(inputs, run) {
    if (inputs.bootRecord && !inputs.cloudInit)
      return [
        { field: "bootRecord", message: `${who(inputs)} has no cloud-init: nothing would make it call home` },
      ];
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const refs = await client.vms();
      const ref =
        refs.find(({ uuid }) => uuid === inputs.uuid) ?? refs.find(({ name }) => name === inputs.name);
      const facts = ref && (await client.vm(ref.uuid));
      const problems = await hostProblems(client, inputs, run.mark);
      if (!facts) return problems;
      const found = await lookAt(client, facts, await folderOf(client, run), run.mark, inputs);
      if (found.unfinished || ownership(found.mark, run.mark, inputs.adopt) !== "foreign") return problems;
      return [{ field: "name", message: foreignMessage("machine", facts.name, found.mark) }, ...problems];
    });
  },

  async reconcile(inputs, observed, run) {
    const client = await clientFor(run);
    const { mark } = run;
    return about(who(inputs), async () => {
      const folder = await folderOf(client, run);
      await finishMoves(client, folder, markPrefix(mark));
      const found = await claim(client, inputs, folder, run);
      const oldName = found?.facts.name ?? inputs.name;
      const comparison = found && (await compared(client, inputs, found, mark));
      let arrival = plannedArrival(inputs, observed);
      const save = (running: boolean) =>
        run.checkpoint(pruned<MachineState>({ ...inputs, ...arrival, running, intact: true }));
      if (!comparison || comparison.differences.nics) {
        const [clash] = await portClashes(
          client,
          { ...inputs, uuid: found?.facts.uuid ?? inputs.uuid },
          mark,
        );
        if (clash !== undefined) throw new LabError(`${who(inputs)}: ${clash}`);
      }

      await run.step("1/7 seed", async () => {
        if (!isSeeded(inputs)) return;
        const hostKey = await ensureSeed(client, inputs, folder, oldName, run);
        arrival = { ...arrival, sshHostKey: inputs.hostKey ?? hostKey };
      });
      const uuid = await run.step("2/7 create", () => ensureMachine(client, inputs, found, folder, run));
      const self = { name: inputs.name, uuid };
      const wasUp = found !== undefined && isUp(found.facts.power);
      save(wasUp);
      const stale = found && comparison ? staleFields(inputs, found, comparison) : [];
      const mustStop = found !== undefined && (!inputs.running || stale.length > 0);
      await run.step("3/7 stop", async () => {
        if (!found || !mustStop) return;
        if (wasUp && inputs.running) run.progress(`[3/7 stop] a restart brings in ${stale.join(", ")}`);
        // A saved state locks the settings as a running machine does.
        const isLocked = wasUp || (stale.length > 0 && found.facts.power !== "poweroff");
        if (isLocked) await turnOff(client, self, shutdownLimitS(SHUTDOWN_S), run);
      });
      await run.step("4/7 disks", async () => {
        const drives = storageOf(inputs, comparison);
        await syncStorage(client, inputs, { uuid, facts: found?.facts }, drives, {
          folder,
          seed: seedPath(client, folder, mark, inputs.name),
        });
        if (!comparison || comparison.differences.sharedFolders)
          await syncFolders(client, inputs, uuid, comparison?.differences.sharedFolders);
        if (oldName !== inputs.name || !isSeeded(inputs)) await removeSeed(client, folder, mark, oldName);
      });
      await run.step("5/7 settings", async () => {
        const interfaces = await interfacesFor(client, inputs, found?.facts);
        if (found && comparison && wasUp && !mustStop) await changeLive(client, found.facts, comparison.nics);
        else await client.modifyVm(uuid, settingsOf(inputs, comparison, interfaces));
        const digest = wantedDigest(inputs);
        if (found?.facts.extraData[SEED_KEY] !== digest) await client.setExtraData(uuid, SEED_KEY, digest);
      });
      await run.step("6/7 start", async () => {
        if (inputs.running && (!wasUp || mustStop || found?.facts.power !== "running"))
          await turnOn(client, self, run);
        await forgetRestart(client, folder, uuid, run);
      });
      save(inputs.running);
      arrival = await run.step("7/7 wait", async () =>
        inputs.running ? waitForArrival(client, uuid, inputs, arrival, run, "7/7 wait") : arrival,
      );
      const facts = await client.vm(uuid);
      if (!facts) throw new LabError(`${who(inputs)} vanished while it was set up; run "pulumi up" again`);
      const after = await lookAt(client, facts, folder, mark, inputs);
      return stateOf(inputs, after, {
        comparison: await compared(client, inputs, after, mark),
        arrival,
        seeded: await isSeedRight(client, inputs, after, folder, mark),
      });
    });
  },

  async remove(state, run) {
    const client = await clientFor(run);
    await about(who(state), async () => {
      const folder = await folderOf(client, run);
      const forget = async () => {
        await forgetRestart(client, folder, state.uuid, run);
        await removeSeed(client, folder, run.mark, state.name);
        await client.removeFile(client.join(folder, makingFile(run.mark, state.name)));
        await dropFolder(client, folder, run);
        endBootAccess(state, run);
      };
      const facts = (await seekMachine(client, state, state.adopted)) ?? (await takeIn(client, state));
      if (!facts) return forget();
      const found = await lookAt(client, facts, folder, run.mark, state);
      if (!isOurs(found, run.mark)) {
        run.say(`${who(state)} does not carry our mark any more: it is left alone`, "warning");
        return;
      }
      if (found.mark?.adopted && state.onDestroy !== "delete") {
        await run.step("1/1 release", () => release(client, facts.uuid));
        return;
      }
      const self = { name: state.name, uuid: facts.uuid };
      const hasDisks = facts.attachments.some(({ path }) => path?.endsWith(".vdi"));
      await run.step("1/4 stop", async () => {
        if (facts.power !== "poweroff")
          await turnOff(client, self, shutdownLimitS(hasDisks ? REMOVAL_SHUTDOWN_S : 0), run);
      });
      // Only what stands above our disks: the rest goes with the machine.
      const hasSnapshots = found.attached.some(
        ({ path, ours }) => path !== undefined && baseName(path) !== ours,
      );
      await run.step("2/4 snapshots", async () => {
        if (hasSnapshots) await mergeSnapshots(client, folder, self, run);
      });
      await run.step("3/4 delete", async () => {
        const now = hasSnapshots ? await client.vm(self.uuid) : facts;
        if (now) await deleteMachine(client, now);
      });
      await run.step("4/4 seed", forget);
    });
  },
};

/** The mark off; all settings stay. */
async function release(client: VirtualBoxClient, uuid: Uuid): Promise<void> {
  for (const key of [SEED_KEY, ADOPTED_KEY, MARK_KEY, UUID_KEY])
    await client.setExtraData(uuid, key, undefined);
}

/** What was written since is in the snapshots' files: into our disks with it, from the last snapshot to the first. */
async function mergeSnapshots(
  client: VirtualBoxClient,
  folder: string,
  machine: { name: string; uuid: Uuid },
  run: Run<MachineState>,
): Promise<void> {
  await finishMoves(client, folder, markPrefix(run.mark));
  const snapshots = await client.snapshots(machine.uuid);
  for (const [index, { uuid }] of [...snapshots].reverse().entries())
    await deleteSnapshot(client, folder, machine.uuid, uuid, {
      signal: run.signal,
      onProgress: (percent) =>
        run.progress(`[2/4 snapshots] ${index + 1} of ${snapshots.length}: ${percent} %`),
    });
}

/** What is attached stays known to VirtualBox only where it is taken out first. */
async function deleteMachine(client: VirtualBoxClient, { uuid, attachments }: VmFacts): Promise<void> {
  for (const { controller, port, device, path } of attachments)
    if (path !== undefined) await client.detach(uuid, { controller, port, device });
  await client.deleteVm(uuid);
}
