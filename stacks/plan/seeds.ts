import type { Declared, LabConfig } from "../config/types";
import { formerNamesOf } from "./renamed";
import { own, sortedKeys } from "./stable";
import type { Lock } from "./types";

export type Section = "machines" | "networks" | "images" | "users";

/** Where a thing's facts come from. */
export interface Seed {
  /** The name that hashed facts, default names and the mark are made of. */
  seed: string;
  /** The name that its entries in the lock file are under: its own, or the one before the rename. */
  source: string;
}

export interface Seeds {
  of(section: Section, name: string): Seed;
  /** What the new lock file must remember: `machines/web1: w1`. */
  remembered: Record<string, string>;
  notes: string[];
}

/**
 * A renamed thing keeps the seed that it was made with, also after a second rename and after `formerly` is gone
 * from the config: the lock file remembers. A new thing that takes an old name gets a seed of its own.
 */
export function resolveSeeds(config: LabConfig, lock: Lock): Seeds {
  const seeds = new Map<string, Seed>();
  const remembered: Record<string, string> = {};
  const notes: string[] = [];
  const known = namesIn(lock);

  for (const [section, things] of sectionsOf(config)) {
    const isKnown = (name: string) => known.has(`${section}/${name}`);
    const wanted = new Map<string, Seed>();
    for (const name of sortedKeys(things)) {
      const former = formerNamesOf(own(things, name) ?? {});
      // Without a lock file, the name that it was first made under.
      const before = former.find(isKnown) ?? former.at(-1);
      const source = isKnown(name) ? name : (before ?? name);
      const formerly = isKnown(name) ? former.find(isKnown) : undefined;
      if (formerly !== undefined)
        notes.push(
          `${name}: "formerly: ${formerly}" has no effect, because the lock file already knows a "${name}". Remove it.`,
        );
      wanted.set(name, { source, seed: own(lock.seeds, `${section}/${source}`) ?? source });
    }
    const settled = settle(wanted);
    for (const [name, seed] of settled) {
      seeds.set(`${section}/${name}`, seed);
      // Also where a thing has come back to its first name: as long as `formerly` is there, it must not be read anew.
      if (seed.seed !== name || formerNamesOf(own(things, name) ?? {}).length > 0)
        remembered[`${section}/${name}`] = seed.seed;
    }
  }

  return {
    of: (section, name) => seeds.get(`${section}/${name}`) ?? { seed: name, source: name },
    remembered,
    notes,
  };
}

/**
 * Things that had another name keep what it gave them; one that is newly called so takes the next free seed.
 * Without regard to case, because host names are made of seeds.
 */
function settle(wanted: ReadonlyMap<string, Seed>): Map<string, Seed> {
  const settled = new Map<string, Seed>();
  const names = new Set([...wanted.keys()].map((name) => name.toLowerCase()));
  const claimed = new Set<string>();
  const entries = [...wanted];
  const isNamedBySeed = ([name, { seed }]: [string, Seed]) => seed === name;
  for (const [name, wish] of [
    ...entries.filter((entry) => !isNamedBySeed(entry)),
    ...entries.filter(isNamedBySeed),
  ]) {
    let { seed } = wish;
    for (let n = 2; claimed.has(seed.toLowerCase()); n++)
      if (!names.has(`${name}-${n}`.toLowerCase())) seed = `${name}-${n}`;
    // Two names that differ in case only are the user's own, and told where host names are compared.
    if (seed !== name) claimed.add(seed.toLowerCase());
    settled.set(name, { ...wish, seed });
  }
  return settled;
}

function sectionsOf(config: LabConfig): [Section, Record<string, Declared>][] {
  return [
    ["machines", config.machines],
    ["networks", config.networks],
    ["images", fogImagesOf(config)],
    ["users", config.vpn?.users ?? {}],
  ];
}

/** Images of FOG servers: the only ones that are declared things themselves. */
const fogImagesOf = ({ images }: LabConfig): Record<string, Declared> =>
  Object.fromEntries(Object.entries(images).flatMap(([name, { fog }]) => (fog ? [[name, fog]] : [])));

/** Everything that the lock file has an entry of, as `section/name`. */
function namesIn(lock: Lock): Set<string> {
  const names = new Set<string>(Object.keys(lock.seeds ?? {}));
  for (const network of Object.keys(lock.cidrs)) names.add(`networks/${network}`);
  for (const [network, machines] of Object.entries(lock.addresses)) {
    names.add(`networks/${network}`);
    for (const card of Object.keys(machines)) names.add(`machines/${card.replace(/#\d+$/, "")}`);
  }
  for (const machine of [...Object.keys(lock.macs ?? {}), ...Object.keys(lock.homes ?? {})])
    names.add(`machines/${machine}`);
  return names;
}
