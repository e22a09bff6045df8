import { markPrefix } from "../../providers/core/definition";
import type { MediumInputs } from "../../providers/virtualbox/medium";
import type { BackendConfig } from "../config/types";
import type { Context } from "./context";
import type { MachineFacts } from "./machines";
import { renamed } from "./renamed";
import { own } from "./stable";
import { type PlannedResource, resourceKey } from "./types";

/** A medium as a machine sees it. */
export interface PlannedMedium {
  /** Key of the resource. */
  key: string;
  /** Name without its ending. */
  name: string;
  /** What must be there besides, before it is used: the build of an installed image. */
  needs: readonly string[];
}

/** Where a medium is made. */
export interface MediumPlace {
  /** Logical name of the backend. */
  name: string;
  backend: BackendConfig;
}
const placeOf = ({ config, backend }: MachineFacts): MediumPlace => ({ name: config.backend, backend });

const MIB = 2 ** 20;
/** VirtualBox's disks are whole MiB. */
export const wholeMiB = (bytes: number): number => Math.ceil(bytes / MIB) * MIB;

/** Collects the media that machines need, each once. */
export class MediumPlan {
  readonly #context: Context;
  readonly #resources = new Map<string, PlannedResource>();
  /** Disks of installed images, by image. */
  readonly #installed = new Map<string, PlannedMedium>();

  constructor(context: Context) {
    this.#context = context;
  }

  resources(): PlannedResource[] {
    return [...this.#resources.values()];
  }

  /** A disk of a machine: a linked or full clone of its image, or blank. */
  disk(machine: MachineFacts, index: number): PlannedMedium | undefined {
    const disk = machine.config.disks?.[index];
    if (!disk) return undefined;
    const base = disk.image === undefined ? undefined : this.image(machine, disk.image, "vdi");
    // A full copy is none of the image's business any more.
    const isBound = base !== undefined && disk.clone !== "full";
    return this.#add(
      placeOf(machine),
      renamed(machine.logical, machine.config, machine.seed, (name) => `${name}.disk${index}`),
      `${machine.seed}-disk${index}`,
      {
        format: "vdi",
        capacity: wholeMiB(disk.sizeBytes),
        ...(base ? { parent: base.name, clone: disk.clone ?? "linked" } : {}),
      },
      base ? [base.key, ...base.needs] : [],
      isBound,
    );
  }

  /** An image, made once at each backend that uses it. */
  image(machine: MachineFacts, name: string, format: "vdi" | "iso"): PlannedMedium | undefined {
    const image = own(this.#context.config.images, name);
    if (!image) return undefined;
    if (image.install) return this.#installed.get(name);
    const source = image.url === undefined ? { path: image.path ?? "" } : { url: image.url };
    return this.#add(
      placeOf(machine),
      { name: `${name}@${machine.config.backend}${format === "iso" ? ":iso" : ""}` },
      `${name}-${format === "iso" ? "iso" : "image"}`,
      { format, source, ...(image.checksum === undefined ? {} : { checksum: image.checksum.toLowerCase() }) },
      [],
    );
  }

  /** The blank disk that an image is installed on. `needs`: what its clones wait for. */
  installed(
    image: string,
    place: MediumPlace,
    names: { name: string; remoteName: string },
    capacity: number,
    needs: readonly string[],
  ): { key: string; inputs: Record<string, unknown> } {
    const content = { format: "vdi" as const, capacity: wholeMiB(capacity) };
    const disk = this.#add(place, { name: names.name }, names.remoteName, content, []);
    this.#installed.set(image, { ...disk, needs: [...needs] });
    return { key: disk.key, inputs: { ...this.#resources.get(disk.key)?.inputs } };
  }

  #add(
    place: MediumPlace,
    names: Pick<PlannedResource, "name" | "formerNames" | "markName">,
    remoteName: string,
    content: Omit<MediumInputs, "name" | "backend">,
    needs: readonly string[],
    isBound = true,
  ): PlannedMedium {
    const name = `${markPrefix(this.#context.config)}${remoteName}`;
    const inputs: MediumInputs = { name, backend: place.name, ...content };
    const key = resourceKey("virtualbox:Medium", names.name);
    this.#resources.set(key, {
      kind: "virtualbox:Medium",
      ...names,
      inputs: { ...inputs },
      dependsOn: [...needs],
      recreateWith: isBound ? [...needs] : [],
      backend: place.backend,
    });
    return { key, name, needs: [] };
  }
}
