import type { ImageInputs } from "../../providers/fog/image";
import type { ConfigPath, FogBackend, FogImageConfig } from "../config/types";
import { backendFor } from "./backends";
import type { Context } from "./context";
import { badLogicalName } from "./names";
import { renamed } from "./renamed";
import type { Seed } from "./seeds";
import { given, own, sortedKeys } from "./stable";
import { type PlannedResource, resourceKey } from "./types";

/** An image of a FOG server. */
export interface FogImageFacts extends Seed {
  logical: string;
  config: FogImageConfig;
  backend: FogBackend;
  /** Name in the server. */
  name: string;
  /** Its record is ours to make, take over or change; else the server's own, which is used as it is. */
  isRecorded: boolean;
}

/** Every image of a FOG server that can be planned; what is wrong with the others is in the problems. */
export function planFogImages(context: Context): Map<string, FogImageFacts> {
  const images = new Map<string, FogImageFacts>();
  for (const logical of sortedKeys(context.config.images)) {
    const config = own(context.config.images, logical)?.fog;
    if (!config) continue;
    const path = ["images", logical, "fog"];
    const bad = badLogicalName(logical);
    if (bad) context.problems.add(["images", logical], `${bad}. Rename it.`);
    const backend = backendFor(context, config.backend, ["fog"], [...path, "backend"]);
    if (backend?.kind !== "fog") continue;
    const seed = context.seeds.of("images", logical);
    const name = config.name ?? seed.seed;
    checkImageFields(context, path, config, name);
    images.set(logical, {
      ...seed,
      logical,
      config,
      backend,
      name,
      isRecorded: config.path !== undefined || config.capture !== undefined || config.adopt === true,
    });
  }
  checkNames(context, [...images.values()]);
  return images;
}

/** Fields of a record, on an image that is only used. */
const OF_A_RECORD = ["osId", "imageType", "partitionType", "enabled", "onDestroy"] as const;

function checkImageFields(context: Context, path: ConfigPath, config: FogImageConfig, name: string): void {
  const add = (field: string, message: string) => context.problems.add([...path, field], message);
  if (name.trim() !== name || /[\n\t]| {2}/.test(name))
    add(
      "name",
      `name "${name}": FOG squeezes white space, and would not find it again. Use single blanks, and none at the ends.`,
    );
  if (config.path !== undefined || config.capture !== undefined || config.adopt === true) return;
  for (const field of OF_A_RECORD)
    if (config[field] !== undefined)
      add(
        field,
        `${field} is of an image that labplan registers; this one is used as the server has it. Take it out, or give the image's \`path\` in the server's store, or \`adopt: true\`.`,
      );
}

/** The server compares names without regard to case. */
function checkNames({ problems }: Context, images: readonly FogImageFacts[]): void {
  const holders = new Map<string, FogImageFacts>();
  const folders = new Map<string, FogImageFacts>();
  for (const image of images) {
    const key = `${image.backend.url} ${image.name.toLowerCase()}`;
    const other = holders.get(key);
    // Two names for one image of the server's own do no harm.
    if (other && (other.isRecorded || image.isRecorded))
      problems.add(
        ["images", image.logical, "fog", ...(image.config.name === undefined ? [] : ["name"])],
        `image "${other.logical}" is called "${image.name}" in that server too. Give one of them another \`name:\`.`,
      );
    holders.set(key, other ?? image);
    const folder = folderOf(image);
    if (folder === undefined) continue;
    const folderKey = `${image.backend.url} ${folder}`;
    const sharing = folders.get(folderKey);
    if (sharing && sharing !== other)
      problems.add(
        ["images", image.logical, "fog", ...(image.config.path === undefined ? [] : ["path"])],
        `image "${sharing.logical}" lies in the folder "${folder}" of that server's store too: a capture of one would replace the other. Give each its own \`path\`.`,
      );
    folders.set(folderKey, sharing ?? image);
  }
}

/** A captured image needs a folder; an adopted one has its own. */
function folderOf({ config, name }: FogImageFacts): string | undefined {
  if (config.path !== undefined) return config.path;
  return config.capture !== undefined && config.adopt !== true
    ? name.replace(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "") || "image"
    : undefined;
}

export const imageKey = ({ logical }: FogImageFacts): string => resourceKey("fog:Image", logical);

/** The image's record, where it is ours. */
export function fogImageResource(image: FogImageFacts): PlannedResource | undefined {
  const { logical, config, backend, name, seed, isRecorded } = image;
  if (!isRecorded) return undefined;
  const path = folderOf(image);
  const inputs: ImageInputs = {
    name,
    backend: config.backend,
    ...(path === undefined ? {} : { path }),
    // What is not said is FOG's usual, or what an adopted one has: the provider's affair.
    ...given(config, ["osId", "imageType", "partitionType", "enabled", "adopt", "onDestroy"]),
  };
  return {
    kind: "fog:Image",
    ...renamed(logical, config, seed),
    inputs: { ...inputs },
    dependsOn: [],
    recreateWith: [],
    backend,
  };
}
