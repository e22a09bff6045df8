import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { emptyQcow2, readQcow2 } from "../../../../embedded/libvirt/qcow2";

const hasQemuImg = spawnSync("qemu-img", ["--version"]).status === 0;

describe("an empty qcow2 image", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-qcow2-"));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));

  it("tells what it was made of", () => {
    const head = { capacity: 10n * 1024n ** 3n, backing: "/pool/base.qcow2", backingFormat: "qcow2" };
    expect(readQcow2(emptyQcow2(head))).toEqual(head);
    expect(readQcow2(emptyQcow2({ capacity: 512n }))).toEqual({ capacity: 512n });
    expect(readQcow2(Buffer.alloc(4096))).toBeUndefined();
  });

  it.runIf(hasQemuImg)("is a sound image to qemu-img, of any size", () => {
    for (const capacity of [512n, 1n << 30n, 5n << 40n]) {
      const file = path.join(folder, `${capacity}.qcow2`);
      fs.writeFileSync(file, emptyQcow2({ capacity }));
      const check = spawnSync("qemu-img", ["check", file], { encoding: "utf8" });
      expect(check.stdout + check.stderr).toContain("No errors were found");
      const info = spawnSync("qemu-img", ["info", "--output=json", file], { encoding: "utf8" });
      expect(JSON.parse(info.stdout)).toMatchObject({ format: "qcow2", "virtual-size": Number(capacity) });
    }
  });
});
