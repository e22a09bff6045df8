import { bootAccessOf, expectHostKey } from "../boot/access";
import { type Mark, markPrefix, type Run } from "../core/definition";
import { type SeedInputs, seedDigest, seedTexts } from "./cloud-init";
import { makeHostKey } from "./host-key";
import { readIso, writeIso } from "./iso9660";
import { type Kept, keptIn } from "./read-back";
import { sealed, unsealed } from "./seal";

/** A machine that has a seed. */
export interface SeededMachine extends SeedInputs {
  name: string;
}

/** A seed is some 60 kB; anything much larger under its name is not ours to read into memory. */
export const LARGEST_SEED = 16 * 1024 * 1024;

/** Name of a machine's seed, without its ending and with our mark in front. */
export function seedName(mark: Mark, machine: string): string {
  const prefix = markPrefix(mark);
  return `${prefix}${machine.startsWith(prefix) ? machine.slice(prefix.length) : machine}-seed`;
}

export interface Seed {
  /** Undefined where the image that is there is this one. */
  image: Buffer | undefined;
  digest: string;
  /** `ssh-ed25519 AAAA…`; the private key exists in the image alone. */
  hostKey: string;
}

/** `ssh-ed25519 AAAA…`, without the comment. */
const bare = (publicKey: string): string => publicKey.trim().split(/\s+/).slice(0, 2).join(" ");

/**
 * The seed of exactly these inputs. One that is whole and up to date stays; a host key and a boot token that were
 * given out once are kept in every later one, also when the run that made it was killed before its state was saved.
 */
export function seedOf(
  inputs: SeededMachine,
  existing: Buffer | undefined,
  run: Pick<Run, "mark" | "secret" | "random" | "now">,
): Seed {
  const found = existing && read(existing);
  const digest = seedDigest(inputs);
  const { hostKey: given, bootToken } = found?.kept ?? {};
  const access = bootAccessOf(inputs, run, bootToken);
  const isWhole = found?.digest === digest && access?.token === bootToken;
  if (isWhole && given) {
    expectHostKey(inputs, bare(given.publicKey));
    return { image: undefined, digest, hostKey: bare(given.publicKey) };
  }

  const hostKey = given ?? makeHostKey(run.random, `root@${inputs.hostName}`);
  const texts = seedTexts(inputs, hostKey, (secret) => run.secret({ secret }), access);
  const files = Object.entries(texts).map(([name, text]) => ({ name, data: Buffer.from(text, "utf8") }));
  const publicKey = bare((keptIn(texts["user-data"]).hostKey ?? hostKey).publicKey);
  expectHostKey(inputs, publicKey);
  return {
    image: sealed(writeIso("cidata", files), digest),
    digest,
    hostKey: publicKey,
  };
}

/** Digest and keys of a seed that is whole. */
function read(bytes: Buffer): { digest: string | undefined; kept: Kept } {
  const whole = unsealed(bytes);
  const text =
    whole &&
    readIso(whole.image)
      ?.find(({ name }) => name === "user-data")
      ?.data.toString("utf8");
  return { digest: whole?.digest, kept: text === undefined ? {} : keptIn(text) };
}
