import { expect, test } from "vitest";
import { imageKind } from "../../../../providers/images/kind";

const header = (start: string | Buffer) => Buffer.concat([Buffer.from(start), Buffer.alloc(40)]);
const qcow2 = (backing: number) => {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32BE(0x514649fb, 0);
  bytes.writeUInt32BE(3, 4);
  bytes.writeBigUInt64BE(BigInt(backing), 8);
  return bytes;
};

test("an image is told by its first bytes", () => {
  expect(imageKind(qcow2(0), "x")).toBe("qcow2");
  expect(imageKind(header("KDMV"), "x")).toBe("vmdk");
  expect(imageKind(header("# Disk DescriptorFile"), "x")).toBe("vmdk");
  expect(imageKind(header("<<< Oracle VM VirtualBox Disk Image >>>"), "x")).toBe("vdi");
  expect(imageKind(header("conectix"), "x")).toBe("vhd");
  expect(imageKind(Buffer.alloc(512), "x")).toBe("raw");
  expect(imageKind(Buffer.alloc(3), "x")).toBe("raw");
});

test("what is packed, and a qcow2 that reads another file, is refused", () => {
  expect(() => imageKind(header(Buffer.from([0x1f, 0x8b, 8])), "a.gz")).toThrow("a.gz is packed (.gz)");
  expect(() => imageKind(header("PK\x03\x04"), "a")).toThrow("Unpack it first");
  expect(() => imageKind(qcow2(512), "evil.qcow2")).toThrow("names another file as its base");
});
