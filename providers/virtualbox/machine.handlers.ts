import { type Definition, type Mark, markPrefix } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import { SHUTDOWN_S, shutdownLimitS } from "../core/shutdown";
import type { Arrival } from "../ssh/arrival";
import { plannedArrival, waitForArrival } from "./arrival";
import type { VirtualBoxClient } from "./client";
import { about, clientFor } from "./clients";
import { folderOf } from "./folder";
import type { MachineInputs, MachineState } from "./machine";
import { machineChanges } from "./machine.changes";
import { machineSchema } from "./machine.schema";
import { hostProblems, portClashes } from "./machine-checks";
import { claim, ensureMachine, who } from "./machine-claim";
import type { Comparison } from "./machine-compare";
import { compared, type FoundMachine, interfacesFor, isOurs, lookAt, seekMachine } from "./machine-look";
import { removeMachine } from "./machine-remove";
import { changeLive, settingsOf } from "./machine-settings";
import { storageOf, syncFolders, syncStorage } from "./machine-storage";
import { foreignMessage, ownership, SEED_KEY } from "./marks";
import { forgetRestart, isUp, turnOff, turnOn } from "./power";
import { ensureSeed, isSeeded, removeSeed, seedPath, wantedDigest } from "./seed";
import { finishMoves } from "./snapshot-moves";

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

  remove: removeMachine,
};
