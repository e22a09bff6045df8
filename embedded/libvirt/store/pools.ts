import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import type { PoolRef, VolumeRef } from "../../../providers/libvirt/client";
import { CODE, FROM, refuse } from "../errors";
import { parsePool, parseVolume, poolXml, type Space, volumeXml } from "../xml/storage";
import { printXml } from "../xml/tree";
import type { Lab } from "./lab";
import { type Volume, VolumeFiles } from "./volumes";

interface StoredPool {
  name: string;
  uuid: string;
  /** Folder as the user wrote it. */
  path: string;
  autostart: boolean;
  active: boolean;
}

export interface Pool extends StoredPool {
  files: VolumeFiles;
}

const KEY = "pool/";

/**
 * Pools of type dir. A pool's path is a name only: its files lie below our own folder, whatever the path says, so that
 * no config can make the daemon write elsewhere.
 */
export class Pools {
  private readonly byUuid = new Map<string, Pool>();

  constructor(
    private readonly lab: Lab,
    private readonly folder: string,
  ) {
    for (const stored of lab.journal.all<StoredPool>(KEY)) {
      const pool = this.withFiles(stored);
      if (pool.active) this.refreshFiles(pool);
      this.byUuid.set(pool.uuid, pool);
    }
  }

  list(): Pool[] {
    return [...this.byUuid.values()];
  }

  named(name: string): Pool {
    const pool = this.list().find((one) => one.name === name);
    if (!pool) throw refuse(CODE.noStoragePool, FROM.storage, `no storage pool with matching name '${name}'`);
    return pool;
  }

  withUuid(uuid: string, name?: string): Pool {
    const pool = this.byUuid.get(uuid);
    if (pool) return pool;
    const known = name === undefined ? "" : ` (${name})`;
    throw refuse(CODE.noStoragePool, FROM.storage, `no storage pool with matching uuid '${uuid}'${known}`);
  }

  find(ref: PoolRef): Pool {
    return this.withUuid(ref.uuid, ref.name);
  }

  define(xml: string): Pool {
    const definition = parsePool(xml);
    const uuid = definition.uuid ?? this.lab.invent.uuid();
    for (const other of this.list()) {
      if (other.name === definition.name && other.uuid !== uuid) {
        const detail = `pool '${other.name}' already exists with uuid ${other.uuid}`;
        throw refuse(CODE.operationFailed, FROM.storage, detail);
      }
      if (other.uuid === uuid && other.name !== definition.name) {
        const detail = `pool '${other.name}' is already defined with uuid ${uuid}`;
        throw refuse(CODE.operationFailed, FROM.storage, detail);
      }
      if (other.path === definition.path && other.uuid !== uuid) {
        throw refuse(
          CODE.operationFailed,
          FROM.storage,
          `Storage source conflict with pool: '${other.name}'`,
        );
      }
    }
    const before = this.byUuid.get(uuid);
    const state = { autostart: before?.autostart ?? false, active: before?.active ?? false };
    const pool = this.withFiles({ ...definition, uuid, ...state });
    if (pool.active) this.refreshFiles(pool);
    this.byUuid.set(uuid, pool);
    this.save(pool);
    return pool;
  }

  build(pool: Pool): void {
    this.mustBe(pool, false, "is already active");
    fs.mkdirSync(this.folderOf(pool), { recursive: true, mode: 0o700 });
  }

  start(pool: Pool): void {
    this.mustBe(pool, false, "is already active");
    if (!fs.existsSync(this.folderOf(pool))) {
      const detail = `cannot open directory '${pool.path}': No such file or directory`;
      throw refuse(CODE.system, FROM.none, detail);
    }
    pool.files.refresh();
    pool.active = true;
    this.save(pool);
  }

  refresh(pool: Pool): void {
    this.mustBe(pool, true);
    pool.files.refresh();
  }

  destroy(pool: Pool): void {
    this.mustBe(pool, true);
    pool.active = false;
    this.save(pool);
  }

