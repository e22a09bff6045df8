import { describe, expect, test } from "vitest";
import { natTftpProblems } from "../../../../providers/boot/nat-tftp";
import type { BackendConfig } from "../../../../stacks/config/types";

const asked = (
  backend: BackendConfig,
  version = "7.2.6r1",
  via: "virtualbox-tftp" | "ipxe" = "virtualbox-tftp",
) =>
  natTftpProblems(
    { name: "rocky9", via },
    { backend, signal: new AbortController().signal },
    async () => version,
  );

describe("whether VirtualBox's own TFTP can boot a builder", () => {
  test("trap virtualbox#46: refuses the version that gives one file and no second", async () => {
    expect(await asked({ kind: "virtualbox" }, "7.2.4r170995")).toMatchObject([
      { field: "via", message: expect.stringMatching(/7\.2\.4.*issue 417.*Update VirtualBox/) },
    ]);
    expect(await asked({ kind: "virtualbox" }, "7.2.40r1")).toEqual([]);
    expect(await asked({ kind: "virtualbox" })).toEqual([]);
  });

  test("refuses another host, whose folders are not this machine's", async () => {
    expect(await asked({ kind: "virtualbox", host: "ssh://ann@desk1" })).toMatchObject([
      { field: "via", message: expect.stringContaining("ssh://ann@desk1") },
    ]);
  });

  test("has nothing against the embedded lab, iPXE or libvirt", async () => {
    expect(await asked({ kind: "virtualbox", host: "embedded:" }, "7.2.4")).toEqual([]);
    expect(await asked({ kind: "virtualbox" }, "7.2.4", "ipxe")).toEqual([]);
    expect(await asked({ kind: "libvirt", uri: "qemu:///system" }, "7.2.4")).toEqual([]);
  });
});
