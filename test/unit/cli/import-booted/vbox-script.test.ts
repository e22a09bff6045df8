import * as fs from "node:fs";
import { describe, expect, it } from "vitest";
import { readVboxScript } from "../../../../cli/import-booted/vbox-script";

describe("the VBoxManage calls of a script", () => {
  it("say what booted's images are made of", () => {
    expect(readVboxScript(fs.readFileSync("test/fixtures/booted/fabric/vbox.sh", "utf8"))).toEqual({
      osType: "RedHat_64",
      cpus: 1,
      memoryMiB: 1024,
      diskMiB: 40000,
      nics: new Map([
        [1, { type: "nat" }],
        [2, { type: "bridged", adapter: "eth0" }],
      ]),
      boot: ["disk", "dvd", "net", "none"],
      iso: "CentOS-6.9-x86_64-minimal.iso",
      others: ["ioapic", "acpi", "nattftpfile1", "vrdeauthtype"],
    });
  });

  it("are read with the script's own variables, over continued lines, by any path", () => {
    const script =
      "MEM=2048\nNIC=en0\n/usr/bin/vboxmanage modifyvm vm \\\n  --memory $MEM --nic1 bridged --bridgeadapter1 $NIC\n# VBoxManage modifyvm vm --cpus 9\n";
    expect(readVboxScript(script)).toMatchObject({
      memoryMiB: 2048,
      nics: new Map([[1, { type: "bridged", adapter: "en0" }]]),
    });
    expect(readVboxScript(script).cpus).toBeUndefined();
  });

  it("run nothing: what only a shell would know stays unknown", () => {
    expect(readVboxScript("VBoxManage modifyvm vm --cpus $(nproc) --memory `free`").cpus).toBeUndefined();
  });
});
