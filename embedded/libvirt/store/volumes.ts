import * as fs from "node:fs";
import * as path from "node:path";
import { CODE, FROM, refuse } from "../errors";
import { emptyQcow2, readQcow2 } from "../qcow2";
import type { VolumeDefinition, VolumeFacts } from "../xml/storage";

/** As much of a file as tells its format: a qcow2 head, or the descriptor of an ISO image. */
const PROBE_BYTES = 33 * 1024;

/** One file of a pool. What is known of it beyond the file itself. */
export interface Volume {
  name: string;
  format: string;
}

/** The files of one pool folder. Sizes come from the files, as in libvirt after a refresh. */
export class VolumeFiles {
  private readonly known = new Map<string, Volume>();

  constructor(
    /** Where the files are … */
    private readonly folder: string,
    /** … and where the hypervisor says that they are. */
    private readonly shownPath: string,
  ) {}

  refresh(): void {
    this.known.clear();
    for (const entry of fs.readdirSync(this.folder, { withFileTypes: true })) {
      if (!entry.isFile() || entry.name.startsWith(".")) continue;
      this.known.set(entry.name, { name: entry.name, format: this.probe(entry.name) });
    }
  }

  list(): Volume[] {
    return [...this.known.values()];
  }

  find(name: string): Volume | undefined {
    return this.known.get(name);
  }

  get(name: string): Volume {
    const volume = this.known.get(name);
    if (volume) return volume;
    throw refuse(CODE.noStorageVolume, FROM.storage, `no storage vol with matching name '${name}'`);
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  pathOf(name: string): string {
    return path.posix.join(this.shownPath, name);
  }

  create(definition: VolumeDefinition, capacity: bigint): Volume {
    const { name, format, backing } = definition;
    if (this.known.has(name)) {
      throw refuse(CODE.storageVolumeExists, FROM.storage, `storage volume '${name}' exists already`);
    }
    const size = roundUp(capacity);
    const handle = fs.openSync(this.file(name), "wx", 0o600);
    try {
      if (format === "qcow2") {
        fs.writeSync(
          handle,
          emptyQcow2({
            capacity: size,
            ...(backing && { backing: backing.path, backingFormat: backing.format }),
          }),
        );
      } else fs.ftruncateSync(handle, Number(format === "raw" ? capacity : size));
    } finally {
      fs.closeSync(handle);
    }
    const volume = { name, format };
    this.known.set(name, volume);
    return volume;
  }

  /** As `qemu-img convert` would, for a file of the same format. */
  copy(definition: VolumeDefinition, from: VolumeFiles, source: Volume): Volume {
    const { capacity } = from.facts(source);
    const volume = this.create({ name: definition.name, format: definition.format }, capacity);
    if (volume.format === source.format) fs.copyFileSync(from.file(source.name), this.file(volume.name));
    const wanted = definition.capacity ?? capacity;
    if (wanted > capacity) this.resize(volume, wanted, false);
    return volume;
  }

  delete(name: string): void {
    fs.rmSync(this.file(this.get(name).name), { force: true });
    this.known.delete(name);
  }

  facts(volume: Volume): VolumeFacts {
    let status: fs.Stats;
    try {
      status = fs.statSync(this.file(volume.name));
    } catch {
      const shown = this.pathOf(volume.name);
      throw refuse(
        CODE.noStorageVolume,
        FROM.storage,
        `cannot stat file '${shown}': No such file or directory`,
      );
    }
    const head = volume.format === "qcow2" ? readQcow2(this.start(volume.name)) : undefined;
    return {
      ...volume,
      path: this.pathOf(volume.name),
      capacity: head?.capacity ?? BigInt(status.size),
      allocation: BigInt(status.blocks ?? Math.ceil(status.size / 512)) * 512n,
      physical: BigInt(status.size),
      mode: status.mode,
      owner: status.uid,
      group: status.gid,
      modifiedS: status.mtimeMs / 1000,
      ...(head?.backing === undefined
        ? {}
        : { backing: { path: head.backing, format: head.backingFormat ?? "raw" } }),
    };
  }

  resize(volume: Volume, bytes: bigint, shrink: boolean): void {
    const facts = this.facts(volume);
    if (bytes < facts.allocation) {
      const detail = "can't shrink capacity below existing allocation";
      throw refuse(CODE.invalidArgument, FROM.storage, detail);
    }
    if (bytes < facts.capacity && !shrink) {
      const detail = "Can't shrink capacity below current capacity unless shrink flag explicitly specified";
      throw refuse(CODE.invalidArgument, FROM.storage, detail);
    }
    if (volume.format !== "qcow2") {
      fs.truncateSync(this.file(volume.name), Number(bytes));
      return;
    }
    // The table of a foreign image stays as short as it is: nothing in the embedded lab reads guest data through it.
    const handle = fs.openSync(this.file(volume.name), "r+");
    try {
      const size = Buffer.alloc(8);
      size.writeBigUInt64BE(bytes);
      fs.writeSync(handle, size, 0, 8, 24);
    } finally {
      fs.closeSync(handle);
    }
  }

  /** Look at the content again: after an upload the file says what it is. */
  reprobe(name: string): void {
    if (this.known.has(name)) this.known.set(name, { name, format: this.probe(name) });
  }

  private probe(name: string): string {
    const start = this.start(name);
    if (readQcow2(start)) return "qcow2";
    return start.subarray(32769, 32774).toString("latin1") === "CD001" ? "iso" : "raw";
  }

  private start(name: string): Buffer {
    const handle = fs.openSync(this.file(name), "r");
    try {
      const buffer = Buffer.alloc(PROBE_BYTES);
      return buffer.subarray(0, fs.readSync(handle, buffer, 0, PROBE_BYTES, 0));
    } finally {
      fs.closeSync(handle);
    }
  }
}

const roundUp = (bytes: bigint): bigint => ((bytes + 511n) / 512n) * 512n;
