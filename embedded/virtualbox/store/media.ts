import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Journal } from "../../journal";
import { com, context, FROM } from "../errors";
import { foreignBlocks, probe } from "../image";
import { blocksOf, createVdi, growVdi, readBlock, setVdiUuid, writeBlock } from "../vdi";
import type { Medium } from "./types";

const KEY = "medium/";
export const UUID = /^\{?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\}?$/i;
/** VBoxSVC ends this long after its last client, and forgets what was only looked at. */
const FORGET_AFTER_MS = 6_500;

const OPEN = context(
  "OpenMedium(Bstr(pszFilenameOrUuid).raw(), enmDevType, enmAccessMode, fForceNewUuidOnOpen, pMedium.asOutParam())",
  197,
  "Disk",
);

/** All disks and DVDs that are registered, and their files. */
export class Media {
  private readonly byUuid = new Map<string, Medium>();

  constructor(
    private readonly journal: Journal,
    /** File that VirtualBox keeps it in; named in messages only. */
    private readonly registry: string,
  ) {
    for (const medium of journal.all<Medium>(KEY)) this.byUuid.set(medium.uuid, medium);
  }

  list(kind: Medium["kind"]): Medium[] {
    return [...this.byUuid.values()].filter((medium) => medium.kind === kind);
  }

  /** In the order of `list hdds`: each base followed by what is built on it. */
  tree(kind: Medium["kind"]): Medium[] {
    const all = this.list(kind);
    const below = (medium: Medium): Medium[] => [medium, ...this.childrenOf(medium).flatMap(below)];
    return all.filter((medium) => !medium.parent || !this.byUuid.has(medium.parent)).flatMap(below);
  }

  get(uuid: string): Medium | undefined {
    return this.byUuid.get(uuid);
  }

  childrenOf(medium: Medium): Medium[] {
    return this.list(medium.kind).filter((other) => other.parent === medium.uuid);
  }

  /** The medium and all that it is built on, base last. */
  chain(medium: Medium): Medium[] {
    const parent = medium.parent === undefined ? undefined : this.byUuid.get(medium.parent);
    return [medium, ...(parent ? this.chain(parent) : [])];
  }

  at(location: string): Medium | undefined {
    return [...this.byUuid.values()].find((medium) => medium.location === location);
  }

  save(medium: Medium): void {
    this.byUuid.set(medium.uuid, medium);
    if (medium.transient) this.journal.delete(KEY + medium.uuid);
    else this.journal.set(KEY + medium.uuid, medium);
  }

  forget(medium: Medium): void {
    this.byUuid.delete(medium.uuid);
    this.journal.delete(KEY + medium.uuid);
  }

  /** What was only opened goes with the VBoxSVC that had it open. */
  rest(idleMs: number, isUsed: (medium: Medium) => boolean): void {
    if (idleMs < FORGET_AFTER_MS) return;
    for (const medium of this.byUuid.values()) if (medium.transient && !isUsed(medium)) this.forget(medium);
  }

  /** By UUID or path; a file that is not registered is opened. */
  open(ref: string, kind: Medium["kind"], cwd: string): Medium {
    const uuid = UUID.exec(ref)?.[1]?.toLowerCase();
    if (uuid !== undefined) {
      const medium = this.byUuid.get(uuid);
      if (medium) return medium;
      throw com(`The given path '${ref}' is not fully qualified`, "VBOX_E_FILE_ERROR", FROM.medium, OPEN);
    }
    const location = path.resolve(cwd, ref);
    const known = this.at(location);
    if (known) return known;
    return this.register(location, kind);
  }

