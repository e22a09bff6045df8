import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readIsoRoot } from "../../../../embedded/sandbox/iso";
import { parseSeed, readSeed } from "../../../../embedded/sandbox/seed";
import { writeIso } from "../../../../providers/seed/iso9660";

const hasIsoTool = spawnSync("genisoimage", ["--version"]).status === 0;
const USER_DATA = "#cloud-config\nusers:\n- name: ada\n  ssh_authorized_keys:\n  - ssh-ed25519 AAAA ada\n";

describe("a machine's seed", () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-seed-"));
  afterAll(() => fs.rmSync(folder, { recursive: true, force: true }));
  const image = (name: string, label: string) => {
    const file = path.join(folder, name);
    const files = [
      { name: "user-data", data: Buffer.from(USER_DATA) },
      { name: "meta-data", data: Buffer.from("instance-id: i-1\nlocal-hostname: web1\n") },
    ];
    fs.writeFileSync(file, writeIso(label, files));
    return file;
  };

  it("is read from the first image with the label cidata, among other media", () => {
    const disk = path.join(folder, "disk.raw");
    fs.writeFileSync(disk, Buffer.alloc(100_000));
    const seed = readSeed([
      disk,
      path.join(folder, "missing"),
      image("other.iso", "other"),
      image("seed.iso", "cidata"),
    ]);
    expect(seed).toMatchObject({ instanceId: "i-1", hostName: "web1" });
    expect(seed.keys.get("ada")).toEqual(["ssh-ed25519 AAAA ada"]);
  });

  it.runIf(hasIsoTool)("is read from an image of genisoimage as well", () => {
    const source = path.join(folder, "source");
    fs.mkdirSync(source);
    fs.writeFileSync(path.join(source, "user-data"), USER_DATA);
    fs.writeFileSync(path.join(source, "meta-data"), "instance-id: i-2\n");
    const file = path.join(folder, "tool.iso");
    spawnSync("genisoimage", ["-quiet", "-J", "-r", "-V", "cidata", "-o", file, source]);
    expect(readSeed([file])).toMatchObject({ instanceId: "i-2" });
    expect(readSeed([file]).keys.size).toBe(1);
  });

  it("is no more than what an image holds: damaged ones are passed over", () => {
    const file = image("cut.iso", "cidata");
    fs.truncateSync(file, 17 * 2048);
    expect(readIsoRoot(file)?.files.size ?? 0).toBe(0);
    expect(readSeed([file]).keys.size).toBe(0);
  });

  it("gives keys without a user to the first login, and to root only when it is told to", () => {
    const keys = "ssh_authorized_keys:\n- ssh-ed25519 BBBB\n";
    expect([...parseSeed(`${USER_DATA}${keys}`, "").keys]).toEqual([
      ["ada", ["ssh-ed25519 AAAA ada", "ssh-ed25519 BBBB"]],
    ]);
    expect([...parseSeed(`#cloud-config\n${keys}disable_root: false\n`, "").keys.keys()]).toEqual([
      "labplan",
      "root",
    ]);
  });

  it("takes the host key, files and commands", () => {
    const seed = parseSeed(
      "#cloud-config\nssh_keys:\n  ed25519_private: |\n    KEY\nwrite_files:\n- path: /a\n  content: aGk=\n  encoding: b64\n  permissions: '0600'\nruncmd:\n- echo one\n- [touch, it's]\n",
      "",
    );
    expect(seed.hostKey).toBe("KEY\n");
    expect(seed.files).toEqual([{ path: "/a", content: "hi", mode: 0o600 }]);
    expect(seed.commands).toEqual(["echo one", "'touch' 'it'\\''s'"]);
  });

  it("comes from the kernel's command line where there is no image", () => {
    const seed = readSeed([], "console=ttyS0 labplan.key=ssh-ed25519,AAAA labplan.host=k1");
    expect(seed.hostName).toBe("k1");
    expect(seed.keys.get("root")).toEqual(["ssh-ed25519 AAAA"]);
  });
});
