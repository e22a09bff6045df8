import { POOL_STATE } from "../../../providers/libvirt/rpc/procedures";
import { readPool, uuidText, writePool, writeVolume } from "../../../providers/libvirt/rpc/references";
import { type XdrReader, XdrWriter } from "../../../providers/libvirt/rpc/xdr";
import type { Lab } from "../store/lab";
import type { Pool } from "../store/pools";
import { type Handler, listReply } from "./handler";

export const poolOf = (args: XdrReader, lab: Lab): Pool => lab.pools.find(readPool(args));
const reply = (pool: Pool): XdrWriter => writePool(new XdrWriter(), pool);

export const poolHandlers = {
  connectListAllPools: (args, { lab }) => {
    const needResults = args.i32() !== 0;
    const flags = args.u32();
    // virConnectListAllStoragePoolsFlags: 1 inactive, 2 active
    const pools = lab.pools
      .list()
      .filter((pool) => (flags & 3) === 0 || (flags & (pool.active ? 2 : 1)) !== 0);
    return listReply(needResults, pools, writePool);
  },
  poolListAllVolumes: (args, { lab }) => {
    const pool = poolOf(args, lab);
    return listReply(args.i32() !== 0, lab.pools.volumes(pool), (writer, { name }) =>
      writeVolume(writer, { pool: pool.name, name, key: pool.files.pathOf(name) }),
    );
  },
  poolLookupByName: (args, { lab }) => reply(lab.pools.named(args.string())),
  poolLookupByUuid: (args, { lab }) => reply(lab.pools.withUuid(uuidText(args.fixed(16)))),
  poolGetInfo: (args, { lab }) => {
    const pool = poolOf(args, lab);
    const { capacity, allocation, available } = lab.pools.space(pool);
    return new XdrWriter()
      .u32(pool.active ? POOL_STATE.running : POOL_STATE.inactive)
      .u64(capacity)
      .u64(allocation)
      .u64(available);
  },
  poolGetXmlDesc: (args, { lab }) => new XdrWriter().string(lab.pools.xml(poolOf(args, lab))),
  poolDefineXml: (args, { lab }) => reply(lab.pools.define(args.string())),
  poolBuild: (args, { lab }) => lab.pools.build(poolOf(args, lab)),
  poolCreate: (args, { lab }) => lab.pools.start(poolOf(args, lab)),
  poolRefresh: (args, { lab }) => lab.pools.refresh(poolOf(args, lab)),
  poolDestroy: (args, { lab }) => lab.pools.destroy(poolOf(args, lab)),
  poolDelete: (args, { lab }) => lab.pools.delete(poolOf(args, lab)),
  poolUndefine: (args, { lab }) => lab.pools.undefine(poolOf(args, lab)),
  poolGetAutostart: (args, { lab }) => new XdrWriter().bool(poolOf(args, lab).autostart),
  poolSetAutostart: (args, { lab }) => {
    const pool = poolOf(args, lab);
    lab.pools.setAutostart(pool, args.i32() !== 0);
  },
} satisfies Record<string, Handler>;
