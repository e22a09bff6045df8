import { describe, expect, it } from "vitest";
import { encodePacket, HEADER_BYTES, PacketSplitter } from "../../../../../providers/libvirt/rpc/framing";
import { whole } from "./fake-server";

const packet = (serial: number, size: number) =>
  whole({ serial, procedure: 7, type: 1, status: 2, payload: Buffer.alloc(size, serial) });

describe("packets", () => {
  it("trap libvirt#23: begin with their whole length, the length word included", () => {
    const bytes = encodePacket(packet(5, 12));
    expect(bytes.readUInt32BE(0)).toBe(bytes.length);
    expect(bytes.length).toBe(HEADER_BYTES + 12);
    expect(bytes.subarray(4, 28).toString("hex")).toBe("200080860000000100000007000000010000000500000002");
  });

  it("are the same again however the stream is sliced", () => {
    const sent = [packet(1, 0), packet(2, 500), packet(3, 1), packet(4, 9_000)];
    const bytes = Buffer.concat(sent.map(encodePacket));
    for (const slice of [1, 3, 27, 28, 29, 4096, bytes.length]) {
      const splitter = new PacketSplitter();
      const got = [];
      for (let at = 0; at < bytes.length; at += slice)
        got.push(...splitter.push(bytes.subarray(at, at + slice)));
      expect(got.map(({ program: _, ...rest }) => rest)).toEqual(sent);
      expect(splitter.pending).toBe(0);
    }
  });

  it("leave a rest when the stream is cut", () => {
    const splitter = new PacketSplitter();
    expect(splitter.push(encodePacket(packet(1, 100)).subarray(0, 60))).toEqual([]);
    expect(splitter.pending).toBe(60);
  });

  it.each([
    ["HTTP/1.1 400 Bad Request\r\n\r\n", "a web server"],
    ["SSH-2.0-OpenSSH_9.2\r\n", "an SSH server"],
    ["\0\0\0\u0004", "less than a header"],
  ])("are refused at once from what is no libvirt: %j", (text) => {
    expect(() => new PacketSplitter().push(Buffer.from(text, "latin1"))).toThrow(/this is not a libvirt/);
  });

  it("of another version of the protocol are refused", () => {
    const bytes = encodePacket(packet(1, 0));
    bytes.writeUInt32BE(2, 8);
    expect(() => new PacketSplitter().push(bytes)).toThrow(/version 2/);
  });

  it("trap libvirt#23: larger than any server takes are refused before they are sent", () => {
    expect(() => encodePacket(packet(1, 16 * 1024 * 1024 - HEADER_BYTES))).not.toThrow();
    expect(() => encodePacket(packet(1, 16 * 1024 * 1024 - HEADER_BYTES + 1))).toThrow(/over the limit/);
  });
});
