import { describe, expect, it } from "vitest";
import { checkHeader, virtualSize } from "../../../../providers/images/header";

function qcow2(backingOffset = 0n, size = 1n << 30n): Buffer {
  const header = Buffer.alloc(104);
  header.writeUInt32BE(0x514649fb, 0);
  header.writeUInt32BE(3, 4);
  header.writeBigUInt64BE(backingOffset, 8);
  header.writeBigUInt64BE(size, 24);
  return header;
}

describe("the first bytes of an image", () => {
  it("must be what the config says", () => {
    expect(() => checkHeader(qcow2(), "qcow2", "img")).not.toThrow();
    expect(() => checkHeader(Buffer.alloc(104), "raw", "img")).not.toThrow();
    expect(() => checkHeader(Buffer.alloc(104), "qcow2", "img")).toThrow(/^img is no qcow2 image/);
    expect(() => checkHeader(Buffer.from("tiny"), "qcow2", "img")).toThrow(/no qcow2 image/);
    expect(() => checkHeader(qcow2(), "raw", "img")).toThrow(/"format: qcow2"/);
    expect(() => checkHeader(qcow2(), "iso", "img")).toThrow(/"format: qcow2"/);
  });

  it("may not name another file of the hypervisor as its base", () => {
    expect(() => checkHeader(qcow2(200n), "qcow2", "img")).toThrow(/names another file as its base/);
  });

  it("tell how large the disk is that the guest will see", () => {
    expect(virtualSize(qcow2())).toBe(1 << 30);
    expect(virtualSize(Buffer.alloc(104))).toBeUndefined();
  });
});
