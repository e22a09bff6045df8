import { markPrefix } from "../../providers/core/definition";
import type { VolumeInputs } from "../../providers/libvirt/volume";
import type { BackendConfig, ImageConfig } from "../config/types";
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

/** Where a volume is made. */
export interface VolumePlace {
  /** Logical name of the backend. */
  name: string;
  backend: BackendConfig;
}
const placeOf = ({ config, backend }: MachineFacts): VolumePlace => ({ name: config.backend, backend });

/** Collects the volumes that machines need, each once. */
export class VolumePlan {
  readonly #context: Context;
  readonly #resources = new Map<string, PlannedResource>();
  readonly #pools = new Map<string, BackendConfig>();

  /** Disks of installed images, by image. */
  readonly #installed = new Map<string, { disk: PlannedVolume; needs: string[] }>();

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
    return this.#poolAt(placeOf(machine));
  }

  #poolAt({ name, backend }: VolumePlace): { name: string; keys: string[] } {
    const pool = poolOf(this.#context, name);
    if (pool.key) this.#pools.set(name, backend);
    return { name: pool.name, keys: pool.key ? [pool.key] : [] };
  }

  /** A disk of a machine: an overlay of its image, or blank. */
  disk(machine: MachineFacts, index: number): PlannedVolume | undefined {
    const disk = machine.config.disks?.[index];
    if (!disk) return undefined;
    const place = placeOf(machine);
    const base = disk.image === undefined ? undefined : this.image(machine, disk.image, "base");
    // A full copy is none of the image's business any more.
    const isCopy = base !== undefined && disk.clone === "full";
    return this.#add(
      place,
      renamed(machine.logical, machine.config, machine.seed, (name) => `${name}.disk${index}`),
      `${machine.seed}-disk${index}`,
      {
        format: isCopy ? (disk.format ?? base.format) : base ? "qcow2" : (disk.format ?? "qcow2"),
        // qcow2 rounds up to whole sectors; an odd size would look like drift for ever.
        capacity: Math.ceil(disk.sizeBytes / SECTOR) * SECTOR,
        ...(base && !isCopy ? { backing: base.name } : {}),
        ...(isCopy ? { copyOf: base.name } : {}),
      },
      base ? [base.key, ...this.#needsOf(disk.image)] : [],
      !isCopy,
    );
  }

  /** An image, uploaded once to each backend that uses it. */
  image(machine: MachineFacts, name: string, use: ImageUse): PlannedVolume | undefined {
    const image = own(this.#context.config.images, name);
    if (!image) return undefined;
    if (image.install) return this.#installed.get(name)?.disk;
    const format = { base: imageFormat(image), iso: "iso" as const, file: "raw" as const }[use];
    const suffix = { base: "image", iso: "iso", file: "file" }[use];
    return this.#add(
      placeOf(machine),
      { name: `${name}@${machine.config.backend}${use === "base" ? "" : `:${suffix}`}` },
      `${name}-${suffix}`,
      { format, ...contentOf(image) },
      [],
    );
  }

  /** The blank disk that an image is installed on. `needs`: what its clones wait for. */
  installed(
    image: string,
    place: VolumePlace,
    names: { name: string; remoteName: string },
    capacity: number,
    needs: readonly string[],
  ): { key: string; inputs: Record<string, unknown> } {
    const disk = this.#add(place, { name: names.name }, names.remoteName, { format: "qcow2", capacity }, []);
    this.#installed.set(image, { disk, needs: [...needs] });
    return { key: disk.key, inputs: { ...this.#resources.get(disk.key)?.inputs } };
  }

  #needsOf(image: string | undefined): string[] {
    return image === undefined ? [] : (this.#installed.get(image)?.needs ?? []);
  }

  #add(
    place: VolumePlace,
    names: Pick<PlannedResource, "name" | "formerNames" | "markName">,
    remoteName: string,
    content: Pick<VolumeInputs, "format" | "capacity" | "backing" | "copyOf" | "source" | "checksum">,
    needs: readonly string[],
    isBound = true,
  ): PlannedVolume {
    const { config } = this.#context;
    const { keys } = this.#poolAt(place);
    const pool = poolOf(this.#context, place.name);
    const name = `${markPrefix(config)}${remoteName}`;
    const inputs: VolumeInputs = { name, backend: place.name, pool: pool.name, ...content };
    const key = resourceKey("libvirt:Volume", names.name);
    this.#resources.set(key, {
      kind: "libvirt:Volume",
      ...names,
      inputs: { ...inputs },
      dependsOn: [...keys, ...needs],
      recreateWith: isBound ? [...keys, ...needs] : keys,
      backend: place.backend,
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

function contentOf({ url, path, checksum }: ImageConfig): Pick<VolumeInputs, "source" | "checksum"> {
  const source = url === undefined ? { path: path ?? "" } : { url };
  return { source, ...(checksum === undefined ? {} : { checksum: checksum.toLowerCase() }) };
}
