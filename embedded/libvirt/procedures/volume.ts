import * as fs from "node:fs";
import { readVolume, writeVolume } from "../../../providers/libvirt/rpc/references";
import { type XdrReader, XdrWriter } from "../../../providers/libvirt/rpc/xdr";
import { CODE, FROM, refuse } from "../errors";
import type { Lab } from "../store/lab";
import type { Pool } from "../store/pools";
import type { Volume } from "../store/volumes";
import type { Handler } from "./handler";
import { poolOf } from "./pool";

interface Located {
  pool: Pool;
  volume: Volume;
}

const volumeOf = (args: XdrReader, lab: Lab): Located => lab.pools.findVolume(readVolume(args));
const reply = ({ pool, volume }: Located): XdrWriter =>
  writeVolume(new XdrWriter(), {
    pool: pool.name,
    name: volume.name,
    key: pool.files.pathOf(volume.name),
  });

/** virStorageVolResizeFlags */
const RESIZE = { delta: 2, shrink: 4 };

const lookup = (what: string, quote: string): Handler => {
  return (args, { lab }) => {
    const path = args.string();
    const found = lab.pools.volumeAt(path);
    if (found) return reply(found);
    const detail = `no storage vol with matching ${what} ${quote}${path}${quote}`;
    throw refuse(CODE.noStorageVolume, FROM.storage, detail);
  };
};

export const volumeHandlers = {
  volumeCreateXml: (args, { lab }) => {
    const pool = poolOf(args, lab);
    return reply({ pool, volume: lab.pools.createVolume(pool, args.string()) });
  },
  volumeCreateXmlFrom: (args, { lab }) => {
    const pool = poolOf(args, lab);
    const xml = args.string();
    return reply({ pool, volume: lab.pools.copyVolume(pool, xml, volumeOf(args, lab)) });
  },
  volumeDelete: (args, { lab }) => {
    const { pool, volume } = volumeOf(args, lab);
    pool.files.delete(volume.name);
  },
  volumeLookupByName: (args, { lab }) => {
    const pool = poolOf(args, lab);
    return reply({ pool, volume: lab.pools.volume(pool, args.string()) });
  },
  volumeLookupByKey: lookup("key", ""),
  volumeLookupByPath: lookup("path", "'"),
  volumeGetInfo: (args, { lab }) => {
    const { pool, volume } = volumeOf(args, lab);
    const { capacity, allocation } = pool.files.facts(volume);
    return new XdrWriter().u32(0).u64(capacity).u64(allocation);
  },
  volumeGetXmlDesc: (args, { lab }) => {
    const { pool, volume } = volumeOf(args, lab);
    return new XdrWriter().string(lab.pools.volumeXml(pool, volume));
  },
  volumeResize: (args, { lab }) => {
    const { pool, volume } = volumeOf(args, lab);
    const bytes = args.u64();
    const flags = args.u32();
    const target = flags & RESIZE.delta ? pool.files.facts(volume).capacity + bytes : bytes;
    pool.files.resize(volume, target, (flags & RESIZE.shrink) !== 0);
  },

  /** Written past the end, a raw volume grows, as it does on a real host; past `length`, the stream fails. */
  volumeUpload: (args, { lab, connection, serial }) => {
    const { pool, volume } = volumeOf(args, lab);
    let [at, left] = [args.u64(), args.u64()];
    const bounded = left > 0n;
    const file = fs.openSync(pool.files.file(volume.name), "r+");
    const close = (): void => {
      fs.closeSync(file);
      pool.files.reprobe(volume.name);
    };
    connection.openStream("volumeUpload", serial).take(
      (data) => {
        if (bounded && BigInt(data.length) > left) {
          throw refuse(CODE.system, FROM.none, "cannot write to stream: No space left on device");
        }
        fs.writeSync(file, data, 0, data.length, Number(at));
        at += BigInt(data.length);
        left -= BigInt(data.length);
      },
      close,
      close,
    );
  },

  volumeDownload: (args, { lab, connection, serial, afterReply }) => {
    const { pool, volume } = volumeOf(args, lab);
    let [at, left] = [args.u64(), args.u64()];
    if (left === 0n) left = 1n << 62n;
    const file = fs.openSync(pool.files.file(volume.name), "r");
    const stream = connection.openStream("volumeDownload", serial);
    let closed = false;
    const close = (): void => {
      if (!closed) fs.closeSync(file);
      closed = true;
    };
    afterReply(() =>
      stream.give((most) => {
        const buffer = Buffer.alloc(Number(left < BigInt(most) ? left : BigInt(most)));
        const read = fs.readSync(file, buffer, 0, buffer.length, Number(at));
        at += BigInt(read);
        left -= BigInt(read);
        return read > 0 ? buffer.subarray(0, read) : undefined;
      }, close),
    );
  },
} satisfies Record<string, Handler>;
