import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Serving } from "../../../../kickstart/server/desk";
import { removeTftpFolder, writeTftpFolder } from "../../../../kickstart/server/tftp-folder";

const MAC = "08:00:27:aa:bb:01";

describe("the folder for a TFTP server that is not ours", () => {
  let root = "";
  let folder = "";
  let registration: Serving;
  const bootLoaders = () => path.join(root, "loaders");
  beforeEach(() => {
    root = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-tftp-"));
    folder = path.join(root, "TFTP", "rocky9");
    fs.mkdirSync(bootLoaders());
    for (const name of ["pxelinux.0", "ldlinux.c32"]) fs.writeFileSync(path.join(bootLoaders(), name), name);
    for (const name of ["k", "i"]) fs.writeFileSync(path.join(root, name), name);
    registration = {
      build: "b1",
      machine: "rocky9",
      mac: MAC,
      purpose: "install",
      token: "0123456789abcdef0123456789abcdef",
      begun: "2026-11-21T10:00:00.000Z",
      expires: "2026-11-21T11:00:00.000Z",
      install: {
        installer: "kickstart",
        text: "",
        kernel: path.join(root, "k"),
        initrd: path.join(root, "i"),
        cmdline: "inst.ks=http://10.0.2.2:8069/config/0123456789abcdef0123456789abcdef/ks.cfg",
      },
    };
  });
  afterEach(() => fs.rmSync(root, { recursive: true, force: true }));
  const all = () => (fs.readdirSync(folder, { recursive: true }) as string[]).sort();

  it("has what our own server would serve, for this user alone", async () => {
    await writeTftpFolder(folder, registration, { bootLoaders: bootLoaders() });
    expect(all()).toEqual([
      "08-00-27-aa-bb-01",
      "08-00-27-aa-bb-01/initrd",
      "08-00-27-aa-bb-01/vmlinuz",
      "ldlinux.c32",
      "pxelinux.0",
      "pxelinux.cfg",
      "pxelinux.cfg/01-08-00-27-aa-bb-01",
    ]);
    const config = path.join(folder, "pxelinux.cfg", "01-08-00-27-aa-bb-01");
    expect(fs.readFileSync(config, "utf8")).toContain("APPEND inst.ks=http://10.0.2.2:8069/config/");
    expect(fs.readFileSync(path.join(folder, "08-00-27-aa-bb-01/vmlinuz"), "utf8")).toBe("k");
    expect([folder, config].map((file) => fs.statSync(file).mode & 0o777)).toEqual([0o700, 0o600]);
  });

  it("is written again by a run that carries on, and goes away whole", async () => {
    await writeTftpFolder(folder, registration, { bootLoaders: bootLoaders() });
    fs.writeFileSync(path.join(root, "k2"), "new kernel");
    registration.install.kernel = path.join(root, "k2");
    await writeTftpFolder(folder, registration, { bootLoaders: bootLoaders() });
    expect(fs.readFileSync(path.join(folder, "08-00-27-aa-bb-01/vmlinuz"), "utf8")).toBe("new kernel");
    await removeTftpFolder(folder, MAC);
    expect(fs.existsSync(folder)).toBe(false);
    await removeTftpFolder(folder, MAC);
    expect(fs.readFileSync(path.join(root, "k2"), "utf8")).toBe("new kernel");
  });

  it("takes nothing away that somebody else put there", async () => {
    await writeTftpFolder(folder, registration, { bootLoaders: bootLoaders() });
    fs.writeFileSync(path.join(folder, "mine"), "x");
    await removeTftpFolder(folder, MAC);
    expect(all()).toEqual(["mine"]);
  });
});
