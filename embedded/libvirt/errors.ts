import { ERROR, LibvirtError } from "../../providers/libvirt/client";

/** virErrorDomain: which part of libvirt says it. Values as libvirtd 9.0.0 sent them. */
export const FROM = { none: 0, xml: 5, rpc: 7, qemu: 10, storage: 18, network: 19, domain: 20 } as const;
export type From = (typeof FROM)[keyof typeof FROM];

/** Codes beyond those that the client acts on (virterror.h). */
export const CODE = {
  ...ERROR,
  internal: 1,
  noConnect: 5,
  invalidArgument: 8,
  noName: 21,
  xml: 27,
  xmlDetail: 35,
  system: 38,
  invalidMac: 44,
  argumentUnsupported: 74,
  deviceMissing: 99,
} as const;

/** The first half of the sentence, by code, as libvirt writes it. Codes without one are told bare. */
const SENTENCE: Record<number, string> = {
  [CODE.internal]: "internal error",
  [CODE.invalidArgument]: "invalid argument",
  [CODE.operationFailed]: "operation failed",
  [CODE.xml]: "XML error",
  [CODE.noDomain]: "Domain not found",
  [CODE.noNetwork]: "Network not found",
  [CODE.noStoragePool]: "Storage pool not found",
  [CODE.noStorageVolume]: "Storage volume not found",
  [CODE.operationInvalid]: "Requested operation is not valid",
  [CODE.configUnsupported]: "unsupported configuration",
  [CODE.argumentUnsupported]: "argument unsupported",
  [CODE.noDomainMetadata]: "metadata not found",
  [CODE.operationUnsupported]: "Operation not supported",
  [CODE.deviceMissing]: "device not found",
};

/** A refusal worded as libvirtd words it: `refuse(CODE.operationInvalid, FROM.qemu, "domain is not running")`. */
export function refuse(code: number, from: From, detail: string): LibvirtError {
  const sentence = SENTENCE[code];
  return new LibvirtError(code, from, sentence ? `${sentence}: ${detail}` : detail);
}

/** An argument error of the public API, which libvirt tells without the "invalid argument" sentence. */
export const badArgument = (from: From, text: string): LibvirtError =>
  new LibvirtError(CODE.invalidArgument, from, text);
