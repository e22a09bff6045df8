import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ImageStore } from "../../../../embedded/fog/image-content";

describe("the image store of the embedded FOG server", () => {
  let folder: string;
  let images: ImageStore;
  let disk: string;
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-images-"));
    images = new ImageStore(path.join(folder, "store"), path.join(folder, "key"));
    disk = path.join(folder, "disk");
  });
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
  const on = (file: string): string => fs.readFileSync(path.join(disk, "root", file), "utf8");

  it("has stock images, each with its name in it and root's key", async () => {
    await images.write("debian12", disk);
    expect(on("etc/os-release")).toContain('ID="debian"\nVERSION_ID="12"\n');
    expect(on("etc/image-name")).toBe("debian12\n");
    const key = fs.readFileSync(`${images.identityFile}.pub`, "utf8");
    expect(on("root/.ssh/authorized_keys")).toBe(key);
    expect(fs.statSync(images.identityFile).mode & 0o777).toBe(0o600);
    // Each machine makes a host key of its own.
    expect(fs.existsSync(path.join(disk, "host-key"))).toBe(false);
  });

  it("keeps its key, and what was made of a stock image, when it is opened again", async () => {
    const before = fs.readFileSync(images.identityFile, "utf8");
    fs.writeFileSync(path.join(folder, "store/clean.json"), '{"osRelease":{"ID":"mine"}}');
    images = new ImageStore(path.join(folder, "store"), path.join(folder, "key"));
    expect(fs.readFileSync(images.identityFile, "utf8")).toBe(before);
    await images.write("clean", disk);
    expect(on("etc/os-release")).toBe('ID="mine"\n');
  });

  it("keeps a captured disk as it was, links and all, and replaces what the image held", async () => {
    await images.write("rocky9", disk);
    fs.symlinkSync("/nowhere", path.join(disk, "root/link"));
    fs.writeFileSync(path.join(disk, "host-key"), "key");
    await images.capture("golden", disk);
    fs.rmSync(path.join(disk, "root/etc/image-name"));
    await images.capture("golden", disk);
    disk = path.join(folder, "other");
    await images.write("golden", disk);
    expect(fs.readlinkSync(path.join(disk, "root/link"))).toBe("/nowhere");
    expect(fs.readFileSync(path.join(disk, "host-key"), "utf8")).toBe("key");
    expect(fs.existsSync(path.join(disk, "root/etc/image-name"))).toBe(false);
  });

  it("has nothing outside of itself", async () => {
    fs.writeFileSync(path.join(folder, "secret.json"), '{"osRelease":{}}');
    expect(images.has("../secret")).toBe(false);
    await expect(images.write("../secret", disk)).rejects.toThrow(/image store/);
    await expect(images.capture("../../x", disk)).rejects.toThrow(/image store/);
    expect(images.has("nothing")).toBe(false);
    expect(images.has("rocky9")).toBe(true);
  });
});
