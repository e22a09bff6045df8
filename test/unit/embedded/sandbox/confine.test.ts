import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { resolveInside } from "../../../../embedded/sandbox/confine";

describe("a path inside a sandbox's folder", () => {
  let root = "";
  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-confine-"));
    fs.mkdirSync(path.join(root, "etc"));
    fs.symlinkSync("/etc", path.join(root, "absolute"));
    fs.symlinkSync("../../../../etc", path.join(root, "etc/climbing"));
    fs.symlinkSync("/", path.join(root, "slash"));
    fs.symlinkSync("loop", path.join(root, "loop"));
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));

  it("stays inside, whatever it says and wherever links lead", () => {
    for (const name of [
      "/etc/passwd",
      "../../etc/passwd",
      "/absolute/passwd",
      "/etc/climbing/passwd",
      "/slash/slash/etc/passwd",
    ]) {
      expect(resolveInside(root, name), name).toBe(path.join(root, "etc/passwd"));
    }
    expect(resolveInside(root, "/..")).toBe(root);
  });

  it("is the link itself where that is meant", () => {
    expect(resolveInside(root, "/absolute", true)).toBe(path.join(root, "absolute"));
  });

  it("ends in a loop with an error, not in one of ours", () => {
    expect(() => resolveInside(root, "/loop")).toThrow(expect.objectContaining({ code: "ELOOP" }));
  });
});
