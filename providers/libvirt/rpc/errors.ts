import { LibvirtError } from "../client";
import { XdrReader } from "./xdr";

/** An error reply (remote_error): its first three fields are of use. */
export function readError(payload: Buffer): LibvirtError {
  const reader = new XdrReader(payload);
  const [code, domain] = [reader.i32(), reader.i32()];
  return new LibvirtError(code, domain, reader.optionalString() ?? `libvirt error ${code}`);
}

/** True when `error` is libvirt's answer with one of these codes. */
export const hasCode = (error: unknown, ...codes: number[]): error is LibvirtError =>
  error instanceof LibvirtError && codes.includes(error.code);
