import { setTimeout as sleep } from "node:timers/promises";
import { ERROR } from "../client";
import type { RpcConnection } from "./connection";
import { hasCode } from "./errors";
import type { ProcedureName } from "./procedures";
import { type XdrReader, XdrWriter } from "./xdr";

/** The live connection; may make a new one when the last broke. */
export type Link = () => Promise<RpcConnection>;

/** One call: arguments are written by `write`, the reply is read from what it resolves to. */
export type Call = (
  name: ProcedureName,
  write?: (args: XdrWriter) => unknown,
  deadlineMs?: number,
) => Promise<XdrReader>;

/** Refused because something else was going on, and nothing was done (virterror.h): worth another try. */
const PASSING = [ERROR.resourceBusy, ERROR.operationTimeout];
/** Calls that change nothing, and may be asked again on a new link. */
const READS = /LookupBy|Get[A-Z]|ListAll|IsActive|SupportsFeature|InterfaceAddresses/;
const PAUSES_MS = [200, 800, 2_000];

/** The arguments of a call as bytes. */
export function encode(write: (args: XdrWriter) => unknown = () => {}): Buffer {
  const args = new XdrWriter();
  write(args);
  return args.bytes();
}

export function calling(link: Link, pausesMs: readonly number[] = PAUSES_MS): Call {
  return async (name, write, deadlineMs) => {
    const payload = encode(write);
    let mayRelink = READS.test(name);
    for (let attempt = 0; ; ) {
      const rpc = await link();
      try {
        return await rpc.call(name, payload, deadlineMs);
      } catch (error) {
        // The link was dead already, or died under a question: ask once more where there is another.
        if (mayRelink && rpc.broken === error) {
          mayRelink = false;
          continue;
        }
        const pause = pausesMs[attempt++];
        if (pause === undefined || !hasCode(error, ...PASSING)) throw error;
        await sleep(pause);
      }
    }
  };
}

/** The result, or undefined where libvirt says with one of `codes` that the thing does not exist or needs no change. */
export async function unless<T>(work: Promise<T>, ...codes: number[]): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (hasCode(error, ...codes)) return undefined;
    throw error;
  }
}
