import { endBootAccess } from "../boot/access";
import { markPrefix, type Run } from "../core/definition";
import { REMOVAL_SHUTDOWN_S, shutdownLimitS } from "../core/shutdown";
import type { Uuid, VirtualBoxClient, VmFacts } from "./client";
import { about, clientFor } from "./clients";
import { baseName, dropFolder, folderOf } from "./folder";
import type { MachineState } from "./machine";
import { takeIn, who } from "./machine-claim";
import { isOurs, lookAt, seekMachine } from "./machine-look";
import { ADOPTED_KEY, MARK_KEY, makingFile, SEED_KEY, UUID_KEY } from "./marks";
import { forgetRestart, turnOff } from "./power";
import { removeSeed } from "./seed";
import { deleteSnapshot, finishMoves } from "./snapshot-moves";

/** Remove our machine with its settings; the disks are resources of their own. An adopted one is released. */
export async function removeMachine(state: MachineState, run: Run<MachineState>): Promise<void> {
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
}

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
