import { describe, expect, it } from "vitest";
import type { Proof } from "../../../../providers/fog/imaged-host";
import { type Boots, prove } from "../../../../providers/fog/proof";
import type { SshConnection } from "../../../../providers/ssh/client";

const OLD = "6b7bac91-cc0d-40ac-bdbe-2b6a096e490f";
const NEW = "0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2";
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** A system by its files; the first process was started `startS` after the kernel. */
function system(files: Record<string, string>, uptimeS = 30, startS = 0): SshConnection {
  const all: Record<string, string> = {
    [BOOT_ID]: `${NEW}\n`,
    "/etc/os-release": 'ID="rocky"\nVERSION_ID="9.4"\n',
    "/etc/image-name": "rocky9\n",
    "/proc/uptime": `${uptimeS}.12 100.00\n`,
    "/proc/1/stat": `1 (init (x) 2) S 0 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 ${startS * 100} 1 2\n`,
    ...files,
  };
  return {
    target: "10.1.2.3",
    exec: async ([, path = ""]: string[]) => {
      const stdout = all[path];
      return stdout === undefined || stdout === "none"
        ? { code: 1, stdout: "", stderr: "No such file or directory" }
        : { code: 0, stdout, stderr: "" };
    },
  } as unknown as SshConnection;
}

const judge = (connection: SshConnection, boots: Boots, proof: Proof = {}) =>
  prove(connection, { name: "pod1-node1", image: "rocky9", proof, boots }, new AbortController().signal);

describe("what a host must prove after its imaging", () => {
  it("is a new boot id", async () => {
    expect(await judge(system({}), { before: [OLD] })).toBe(NEW);
    expect(await judge(system({}), { before: [undefined] })).toBe(NEW);
    await expect(judge(system({}), { before: [OLD, NEW] })).rejects.toThrow(
      `the host was not booted since: expected a new boot id at 10.1.2.3, found the one of before, ${NEW}`,
    );
    await expect(judge(system({ [BOOT_ID]: "none" }), { before: [] })).rejects.toThrow(
      "does not tell its boot id",
    );
  });

  it("trap fog#8: is a boot after the end of the task, whatever the boot id of before was", async () => {
    await expect(judge(system({}, 3600), { before: [], sinceS: 40 })).rejects.toThrow(
      "runs for 3600 s, and the imaging ended at most 40 s ago: expected one that was booted after it, found an older one",
    );
    expect(await judge(system({}, 50), { before: [], sinceS: 40 })).toBe(NEW);
    // A container's first process is younger than its kernel.
    expect(await judge(system({}, 90_000, 89_990), { before: [], sinceS: 40 })).toBe(NEW);
    expect(await judge(system({ "/proc/1/stat": "none" }, 3600), { before: [], sinceS: 40 })).toBe(NEW);
  });

  it("is the system that the image says, each line by itself", async () => {
    const osRelease = { ID: "rocky", VERSION_ID: "9.*" };
    expect(await judge(system({}), { before: [] }, { osRelease })).toBe(NEW);
    await expect(
      judge(system({ "/etc/os-release": "ID=centos\n" }), { before: [] }, { osRelease }),
    ).rejects.toThrow("ID: expected rocky, found centos; VERSION_ID: expected 9.*, found nothing");
    await expect(judge(system({ "/etc/os-release": "none" }), { before: [] }, { osRelease })).rejects.toThrow(
      "to have /etc/os-release, found none at 10.1.2.3",
    );
  });

  it("is the image's marker", async () => {
    const marker = { path: "/etc/image-name", text: "rocky9" };
    expect(await judge(system({}), { before: [] }, { marker })).toBe(NEW);
    await expect(judge(system({ "/etc/image-name": "clean\n" }), { before: [] }, { marker })).rejects.toThrow(
      'expected "rocky9" in /etc/image-name, found "clean"',
    );
    await expect(judge(system({ "/etc/image-name": "none" }), { before: [] }, { marker })).rejects.toThrow(
      "found no such file",
    );
  });
});
