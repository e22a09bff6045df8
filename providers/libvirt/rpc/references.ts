import type { DomainRef, NetworkRef, PoolRef, VolumeRef } from "../client";
import type { XdrReader, XdrWriter } from "./xdr";

/** How libvirt names its objects on the wire. Shared by the client and the embedded server. */

/** 16 raw bytes of a UUID in any usual notation. */
export function uuidBytes(uuid: string): Buffer {
  const hex = uuid.replaceAll("-", "");
  if (!/^[0-9a-fA-F]{32}$/.test(hex)) throw new TypeError(`libvirt: "${uuid}" is not a UUID`);
  return Buffer.from(hex, "hex");
}

/** Lower-case with dashes. */
export function uuidText(bytes: Buffer): string {
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    "-",
  );
}

export const readDomain = (reader: XdrReader): DomainRef => ({
  name: reader.string(),
  uuid: uuidText(reader.fixed(16)),
  id: reader.i32(),
});
export const writeDomain = (writer: XdrWriter, domain: DomainRef): XdrWriter =>
  writer.string(domain.name).fixed(uuidBytes(domain.uuid)).i32(domain.id);

export const readNetwork = (reader: XdrReader): NetworkRef => ({
  name: reader.string(),
  uuid: uuidText(reader.fixed(16)),
});
export const writeNetwork = (writer: XdrWriter, network: NetworkRef): XdrWriter =>
  writer.string(network.name).fixed(uuidBytes(network.uuid));

/** Pools look like networks on the wire. */
export const readPool = (reader: XdrReader): PoolRef => readNetwork(reader);
export const writePool = (writer: XdrWriter, pool: PoolRef): XdrWriter => writeNetwork(writer, pool);

export const readVolume = (reader: XdrReader): VolumeRef => ({
  pool: reader.string(),
  name: reader.string(),
  key: reader.string(),
});
export const writeVolume = (writer: XdrWriter, volume: VolumeRef): XdrWriter =>
  writer.string(volume.pool).string(volume.name).string(volume.key);
