import { createHash } from "node:crypto";

const SECTOR = 2048;
const WORD = "labplan-seed";

const checksum = (image: Buffer): string => createHash("sha256").update(image).digest("hex");

/** The image with one more sector that says what it was made of and that it is whole. Readers of ISO images skip it. */
export function sealed(image: Buffer, digest: string): Buffer {
  const seal = Buffer.alloc(SECTOR);
  seal.write(`${WORD} ${digest} ${checksum(image)}`, "latin1");
  return Buffer.concat([image, seal]);
}

/** What `sealed` was given; undefined when the image was cut, changed, or is not ours. */
export function unsealed(bytes: Buffer): { image: Buffer; digest: string } | undefined {
  const image = bytes.subarray(0, -SECTOR);
  const [word, digest, sum] = bytes.subarray(-SECTOR).toString("latin1").replace(/\0+$/, "").split(" ");
  return word === WORD && digest !== undefined && sum === checksum(image) ? { image, digest } : undefined;
}