  delete(pool: Pool): void {
    this.mustBe(pool, false, "is still active");
    try {
      fs.rmdirSync(this.folderOf(pool));
    } catch (error) {
      const gone = (error as NodeJS.ErrnoException).code === "ENOENT";
      const reason = gone ? "No such file or directory" : "Directory not empty";
      throw refuse(CODE.system, FROM.storage, `failed to remove pool '${pool.path}': ${reason}`);
    }
  }

  undefine(pool: Pool): void {
    this.mustBe(pool, false, "is still active");
    this.byUuid.delete(pool.uuid);
    this.lab.journal.delete(KEY + pool.uuid);
  }

  setAutostart(pool: Pool, on: boolean): void {
    pool.autostart = on;
    this.save(pool);
  }

  space(pool: Pool): Space {
    if (!pool.active) return { capacity: 0n, allocation: 0n, available: 0n };
    const status = fs.statfsSync(this.folderOf(pool), { bigint: true });
    const capacity = status.blocks * status.bsize;
    const available = status.bavail * status.bsize;
    return { capacity, available, allocation: capacity - available };
  }

  xml(pool: Pool): string {
    if (!pool.active) return printXml(poolXml(pool, this.space(pool)));
    const status = fs.statSync(this.folderOf(pool));
    const folder = { mode: status.mode, owner: status.uid, group: status.gid };
    return printXml(poolXml(pool, this.space(pool), folder));
  }

  volumes(pool: Pool): Volume[] {
    this.mustBe(pool, true);
    return pool.files.list();
  }

  volume(pool: Pool, name: string): Volume {
    this.mustBe(pool, true);
    return pool.files.get(name);
  }

  /** By the path that the hypervisor shows; undefined when it lies in no running pool. */
  volumeAt(shownPath: string): { pool: Pool; volume: Volume } | undefined {
    for (const pool of this.list()) {
      if (!pool.active || path.posix.dirname(shownPath) !== pool.path) continue;
      const volume = pool.files.find(path.posix.basename(shownPath));
      if (volume) return { pool, volume };
    }
    return undefined;
  }

  findVolume(ref: VolumeRef): { pool: Pool; volume: Volume } {
    const pool = this.named(ref.pool);
    return { pool, volume: this.volume(pool, ref.name) };
  }

  createVolume(pool: Pool, xml: string): Volume {
    this.mustBe(pool, true);
    const definition = parseVolume(xml);
    let capacity = definition.capacity;
    if (definition.backing) {
      const backing = this.volumeAt(definition.backing.path);
      if (!backing) {
        const detail = `inaccessible backing store volume ${definition.backing.path}: No such file or directory`;
        throw refuse(CODE.system, FROM.storage, detail);
      }
      capacity ??= backing.pool.files.facts(backing.volume).capacity;
    }
    return pool.files.create(definition, capacity ?? 0n);
  }

  copyVolume(pool: Pool, xml: string, from: { pool: Pool; volume: Volume }): Volume {
    this.mustBe(pool, true);
    return pool.files.copy(parseVolume(xml), from.pool.files, from.volume);
  }

  volumeXml(pool: Pool, volume: Volume): string {
    return printXml(volumeXml(pool.files.facts(volume)));
  }

  private withFiles(stored: StoredPool): Pool {
    return { ...stored, files: new VolumeFiles(this.folderOf(stored), stored.path) };
  }

  private refreshFiles(pool: Pool): void {
    try {
      pool.files.refresh();
    } catch {
      // The folder went away while no daemon ran: the pool is off then, as libvirt has it.
      pool.active = false;
      this.save(pool);
    }
  }

  private folderOf(pool: { path: string }): string {
    return path.join(this.folder, createHash("sha256").update(pool.path).digest("hex").slice(0, 16));
  }

  private mustBe(pool: Pool, active: boolean, otherwise = "is not active"): void {
    if (pool.active !== active) {
      throw refuse(CODE.operationInvalid, FROM.storage, `storage pool '${pool.name}' ${otherwise}`);
    }
  }

  private save(pool: Pool): void {
    const { files: _, ...stored } = pool;
    this.lab.journal.set(KEY + pool.uuid, stored);
  }
}
