import { markPrefix } from "../../providers/core/definition";
import type { MediumInputs } from "../../providers/virtualbox/medium";
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

/** Where the disk of an installed image comes from. */
export type InstalledDisk = (image: string) => PlannedMedium | undefined;

const MIB = 2 ** 20;
/** VirtualBox's disks are whole MiB. */
export const wholeMiB = (bytes: number): number => Math.ceil(bytes / MIB) * MIB;

/** Collects the media that machines need, each once. */
export class MediumPlan {
  readonly #context: Context;
  readonly #installed: InstalledDisk;
  readonly #resources = new Map<string, PlannedResource>();

  constructor(context: Context, installed: InstalledDisk) {
    this.#context = context;
    this.#installed = installed;
  }

  resources(): PlannedResource[] {
    return [...this.#resources.values()];
  }

  /** A disk of a machine: a linked or full clone of its image, or blank. */
  disk(machine: MachineFacts, index: number): PlannedMedium | undefined {
    const disk = machine.config.disks?.[index];
    if (!disk) return undefined;
    const base = disk.image === undefined ? undefined : this.image(machine, disk.image, "vdi");
    return this.#add(
      machine,
      renamed(machine.logical, machine.config, machine.seed, (name) => `${name}.disk${index}`),
      `${machine.seed}-disk${index}`,
      {
        format: "vdi",
        capacity: wholeMiB(disk.sizeBytes),
        ...(base ? { parent: base.name, clone: disk.clone ?? "linked" } : {}),
      },
      base ? [base.key, ...base.needs] : [],
    );
  }

  /** An image, made once at each backend that uses it. */
  image(machine: MachineFacts, name: string, format: "vdi" | "iso"): PlannedMedium | undefined {
    const image = own(this.#context.config.images, name);
    if (!image) return undefined;
    if (image.install) return this.#installed(name);
    const source = image.url === undefined ? { path: image.path ?? "" } : { url: image.url };
    return this.#add(
      machine,
      { name: `${name}@${machine.config.backend}${format === "iso" ? ":iso" : ""}` },
      `${name}-${format === "iso" ? "iso" : "image"}`,
      { format, source, ...(image.checksum === undefined ? {} : { checksum: image.checksum.toLowerCase() }) },
      [],
    );
  }

  #add(
    machine: MachineFacts,
    names: Pick<PlannedResource, "name" | "formerNames" | "markName">,
    remoteName: string,
    content: Omit<MediumInputs, "name" | "backend">,
    needs: readonly string[],
  ): PlannedMedium {
    const name = `${markPrefix(this.#context.config)}${remoteName}`;
    const inputs: MediumInputs = { name, backend: machine.config.backend, ...content };
    const key = resourceKey("virtualbox:Medium", names.name);
    this.#resources.set(key, {
      kind: "virtualbox:Medium",
      ...names,
      inputs: { ...inputs },
      dependsOn: [...needs],
      recreateWith: [...needs],
      backend: machine.backend,
    });
    return { key, name, needs: [] };
  }
}
