import { CODE, FROM, refuse } from "../errors";
import { uuidOf } from "./domain";
import { element, first, parseXml, textOf, type XmlElement } from "./tree";
import { bytesOf } from "./units";

export interface PoolDefinition {
  name: string;
  uuid?: string;
  /** Folder on the hypervisor, as the user wrote it. */
  path: string;
}

const POOL_TYPES = ["dir", "fs", "netfs", "logical", "disk", "iscsi", "scsi", "mpath", "rbd", "zfs"];

export function parsePool(source: string): PoolDefinition {
  const root = parseXml(source, "storage_pool_definition", FROM.storage);
  if (root.name !== "pool") {
    throw refuse(CODE.xml, FROM.xml, `expecting root element of 'pool', not '${root.name}'`);
  }
  const type = root.attributes.type ?? "";
  if (!POOL_TYPES.includes(type)) {
    const detail = `Invalid value for attribute 'type' in element 'pool': '${type}'.`;
    throw refuse(CODE.xml, FROM.xml, detail);
  }
  if (type !== "dir") {
    throw refuse(
      CODE.internal,
      FROM.storage,
      `missing backend for pool type ${POOL_TYPES.indexOf(type)} (${type})`,
    );
  }
  const name = textOf(root, "name");
  if (!name) throw refuse(CODE.xml, FROM.storage, "missing pool source name element");
  if (name.includes("/")) throw refuse(CODE.xml, FROM.storage, `name ${name} cannot contain '/'`);
  const path = textOf(first(root, "target"), "path");
  if (!path) throw refuse(CODE.xml, FROM.storage, "missing storage pool target path");
  const uuid = uuidOf(root);
  return { name, path: path.replace(/\/+$/, "") || "/", ...(uuid === undefined ? {} : { uuid }) };
}

export interface VolumeDefinition {
  name: string;
  /** Absent only where there is a backing store. */
  capacity?: bigint;
  format: string;
  backing?: { path: string; format: string };
}

const FORMATS = ["raw", "qcow2", "iso", "qcow", "qed", "vmdk", "vdi", "vpc", "bochs", "cloop", "dmg"];

export function parseVolume(source: string): VolumeDefinition {
  const root = parseXml(source, "storage_volume_definition", FROM.storage);
  if (root.name !== "volume") {
    throw refuse(CODE.xml, FROM.xml, `expecting root element of 'volume', not '${root.name}'`);
  }
  const name = textOf(root, "name");
  if (!name) throw refuse(CODE.xml, FROM.storage, "missing volume name element");
  if (name.includes("/") || name === "." || name === "..") {
    throw refuse(CODE.operationInvalid, FROM.storage, `volume name '${name}' cannot contain '/'`);
  }
  const capacity = first(root, "capacity");
  const store = first(root, "backingStore");
  const backingPath = textOf(store, "path");
  if (!capacity && backingPath === undefined)
    throw refuse(CODE.xml, FROM.storage, "missing capacity element");
  const format = first(first(root, "target"), "format")?.attributes.type ?? "raw";
  if (!FORMATS.includes(format)) {
    throw refuse(CODE.configUnsupported, FROM.storage, `unknown volume format type ${format}`);
  }
  const definition: VolumeDefinition = { name, format };
  if (capacity) definition.capacity = bytesOf(capacity, "bytes");
  if (backingPath !== undefined) {
    definition.backing = { path: backingPath, format: first(store, "format")?.attributes.type ?? "raw" };
  }
  return definition;
}

const bytes = (name: string, value: bigint | number): XmlElement =>
  element(name, { unit: "bytes" }, [String(value)]);

export interface FileFacts {
  mode: number;
  owner: number;
  group: number;
}

const permissions = (facts: FileFacts): XmlElement =>
  element("permissions", {}, [
    element("mode", {}, [`0${(facts.mode & 0o777).toString(8)}`]),
    element("owner", {}, [String(facts.owner)]),
    element("group", {}, [String(facts.group)]),
  ]);

export interface Space {
  capacity: bigint;
  allocation: bigint;
  available: bigint;
}

export const poolXml = (
  pool: { name: string; uuid: string; path: string },
  space: Space,
  folder?: FileFacts,
) =>
  element("pool", { type: "dir" }, [
    element("name", {}, [pool.name]),
    element("uuid", {}, [pool.uuid]),
    bytes("capacity", space.capacity),
    bytes("allocation", space.allocation),
    bytes("available", space.available),
    element("source"),
    element("target", {}, [element("path", {}, [pool.path]), folder && permissions(folder)]),
  ]);

export interface VolumeFacts extends FileFacts {
  name: string;
  path: string;
  format: string;
  capacity: bigint;
  allocation: bigint;
  physical: bigint;
  modifiedS: number;
  backing?: { path: string; format: string };
}

export const volumeXml = (volume: VolumeFacts): XmlElement =>
  element("volume", { type: "file" }, [
    element("name", {}, [volume.name]),
    element("key", {}, [volume.path]),
    bytes("capacity", volume.capacity),
    bytes("allocation", volume.allocation),
    bytes("physical", volume.physical),
    element("target", {}, [
      element("path", {}, [volume.path]),
      element("format", { type: volume.format }),
      permissions(volume),
      element("timestamps", {}, [element("mtime", {}, [volume.modifiedS.toFixed(9)])]),
    ]),
    volume.backing &&
      element("backingStore", {}, [
        element("path", {}, [volume.backing.path]),
        element("format", { type: volume.backing.format }),
      ]),
  ]);
