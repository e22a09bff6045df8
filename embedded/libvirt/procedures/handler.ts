import { type XdrReader, XdrWriter } from "../../../providers/libvirt/rpc/xdr";
import type { ServerConnection } from "../connection";
import type { Lab } from "../store/lab";

export interface CallContext {
  connection: ServerConnection;
  lab: Lab;
  serial: number;
  /** Work that must come after the reply: the data of a stream. */
  afterReply(work: () => void): void;
}

/** One remote procedure: arguments in, reply out; nothing for an empty reply. */
export type Handler = (
  args: XdrReader,
  call: CallContext,
) => XdrWriter | undefined | Promise<XdrWriter | undefined> | Promise<void> | void;

/** The reply of a list-all call: the items, only when they were asked for, and always their number. */
export const listReply = <T>(
  needResults: boolean,
  items: readonly T[],
  write: (writer: XdrWriter, item: T) => void,
): XdrWriter => new XdrWriter().array(needResults ? items : [], write).u32(items.length);
