import { LabError } from "../core/errors";
import { HEADER_BYTES, virtualSize } from "./header";

export type ImageKind = "raw" | "qcow2" | "vmdk" | "vdi" | "vhd";

const PACKED: readonly (readonly [Buffer, string])[] = [
  [Buffer.from([0x1f, 0x8b]), ".gz"],
  [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a]), ".xz"],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), ".zst"],
  [Buffer.from("BZh"), ".bz2"],
  [Buffer.from("PK\x03\x04"), ".zip"],
];

/**
 * What an image is, by its first bytes; everything unknown is raw. Refused: what must be unpacked first, and a qcow2
 * that names another file, for whoever made the image chose that path.
 */
export function imageKind(header: Buffer, label: string): ImageKind {
  const packed = PACKED.find(([magic]) => header.subarray(0, magic.length).equals(magic));
  if (packed) throw new LabError(`${label} is packed (${packed[1]}). Unpack it first.`);
  if (virtualSize(header) !== undefined) {
    if (header.length >= HEADER_BYTES && header.readBigUInt64BE(8) !== 0n)
      throw new LabError(
        `${label} names another file as its base, which is not allowed. Flatten it: qemu-img convert -O qcow2.`,
      );
    return "qcow2";
  }
  const text = header.toString("latin1");
  if (text.startsWith("KDMV") || text.startsWith("# Disk DescriptorFile")) return "vmdk";
  if (text.startsWith("<<< ")) return "vdi";
  if (text.startsWith("conectix")) return "vhd";
  return "raw";
}