  private register(location: string, kind: Medium["kind"]): Medium {
    let image: ReturnType<typeof probe>;
    try {
      image = probe(location);
    } catch (error) {
      const denied = (error as NodeJS.ErrnoException).code === "EACCES";
      const text = denied
        ? `Could not open the medium '${location}'.\nVD: error VERR_ACCESS_DENIED opening image file '${location}' (VERR_ACCESS_DENIED)`
        : `Could not find file for the medium '${location}' (VERR_FILE_NOT_FOUND)`;
      throw com(text, "VBOX_E_FILE_ERROR", FROM.medium, OPEN);
    }
    // Any plain file of full sectors would do for a DVD; for a disk, its size decides what VirtualBox takes it for.
    if (kind === "disk" && image.format === "RAW" && !/\.iso$/i.test(location)) {
      const text = `The medium '${location}' can't be used as the requested device type (HDD, detected floppy)`;
      throw com(text, "NS_ERROR_FAILURE", FROM.medium, OPEN);
    }
    const twin = image.uuid === undefined ? undefined : this.byUuid.get(image.uuid);
    if (twin) {
      const text = `Cannot register the hard disk '${location}' {${twin.uuid}} because a hard disk '${twin.location}' with UUID {${twin.uuid}} already exists`;
      throw com(text, "NS_ERROR_INVALID_ARG", FROM.virtualBox, OPEN);
    }
    if (image.parent !== undefined && !this.byUuid.has(image.parent)) {
      const text = `Parent medium with UUID {${image.parent}} of the medium '${location}' is not found in the media registry ('${this.registry}')`;
      throw com(text, "NS_ERROR_FAILURE", FROM.medium, OPEN);
    }
    const medium: Medium = {
      uuid: image.uuid ?? randomUUID(),
      location,
      kind,
      format: kind === "dvd" ? "RAW" : image.format,
      variant: image.variant,
      capacity: image.capacity,
      type: kind === "dvd" ? "readonly" : "normal",
      description: "",
      transient: true,
      ...(image.parent !== undefined && { parent: image.parent }),
    };
    this.save(medium);
    return medium;
  }

  /** A new disk and its file. Throws as the file system does. */
  create(
    medium: Pick<Medium, "location" | "format" | "capacity" | "variant"> & { uuid?: string; parent?: Medium },
  ): Medium {
    const { parent, ...rest } = medium;
    const uuid = medium.uuid ?? randomUUID();
    makeFolder(path.dirname(medium.location));
    createVdi(medium.location, { ...rest, uuid, ...(parent && { parent: parent.uuid }) });
    const made: Medium = {
      ...rest,
      uuid,
      kind: "disk",
      type: "normal",
      description: "",
      ...(parent && { parent: parent.uuid }),
    };
    this.save(made);
    return made;
  }

  grow(medium: Medium, capacity: number): void {
    growVdi(medium.location, capacity);
    medium.capacity = capacity;
    this.save(medium);
  }

  /** Content of a whole chain, or of a file of others, into a disk without parent. */
  async copy(from: Medium, to: Medium): Promise<void> {
    if (probe(from.location).format !== "VDI") return this.fill(from.location, to);
    for (const layer of this.chain(from).reverse()) {
      for (const block of blocksOf(layer.location)) {
        const content = readBlock(layer.location, block);
        if (content) writeBlock(to.location, block, content);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  async fill(file: string, to: Medium): Promise<void> {
    const last = Math.ceil(to.capacity / (1024 * 1024));
    for await (const [block, content] of foreignBlocks(file)) {
      if (block < last) writeBlock(to.location, block, content);
    }
  }

  /** Take in what a differencing child has, and take its place. */
  async absorb(child: Medium, into: Medium): Promise<void> {
    if (child.capacity > into.capacity) this.grow(into, child.capacity);
    for (const block of blocksOf(child.location)) {
      const content = readBlock(child.location, block);
      if (content) writeBlock(into.location, block, content);
    }
    for (const grandchild of this.childrenOf(child)) this.save({ ...grandchild, parent: into.uuid });
    this.remove(child);
  }

  /** Forget it and delete its file. */
  remove(medium: Medium): void {
    fs.rmSync(medium.location, { force: true });
    this.forget(medium);
  }

  move(medium: Medium, location: string): void {
    this.save({ ...medium, location });
  }

  renew(medium: Medium): void {
    const uuid = randomUUID();
    setVdiUuid(medium.location, uuid);
    this.forget(medium);
    this.save({ ...medium, uuid });
  }

  /** Whether nothing was ever written to a disk or what it is built on. */
  isBlank(medium: Medium): boolean {
    return this.chain(medium).every((layer) => {
      try {
        const image = probe(layer.location);
        return image.format === "VDI" && blocksOf(layer.location).length === 0;
      } catch {
        return true;
      }
    });
  }

  /** An operating system is on it from now on. */
  writeBootSector(medium: Medium): void {
    const sector = Buffer.alloc(512);
    sector.write("labplan: installed in the embedded lab", 3, "latin1");
    sector.writeUInt16BE(0x55aa, 510);
    writeBlock(medium.location, 0, sector);
  }
}

/** With its parents, one by one: Node's own way tries for ever in a /proc, which takes no folders. */
function makeFolder(folder: string): void {
  if (fs.existsSync(folder)) return;
  if (path.dirname(folder) !== folder) makeFolder(path.dirname(folder));
  fs.mkdirSync(folder, { mode: 0o700 });
}
