import { Readable } from "node:stream";
import type { Mark, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { seedDigest } from "../seed/cloud-init";
import { LARGEST_SEED, seedName, seedOf } from "../seed/image";
import type { LibvirtClient, VolumeRef } from "./client";
import { unlessGone } from "./clients";
import type { DomainInputs } from "./domain";
import { renderVolume } from "./xml/volume";

/** Name of a domain's seed image. */
export const seedVolumeName = (mark: Mark, domain: string): string => `${seedName(mark, domain)}.iso`;

type SeededInputs = DomainInputs & Required<Pick<DomainInputs, "cloudInit" | "seedPool">>;

/** Domains with cloud-init must name the pool of their seed. */
export const isSeeded = (inputs: DomainInputs): inputs is SeededInputs =>
  inputs.cloudInit !== undefined && inputs.seedPool !== undefined;

export const wantedDigest = (inputs: DomainInputs): string | undefined =>
  isSeeded(inputs) ? seedDigest(inputs) : undefined;

/** What is there under the seed's name; empty where it is no seed of ours. */
async function readSeed(client: LibvirtClient, ref: VolumeRef, signal: AbortSignal) {
  const info = await unlessGone(client.volumeInfo(ref));
  if (!info) return undefined;
  return info.capacity > LARGEST_SEED ? Buffer.alloc(0) : client.volumeDownload(ref, signal);
}

/** The seed image, made of exactly these inputs. Returns the public host key. */
export async function ensureSeed(
  client: LibvirtClient,
  inputs: SeededInputs,
  run: Pick<Run, "mark" | "secret" | "random" | "signal" | "now">,
): Promise<string> {
  const { seedPool, name } = inputs;
  const pool = await client.poolByName(seedPool);
  if (!pool) throw new LabError(`domain "${name}": there is no storage pool "${seedPool}" for its seed`);
  const wanted: VolumeRef = { pool: seedPool, name: seedVolumeName(run.mark, name), key: "" };
  const existing = await readSeed(client, wanted, run.signal);
  const { image, hostKey } = seedOf(inputs, existing, run);
  if (!image) return hostKey;
  if (existing) await client.volumeDelete(wanted);
  const ref = await client.volumeCreate(
    pool,
    renderVolume({ name: wanted.name, format: "iso", capacity: image.length }),
  );
  await client.volumeUpload(ref, Readable.from([image]), image.length, undefined, run.signal);
  return hostKey;
}

export async function removeSeed(
  client: LibvirtClient,
  inputs: Pick<DomainInputs, "name" | "seedPool">,
  mark: Mark,
): Promise<void> {
  if (inputs.seedPool === undefined || !(await client.poolByName(inputs.seedPool))) return;
  await client.volumeDelete({ pool: inputs.seedPool, name: seedVolumeName(mark, inputs.name), key: "" });
}
