import type { Run } from "../core/definition";
import { seedDigest } from "../seed/cloud-init";
import { LARGEST_SEED, seedName, seedOf } from "../seed/image";
import type { VirtualBoxClient } from "./client";
import { isoPath } from "./folder";
import type { MachineInputs } from "./machine";

export type SeededInputs = MachineInputs & Required<Pick<MachineInputs, "cloudInit">>;

export const isSeeded = (inputs: MachineInputs): inputs is SeededInputs => inputs.cloudInit !== undefined;

/** What its seed is made of; kept with the machine, as what it was last started with. */
export const wantedDigest = (inputs: MachineInputs): string | undefined =>
  isSeeded(inputs) ? seedDigest(inputs) : undefined;

export const seedFile = (mark: Run["mark"], machine: string): string => `${seedName(mark, machine)}.iso`;

export const seedPath = (
  client: VirtualBoxClient,
  folder: string,
  mark: Run["mark"],
  machine: string,
): string => isoPath(client, folder, seedName(mark, machine));

/**
 * The seed's file, made of exactly these inputs; that of `oldName` is read where the machine is being renamed. Returns
 * the public host key.
 */
export async function ensureSeed(
  client: VirtualBoxClient,
  inputs: SeededInputs,
  folder: string,
  oldName: string,
  run: Pick<Run, "mark" | "secret" | "random" | "signal" | "now">,
): Promise<string> {
  const path = seedPath(client, folder, run.mark, inputs.name);
  const read = async (from: string) => {
    const size = await client.fileSize(from);
    return size === undefined || size > LARGEST_SEED
      ? undefined
      : client.readFile(from, { signal: run.signal });
  };
  const existing = (await read(path)) ?? (await read(seedPath(client, folder, run.mark, oldName)));
  const { image, hostKey } = seedOf(inputs, existing, run);
  if (!image && (oldName === inputs.name || (await client.fileExists(path)))) return hostKey;
  await client.makeFolder(folder);
  await client.putFile(path, image ?? (existing as Buffer), { signal: run.signal });
  return hostKey;
}

/** Only of a machine that does not have it in its drive any more. */
export async function removeSeed(
  client: VirtualBoxClient,
  folder: string,
  mark: Run["mark"],
  machine: string,
): Promise<void> {
  const path = seedPath(client, folder, mark, machine);
  if (!(await client.fileExists(path))) return;
  await client.closeMedium("dvd", path);
  await client.removeFile(path);
}
