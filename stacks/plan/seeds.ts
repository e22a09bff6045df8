import type { LabConfig } from "../config/types";
import { own, sortedKeys } from "./stable";
import type { Lock } from "./types";

export type Section = "machines" | "networks" | "users";

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
      const formerly = own(things, name)?.formerly;
      const source = formerly !== undefined && !isKnown(name) ? formerly : name;
      if (formerly !== undefined && isKnown(name) && isKnown(formerly))
        notes.push(
          `${name}: "formerly: ${formerly}" has no effect, because the lock file already knows a "${name}". Remove it.`,
        );
      wanted.set(name, { source, seed: own(lock.seeds, `${section}/${source}`) ?? source });
    }
    const settled = settle(wanted);
    for (const [name, seed] of settled) {
      seeds.set(`${section}/${name}`, seed);
      if (seed.seed !== name) remembered[`${section}/${name}`] = seed.seed;
    }
  }

  return {
    of: (section, name) => seeds.get(`${section}/${name}`) ?? { seed: name, source: name },
    remembered,
    notes,
  };
}

/** Things that had another name keep what it gave them; one that is newly called so takes the next free seed. */
function settle(wanted: ReadonlyMap<string, Seed>): Map<string, Seed> {
  const names = [...wanted.keys()];
  const claimed = new Set<string>();
  const settled = new Map<string, Seed>();
  const ownName = (name: string) => wanted.get(name)?.seed === name;
  for (const name of [...names.filter((n) => !ownName(n)), ...names.filter(ownName)]) {
    const wish = wanted.get(name);
    if (!wish) continue;
    let seed = wish.seed;
    for (let n = 2; claimed.has(seed); n++) {
      const next = `${name}-${n}`;
      seed = claimed.has(next) || wanted.has(next) ? seed : next;
    }
    claimed.add(seed);
    settled.set(name, { ...wish, seed });
  }
  return settled;
}

function sectionsOf(config: LabConfig): [Section, Record<string, { formerly?: string }>][] {
  return [
    ["machines", config.machines],
    ["networks", config.networks],
    ["users", config.vpn?.users ?? {}],
  ];
}

/** Everything that the lock file has an entry of, as `section/name`. */
function namesIn(lock: Lock): Set<string> {
  const names = new Set<string>(Object.keys(lock.seeds ?? {}));
  for (const network of Object.keys(lock.cidrs)) names.add(`networks/${network}`);
  for (const [network, machines] of Object.entries(lock.addresses)) {
    names.add(`networks/${network}`);
    for (const card of Object.keys(machines)) names.add(`machines/${card.replace(/#\d+$/, "")}`);
  }
  for (const machine of Object.keys(lock.macs ?? {})) names.add(`machines/${machine}`);
  return names;
}
