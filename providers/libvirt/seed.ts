import { Readable } from "node:stream";
import { bootAccessOf } from "../boot/access";
import { type Mark, markPrefix, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import { seedDigest, seedTexts } from "../seed/cloud-init";
import { makeHostKey } from "../seed/host-key";
import { readIso, writeIso } from "../seed/iso9660";
import { type Kept, keptIn } from "../seed/read-back";
import { sealed, unsealed } from "../seed/seal";
import type { LibvirtClient, VolumeRef } from "./client";
import { unlessGone } from "./clients";
import type { DomainInputs } from "./domain";
import { renderVolume } from "./xml/volume";

/** Name of a domain's seed image, with our mark in front. */
export function seedVolumeName(mark: Mark, domain: string): string {
  const prefix = markPrefix(mark);
  return `${prefix}${domain.startsWith(prefix) ? domain.slice(prefix.length) : domain}-seed.iso`;
}

/** A seed is some 60 kB; anything much larger under its name is not ours to read into memory. */
const LARGEST = 16n * 1024n * 1024n;

interface Existing {
  ref: VolumeRef;
  /** Undefined when the image is not whole. */
  digest: string | undefined;
  kept: Kept;
}

async function readSeed(
  client: LibvirtClient,
  ref: VolumeRef,
  signal: AbortSignal,
): Promise<Existing | undefined> {
  const info = await unlessGone(client.volumeInfo(ref));
  if (!info) return undefined;
  const bytes = info.capacity > LARGEST ? Buffer.alloc(0) : await client.volumeDownload(ref, signal);
  const whole = unsealed(bytes);
  const text =
    whole &&
    readIso(whole.image)
      ?.find(({ name }) => name === "user-data")
      ?.data.toString("utf8");
  return { ref, digest: whole?.digest, kept: text === undefined ? {} : keptIn(text) };
}

type SeededInputs = DomainInputs & Required<Pick<DomainInputs, "cloudInit" | "seedPool">>;

/** Domains with cloud-init must name the pool of their seed. */
export const isSeeded = (inputs: DomainInputs): inputs is SeededInputs =>
  inputs.cloudInit !== undefined && inputs.seedPool !== undefined;

export const wantedDigest = (inputs: DomainInputs): string | undefined =>
  isSeeded(inputs) ? seedDigest(inputs) : undefined;

/** `ssh-ed25519 AAAA…`, without the comment. */
const bare = (publicKey: string): string => publicKey.trim().split(/\s+/).slice(0, 2).join(" ");

/**
 * The seed image, made of exactly these inputs. One that is whole and up to date stays; a host key and a boot token
 * that were given out once are kept in every later one, also when the run that made it was killed before its state
 * was saved.
 * Returns the public host key; the private one exists in the image alone.
 */
export async function ensureSeed(
  client: LibvirtClient,
  inputs: SeededInputs,
  run: Pick<Run, "mark" | "secret" | "random" | "signal" | "now">,
): Promise<string> {
  const { seedPool, name, hostName } = inputs;
  const pool = await client.poolByName(seedPool);
  if (!pool) throw new LabError(`domain "${name}": there is no storage pool "${seedPool}" for its seed`);
  const volume = seedVolumeName(run.mark, name);
  const existing = await readSeed(client, { pool: seedPool, name: volume, key: "" }, run.signal);
  const digest = seedDigest(inputs);
  const { hostKey: given, bootToken } = existing?.kept ?? {};
  const access = bootAccessOf(inputs, run, bootToken);
  const isWhole = existing?.digest === digest && access?.token === bootToken;
  if (isWhole && given) return bare(given.publicKey);

  const hostKey = given ?? makeHostKey(run.random, `root@${hostName}`);
  const texts = seedTexts(inputs, hostKey, (secret) => run.secret({ secret }), access);
  const files = Object.entries(texts).map(([file, text]) => ({
    name: file,
    data: Buffer.from(text, "utf8"),
  }));
  const image = sealed(writeIso("cidata", files), digest);
  if (existing) await client.volumeDelete(existing.ref);
  const ref = await client.volumeCreate(
    pool,
    renderVolume({ name: volume, format: "iso", capacity: image.length }),
  );
  await client.volumeUpload(ref, Readable.from([image]), image.length, undefined, run.signal);
  return bare((keptIn(texts["user-data"]).hostKey ?? hostKey).publicKey);
}

export async function removeSeed(
  client: LibvirtClient,
  inputs: Pick<DomainInputs, "name" | "seedPool">,
  mark: Mark,
): Promise<void> {
  if (inputs.seedPool === undefined || !(await client.poolByName(inputs.seedPool))) return;
  await client.volumeDelete({ pool: inputs.seedPool, name: seedVolumeName(mark, inputs.name), key: "" });
}
