import { ERROR, type LibvirtClient, type PoolRef, type VolumeRef } from "../client";
import { type Call, unless } from "./call";
import { hasCode } from "./errors";
import { POOL_STATE } from "./procedures";
import { readPool, readVolume, writePool, writeVolume } from "./references";
import type { XdrWriter } from "./xdr";

export type StorageCalls = Pick<
  LibvirtClient,
  | "pools"
  | "poolByName"
  | "poolXml"
  | "poolInfo"
  | "poolDefine"
  | "poolBuild"
  | "poolStart"
  | "poolRefresh"
  | "poolDestroy"
  | "poolDelete"
  | "poolUndefine"
  | "poolAutostart"
  | "poolSetAutostart"
  | "volumes"
  | "volumeByName"
  | "volumeByPath"
  | "volumeXml"
  | "volumeInfo"
  | "volumeCreate"
  | "volumeCreateFrom"
  | "volumeResize"
  | "volumeDelete"
>;

/** A full allocation or a clone writes the whole disk before it answers. */
const STORAGE_DEADLINE_MS = 30 * 60_000;

const on = (pool: PoolRef) => (args: XdrWriter) => writePool(args, pool);
/** Pool or volume, with flags of 0. */
const plain = (pool: PoolRef) => (args: XdrWriter) => writePool(args, pool).u32(0);
const plainVolume = (volume: VolumeRef) => (args: XdrWriter) => writeVolume(args, volume).u32(0);

export function storageCalls(call: Call): StorageCalls {
  return {
    async pools() {
      const reply = await call("connectListAllPools", (args) => args.i32(1).u32(0));
      return reply.array(readPool);
    },
    async poolByName(name) {
      const reply = await unless(
        call("poolLookupByName", (args) => args.string(name)),
        ERROR.noStoragePool,
      );
      return reply && readPool(reply);
    },
    async poolXml(pool) {
      return (await call("poolGetXmlDesc", plain(pool))).string();
    },
    async poolInfo(pool) {
      const reply = await call("poolGetInfo", on(pool));
      const active = reply.u32() === POOL_STATE.running;
      return { active, capacity: reply.u64(), allocation: reply.u64(), available: reply.u64() };
    },
    async poolDefine(xml) {
      return readPool(await call("poolDefineXml", (args) => args.string(xml).u32(0)));
    },
    async poolBuild(pool) {
      await call("poolBuild", plain(pool), STORAGE_DEADLINE_MS);
    },
    async poolStart(pool) {
      await call("poolCreate", plain(pool));
    },
    async poolRefresh(pool) {
      await call("poolRefresh", plain(pool), STORAGE_DEADLINE_MS);
    },
    async poolDestroy(pool) {
      await unless(call("poolDestroy", on(pool)), ERROR.noStoragePool, ERROR.operationInvalid);
    },
    async poolDelete(pool) {
      try {
        await call("poolDelete", plain(pool));
      } catch (error) {
        if (hasCode(error, ERROR.noStoragePool)) return;
        // The folder itself is gone: libvirt has no code of its own for it.
        if (hasCode(error, ERROR.systemError) && /No such file or directory/.test(error.message)) return;
        throw error;
      }
    },
    async poolUndefine(pool) {
      await unless(call("poolUndefine", on(pool)), ERROR.noStoragePool);
    },
    async poolAutostart(pool) {
      return (await call("poolGetAutostart", on(pool))).bool();
    },
    async poolSetAutostart(pool, enabled) {
      await call("poolSetAutostart", (args) => writePool(args, pool).bool(enabled));
    },

    async volumes(pool) {
      const reply = await call("poolListAllVolumes", (args) => writePool(args, pool).i32(1).u32(0));
      return reply.array(readVolume);
    },
    async volumeByName(pool, name) {
      const reply = await unless(
        call("volumeLookupByName", (args) => writePool(args, pool).string(name)),
        ERROR.noStorageVolume,
      );
      return reply && readVolume(reply);
    },
    async volumeByPath(path) {
      const reply = await unless(
        call("volumeLookupByPath", (args) => args.string(path)),
        ERROR.noStorageVolume,
      );
      return reply && readVolume(reply);
    },
    async volumeXml(volume) {
      return (await call("volumeGetXmlDesc", plainVolume(volume))).string();
    },
    async volumeInfo(volume) {
      const reply = await call("volumeGetInfo", (args) => writeVolume(args, volume));
      reply.u32(); // type: file, block …
      return { capacity: reply.u64(), allocation: reply.u64() };
    },
    async volumeCreate(pool, xml) {
      return readVolume(
        await call(
          "volumeCreateXml",
          (args) => writePool(args, pool).string(xml).u32(0),
          STORAGE_DEADLINE_MS,
        ),
      );
    },
    async volumeCreateFrom(pool, xml, from) {
      return readVolume(
        await call(
          "volumeCreateXmlFrom",
          (args) => writeVolume(writePool(args, pool).string(xml), from).u32(0),
          STORAGE_DEADLINE_MS,
        ),
      );
    },
    async volumeResize(volume, bytes) {
      await call("volumeResize", (args) => writeVolume(args, volume).u64(bytes).u32(0), STORAGE_DEADLINE_MS);
    },
    async volumeDelete(volume) {
      await unless(
        call("volumeDelete", plainVolume(volume), STORAGE_DEADLINE_MS),
        ERROR.noStorageVolume,
        ERROR.noStoragePool,
      );
    },
  };
}
