import { LabError } from "../core/errors";
import { OFF, type VirtualBoxClient } from "./client";
import { about } from "./clients";
import type { MachineState } from "./machine";
import { seekMachine } from "./machine-look";

/** Write a machine as an appliance to a file at its host. Only one that is off is exported whole. */
export async function exportMachine(
  client: VirtualBoxClient,
  state: Pick<MachineState, "name" | "uuid" | "adopt" | "adopted">,
  path: string,
  onProgress: (percent: number) => void,
): Promise<void> {
  const who = `machine "${state.name}"`;
  await about(who, async () => {
    const facts = await seekMachine(client, state, state.adopted);
    if (!facts) throw new LabError(`${who} is not there; run "npm run lab -- refresh" first`);
    if (!OFF.has(facts.power))
      throw new LabError(
        `${who} is ${facts.power}. Say "running: false" and run "npm run lab -- up" first: what is in its memory is not exported.`,
      );
    if (await client.fileExists(path))
      throw new LabError(`${path} exists. Name another file, or remove that one.`);
    try {
      await client.exportVm(facts.uuid, path, { onProgress });
    } catch (error) {
      await client.removeFile(path).catch(() => {}); // half an appliance; the first error is the one to tell
      throw error;
    }
  });
}
