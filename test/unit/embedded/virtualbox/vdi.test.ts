import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { installOn, isBlank } from "../../../../embedded/libvirt/disk-content";
import { emptyQcow2 } from "../../../../embedded/libvirt/qcow2";
import {
  BLOCK_BYTES,
  blocksOf,
  createVdi,
  growVdi,
  readBlock,
  readVdi,
  setVdiUuid,
  writeBlock,
} from "../../../../embedded/virtualbox/vdi";

const UUID = "11d05174-e24a-4af6-bd95-ee3f81ebd1ed";
const PARENT = "f65c9efc-f2c1-48db-9ea4-dd423398256b";

let folder = "";
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-vdi-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
const at = (name: string) => path.join(folder, name);

describe("a VDI file", () => {
  it("has VirtualBox's own head, its UUIDs in their mixed byte order", () => {
    createVdi(at("d"), { uuid: UUID, parent: PARENT, capacity: 8192 * BLOCK_BYTES, variant: "differencing" });
    const head = fs.readFileSync(at("d"));
    // As VBoxManage 7.2.22 wrote the same disk.
    expect(head.subarray(0x40, 0x50).toString("hex")).toBe("7f10dabe010001009001000004000000");
    expect(head.subarray(0x188, 0x198).toString("hex")).toBe("7451d0114ae2f64abd95ee3f81ebd1ed");
    expect(head.subarray(0x1a8, 0x1b8).toString("hex")).toBe("fc9e5cf6c1f2db489ea4dd423398256b");
    expect(readVdi(at("d"))).toEqual({
      uuid: UUID,
      parent: PARENT,
      capacity: 8192 * BLOCK_BYTES,
      variant: "differencing",
      allocated: 0,
    });
  });

  it("keeps what is written to it, also when growing moves its data", () => {
    createVdi(at("d"), { uuid: UUID, capacity: 3 * BLOCK_BYTES, variant: "dynamic" });
    writeBlock(at("d"), 2, Buffer.from("two"));
    writeBlock(at("d"), 0, Buffer.from("zero"));
    writeBlock(at("d"), 2, Buffer.from("TWO"));
    growVdi(at("d"), 400_000 * BLOCK_BYTES);
    expect(blocksOf(at("d"))).toEqual([0, 2]);
    expect(readBlock(at("d"), 2)?.toString("latin1", 0, 3)).toBe("TWO");
    expect(readBlock(at("d"), 0)?.toString("latin1", 0, 4)).toBe("zero");
    expect([readBlock(at("d"), 1), readBlock(at("d"), 399_999)]).toEqual([undefined, undefined]);
    expect(readVdi(at("d"))).toMatchObject({ capacity: 400_000 * BLOCK_BYTES, allocated: 2 });
  });

  it("takes another UUID, and is never made over a file", () => {
    createVdi(at("d"), { uuid: UUID, capacity: BLOCK_BYTES, variant: "dynamic" });
    setVdiUuid(at("d"), PARENT);
    expect(readVdi(at("d"))?.uuid).toBe(PARENT);
    expect(() => createVdi(at("d"), { uuid: UUID, capacity: 512, variant: "dynamic" })).toThrow("EEXIST");
    fs.writeFileSync(at("x"), "no disk");
    expect(readVdi(at("x"))).toBeUndefined();
  });
});

describe("a disk of the embedded libvirt", () => {
  it.each([
    ["qcow2", () => emptyQcow2({ capacity: 20n << 30n })],
    ["raw", () => Buffer.alloc(1 << 20)],
  ])("of format %s is blank until something is installed on it", (_, content) => {
    fs.writeFileSync(at("disk"), content());
    expect(isBlank(at("disk"))).toBe(true);
    installOn(at("disk"));
    expect(isBlank(at("disk"))).toBe(false);
    const text = fs.readFileSync(at("disk"));
    const sector = text.subarray(text.indexOf("labplan: installed") - 3);
    expect(sector.readUInt16BE(510)).toBe(0x55aa);
  });

  it("over an image is not blank", () => {
    fs.writeFileSync(
      at("disk"),
      emptyQcow2({ capacity: 1n << 20n, backing: "/base", backingFormat: "qcow2" }),
    );
    expect(isBlank(at("disk"))).toBe(false);
  });
});
