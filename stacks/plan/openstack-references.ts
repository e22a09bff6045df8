/** What inputs of OpenStack's resources may hold besides plain values: what only another resource or the cloud knows. */

/** An output of another planned resource, by its key. */
export interface OutputReference {
  ref: string;
  output: string;
}

/** A fact of the cloud, looked up before anything is declared. */
export interface CloudReference {
  cloud: "externalNetworkId" | "externalNetworkName";
}

/** The smallest flavor that has this much; the lock file keeps which. */
export interface FlavorReference {
  flavorWith: FlavorNeeds;
}

/** An image of the cloud. The lock file keeps its id: images are rotated, and a name is another one's tomorrow. */
export interface ImageReference {
  imageNamed: string;
  /** Id that the lock file has for it. */
  known?: string;
}

export interface FlavorNeeds {
  cpus: number;
  memoryMiB: number;
  diskGiB: number;
}

export const outputOf = (ref: string, output = "id"): OutputReference => ({ ref, output });

export const isOutputReference = (value: unknown): value is OutputReference => has(value, "ref");
export const isCloudReference = (value: unknown): value is CloudReference => has(value, "cloud");
export const isFlavorReference = (value: unknown): value is FlavorReference => has(value, "flavorWith");
export const isImageReference = (value: unknown): value is ImageReference => has(value, "imageNamed");

const has = (value: unknown, key: string): boolean =>
  typeof value === "object" && value !== null && Object.hasOwn(value, key);

/** `2 cpus, 4096 MiB, 20 GiB`: what a flavor was chosen for, in the lock file. */
export const needsText = ({ cpus, memoryMiB, diskGiB }: FlavorNeeds): string =>
  `${cpus} ${cpus === 1 ? "cpu" : "cpus"}, ${memoryMiB} MiB, ${diskGiB} GiB`;

/** `m1.small for 1 cpu, 2048 MiB, 20 GiB` */
export const chosenFlavor = (flavor: string, needs: FlavorNeeds): string =>
  `${flavor} for ${needsText(needs)}`;

/** The flavor of the lock file, as long as it was chosen for the same needs. */
export function lockedFlavor(entry: string | undefined, needs: FlavorNeeds): string | undefined {
  const end = ` for ${needsText(needs)}`;
  return entry?.endsWith(end) ? entry.slice(0, -end.length) : undefined;
}

/** `Debian 12 = 5f0c…`: an image in the lock file. */
export const chosenImage = (name: string, id: string): string => `${name} = ${id}`;

/** The id in the lock file, as long as it is of the same name. */
export function lockedImage(entry: string | undefined, name: string): string | undefined {
  const start = `${name} = `;
  return entry?.startsWith(start) ? entry.slice(start.length) : undefined;
}
