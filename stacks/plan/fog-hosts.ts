import type { PlannedPower } from "../../providers/power/power";
import { placeOf } from "../config/place";
import { suggest } from "../config/suggest";
import type { ConfigPath, FogBackend, MachineConfig } from "../config/types";
import type { Context } from "./context";
import { checkFogFields } from "./fog-fields";
import type { FogImageFacts } from "./fog-images";
import { badFogName } from "./fog-names";
import { planPower } from "./fog-power";
import type { Seed } from "./seeds";
import { own, sortedKeys } from "./stable";

/** A host of a FOG server with all its facts. */
export interface FogHostFacts extends Seed {
  logical: string;
  config: MachineConfig;
  backend: FogBackend;
  place: string;
  /** Name in the server. */
  name: string;
  /** What is put on it; absent for a host that is only registered. */
  imaged?: {
    image: FogImageFacts;
    power: PlannedPower;
    /** Which image it is given back with. */
    release?: FogImageFacts;
  };
}

/** Every host of a FOG server that can be planned; what is wrong with the others is in the problems. */
export function planFogHosts(
  context: Context,
  images: ReadonlyMap<string, FogImageFacts>,
): Map<string, FogHostFacts> {
  const hosts = new Map<string, FogHostFacts>();
  for (const logical of sortedKeys(context.config.machines)) {
    const config = own(context.config.machines, logical);
    const backend = config && own(context.config.backends, config.backend);
    if (!config || backend?.kind !== "fog") continue;
    checkFogFields(context, logical, config);
    const seed = context.seeds.of("machines", logical);
    const name = nameOf(context, logical, config, backend, seed);
    const imaged = imagingOf(context, logical, config, backend, images);
    if (name === undefined || imaged === undefined) continue;
    const facts = { ...seed, logical, config, backend, place: placeOf(backend), name };
    hosts.set(logical, imaged === "none" ? facts : { ...facts, imaged });
  }
  for (const host of hosts.values()) checkNew(context, host);
  return hosts;
}

/** Its name in the server: of the inventory, given, or its own. Undefined after a problem. */
function nameOf(
  { problems }: Context,
  logical: string,
  { resource, name, macs }: MachineConfig,
  { inventory = {} }: FogBackend,
  { seed }: Seed,
): string | undefined {
  const path = ["machines", logical];
  let wanted = name ?? seed;
  let at: ConfigPath = [...path, ...(name === undefined ? [] : ["name"])];
  if (resource !== undefined) {
    at = [...path, "resource"];
    if (name !== undefined) {
      problems.add(at, "a host has a `name` or is a `resource` of the inventory. Take one of the two out.");
      return undefined;
    }
    const found = own(inventory, resource);
    if (found === undefined) {
      const known = sortedKeys(inventory);
      problems.add(
        at,
        known.length === 0
          ? `its backend has no inventory. Add it there, like \`inventory: { "${resource}": <host in FOG> }\`.`
          : `the inventory of its backend has no resource "${resource}"${suggest(resource, known)}`,
      );
      return undefined;
    }
    wanted = found;
  }
  const bad = badFogName(wanted, macs !== undefined);
  if (bad) problems.add(at, `the host's name ${bad}.`);
  return wanted;
}

/** What is put on it, and what at the end; undefined after a problem. */
function imagingOf(
  context: Context,
  logical: string,
  config: MachineConfig,
  backend: FogBackend,
  images: ReadonlyMap<string, FogImageFacts>,
): FogHostFacts["imaged"] | "none" | undefined {
  if (config.image === undefined) return "none";
  const image = imageOf(context, config, config.image, ["machines", logical, "image"], images);
  const power = planPower(context, logical, config, backend);
  const { onRelease } = config;
  const release =
    onRelease?.do === "image"
      ? imageOf(context, config, onRelease.image, ["machines", logical, "onRelease"], images)
      : undefined;
  if (!image || !power) return undefined;
  return { image, power, ...(release ? { release } : {}) };
}

function imageOf(
  { config, problems }: Context,
  machine: MachineConfig,
  name: string,
  path: ConfigPath,
  images: ReadonlyMap<string, FogImageFacts>,
): FogImageFacts | undefined {
  const image = images.get(name);
  const add = (message: string) => problems.add(path, message);
  if (!image) {
    const declared = own(config.images, name);
    if (!declared) add(`no image "${name}" is declared${suggest(name, sortedKeys(config.images))}`);
    else if (!declared.fog)
      add(
        `image "${name}" is a disk of virtual machines, and a host of bare metal gets its image from its FOG server. Declare one, like \`${name}-metal: { fog: { backend: ${machine.backend} } }\`.`,
      );
    return undefined;
  }
  if (placeOf(image.backend) !== placeOf(own(config.backends, machine.backend) ?? image.backend)) {
    add(
      `image "${name}" is of FOG server "${image.config.backend}", and this host of "${machine.backend}". Declare another one with \`fog: { backend: ${machine.backend}, … }\`.`,
    );
    return undefined;
  }
  return image;
}

/**
 * A host that this stack did not have before is somebody's until its owner says otherwise: imaging it loses what is
 * on it. That a host was there before says the lock file.
 */
function checkNew(
  { lock, problems }: Context,
  { logical, source, config, imaged, name }: FogHostFacts,
): void {
  if (!imaged || own(lock.homes, source) === config.backend) return;
  if (config.allow?.includes("wipe") || config.adopt === true) return;
  problems.add(
    ["machines", logical],
    `it is new here: image "${imaged.image.logical}" would be put on host "${name}", and what is on its disks lost. If that is meant, add \`allow: [wipe]\` to it until it is done; if it has that image already, \`adopt: true\` takes it as it is.`,
  );
}
