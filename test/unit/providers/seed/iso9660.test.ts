import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type IsoFile, readIso, writeIso } from "../../../../providers/seed/iso9660";
import { sealed, unsealed } from "../../../../providers/seed/seal";

const files = [
  { name: "user-data", data: Buffer.from(`#cloud-config\n${"x".repeat(5000)}`) },
  { name: "meta-data", data: Buffer.from("instance-id: a\n") },
  { name: "network-config", data: Buffer.from("version: 2\n") },
];
const byName = (list: IsoFile[] | undefined) =>
  Object.fromEntries((list ?? []).map((f) => [f.name, f.data.toString()]));

describe("the seed's ISO image", () => {
  it("holds the files, under their own names, and is the same every time", () => {
    const image = writeIso("cidata", files);
    expect(byName(readIso(image))).toEqual(byName(files));
    expect(writeIso("cidata", files).equals(image)).toBe(true);
    expect(image.length % 2048).toBe(0);
    // Where blkid and udev look for the label.
    expect(image.toString("latin1", 16 * 2048 + 40, 16 * 2048 + 72).trimEnd()).toBe("cidata");
  });

  it("takes files of any size", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 9000 }), { maxLength: 5 }), (sizes) => {
        const some = sizes.map((size, at) => ({ name: `file-${at}`, data: Buffer.alloc(size, at + 65) }));
        expect(byName(readIso(writeIso("cidata", some)))).toEqual(byName(some));
      }),
      { numRuns: 30 },
    );
  });

  it.skipIf(!existsSync("/usr/bin/isoinfo"))("is read by other people's programs", () => {
    const folder = mkdtempSync(join(tmpdir(), "labplan-iso-"));
    try {
      const path = join(folder, "seed.iso");
      writeFileSync(path, sealed(writeIso("cidata", files), "digest"));
      const isoinfo = (...args: string[]) =>
        execFileSync("isoinfo", [...args, "-i", path], { encoding: "utf8" });
      expect(isoinfo("-d")).toMatch(/Volume id: cidata[\s\S]*Rock Ridge signatures version 1 found/);
      expect(isoinfo("-R", "-f").trim().split("\n").sort()).toEqual([
        "/meta-data",
        "/network-config",
        "/user-data",
      ]);
      expect(isoinfo("-R", "-x", "/user-data")).toBe(files[0]?.data.toString());
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("is nobody's when it is damaged", () => {
    expect(readIso(Buffer.alloc(100))).toBeUndefined();
    expect(readIso(writeIso("cidata", files).subarray(0, 21 * 2048))).toBeUndefined();
  });
});

describe("the seal behind it", () => {
  const whole = sealed(writeIso("cidata", files), "0123456789abcdef");

  it("says what the image was made of", () => {
    expect(unsealed(whole)?.digest).toBe("0123456789abcdef");
    expect(byName(readIso(unsealed(whole)?.image ?? Buffer.alloc(0)))).toEqual(byName(files));
  });

  it("breaks when anything is missing or changed: an upload that was cut off looks like a whole one in size", () => {
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), (at) => {
        const cut = Buffer.alloc(whole.length);
        whole.copy(cut, 0, 0, at);
        if (cut.equals(whole)) return;
        expect(unsealed(cut)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
    const flipped = Buffer.from(whole);
    flipped[50_000] = (flipped[50_000] ?? 0) ^ 1;
    expect(unsealed(flipped)).toBeUndefined();
    expect(unsealed(Buffer.alloc(0))).toBeUndefined();
  });
});
