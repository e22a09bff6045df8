import { markPrefix } from "../../providers/core/definition";
import type { VolumeInputs } from "../../providers/libvirt/volume";
import type { BackendConfig } from "../config/types";
import type { Context } from "./context";
import { imageFormat } from "./images";
import type { MachineFacts } from "./machines";
import { poolOf } from "./pools";
import { renamed } from "./renamed";
import { own } from "./stable";
import { type PlannedResource, resourceKey } from "./types";

/** A volume as a domain sees it. */
export interface PlannedVolume {
  /** Key of the resource. */
  key: string;
  /** Name in the pool. */
  name: string;
  pool: string;
  format: "qcow2" | "raw" | "iso";
  /** Path on the hypervisor, where the pool's folder is known. */
  path?: string;
}

/** How an image is used: the same file is another volume as a disk's base, in the drive and as a kernel. */
type ImageUse = "base" | "iso" | "file";

const SECTOR = 512;

/** Collects the volumes that machines need, each once. */
export class VolumePlan {
  readonly #context: Context;
  readonly #resources = new Map<string, PlannedResource>();
  readonly #pools = new Map<string, BackendConfig>();

  constructor(context: Context) {
    this.#context = context;
  }

  resources(): PlannedResource[] {
    return [...this.#resources.values()];
  }

  /** Backends whose pool is ours to make. */
  pools(): ReadonlyMap<string, BackendConfig> {
    return this.#pools;
  }

  /** The pool that a machine's volumes are in, made where it is ours. */
  poolFor(machine: MachineFacts): { name: string; keys: string[] } {
    const { backend } = machine.config;
    const pool = poolOf(this.#context, backend);
    if (pool.key) this.#pools.set(backend, machine.backend);
    return { name: pool.name, keys: pool.key ? [pool.key] : [] };
  }

  /** A disk of a machine: an overlay of its image, or blank. */
  disk(machine: MachineFacts, index: number): PlannedVolume | undefined {
    const disk = machine.config.disks?.[index];
    if (!disk) return undefined;
    const base = disk.image === undefined ? undefined : this.image(machine, disk.image, "base");
    return this.#add(
      machine,
      renamed(machine.logical, machine.config, machine.seed, (name) => `${name}.disk${index}`),
      `${machine.seed}-disk${index}`,
      {
        format: base ? "qcow2" : (disk.format ?? "qcow2"),
        // qcow2 rounds up to whole sectors; an odd size would look like drift for ever.
        capacity: Math.ceil(disk.sizeBytes / SECTOR) * SECTOR,
        ...(base ? { backing: base.name } : {}),
      },
      base ? [base.key] : [],
    );
  }

  /** An image, uploaded once to each backend that uses it. */
  image(machine: MachineFacts, name: string, use: ImageUse): PlannedVolume | undefined {
    const image = own(this.#context.config.images, name);
    if (!image) return undefined;
    const source = image.url === undefined ? { path: image.path ?? "" } : { url: image.url };
    const format = { base: imageFormat(image), iso: "iso" as const, file: "raw" as const }[use];
    const suffix = { base: "image", iso: "iso", file: "file" }[use];
    return this.#add(
      machine,
      { name: `${name}@${machine.config.backend}${use === "base" ? "" : `:${suffix}`}` },
      `${name}-${suffix}`,
      { format, source, ...(image.checksum === undefined ? {} : { checksum: image.checksum.toLowerCase() }) },
      [],
    );
  }

  #add(
    machine: MachineFacts,
    names: Pick<PlannedResource, "name" | "formerNames" | "markName">,
    remoteName: string,
    content: Pick<VolumeInputs, "format" | "capacity" | "backing" | "source" | "checksum">,
    needs: readonly string[],
  ): PlannedVolume {
    const { config } = this.#context;
    const { keys } = this.poolFor(machine);
    const pool = poolOf(this.#context, machine.config.backend);
    const name = `${markPrefix(config)}${remoteName}`;
    const inputs: VolumeInputs = { name, backend: machine.config.backend, pool: pool.name, ...content };
    const key = resourceKey("libvirt:Volume", names.name);
    this.#resources.set(key, {
      kind: "libvirt:Volume",
      ...names,
      inputs: { ...inputs },
      dependsOn: [...keys, ...needs],
      recreateWith: [...keys, ...needs],
      backend: machine.backend,
    });
    return {
      key,
      name,
      pool: pool.name,
      format: content.format,
      ...(pool.path === undefined ? {} : { path: `${pool.path}/${name}` }),
    };
  }
}
