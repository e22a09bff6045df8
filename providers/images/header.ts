import { LabError } from "../core/errors";

const QCOW2_MAGIC = 0x514649fb;
/** Bytes of a header that are read here: up to the virtual size (QEMU docs/interop/qcow2.txt). */
export const HEADER_BYTES = 32;

/**
 * Refuse an image that is not what the config says, before its first byte is sent: the guest would fail much later
 * and tell nobody. A qcow2 with a backing file of its own is refused too: whoever made the image chose that path,
 * and it would be read on our hypervisor.
 */
export function checkHeader(header: Buffer, format: "qcow2" | "raw" | "iso", label: string): void {
  const isQcow2 = header.length >= HEADER_BYTES && header.readUInt32BE(0) === QCOW2_MAGIC;
  if (format === "qcow2" && !isQcow2)
    throw new LabError(
      `${label} is no qcow2 image. If it is a raw image, say "format: raw"; if it is packed (.xz, .gz), unpack it.`,
    );
  if (format !== "qcow2" && isQcow2)
    throw new LabError(
      `${label} is a qcow2 image, the config says "format: ${format}". Write "format: qcow2".`,
    );
  if (isQcow2 && header.readBigUInt64BE(8) !== 0n)
    throw new LabError(
      `${label} names another file as its base, which is not allowed. Flatten it: qemu-img convert -O qcow2.`,
    );
}

/** Virtual size of a qcow2 image, or undefined for any other. */
export const virtualSize = (header: Buffer): number | undefined =>
  header.length >= HEADER_BYTES && header.readUInt32BE(0) === QCOW2_MAGIC
    ? Number(header.readBigUInt64BE(24))
    : undefined;
