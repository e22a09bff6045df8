import { describe, expect, it } from "vitest";
import { failureOf, withoutWarning } from "../../../../providers/virtualbox/classify";
import { VBoxManageMissing, VirtualBoxError } from "../../../../providers/virtualbox/errors";
import { readVmList } from "../../../../providers/virtualbox/parse/vm-list";
import { failure, recorded, recordedFailures } from "./fixtures";

const GONE = "99999999-fe74-4d77-bb14-aa02c1c394e6";
const errorOf = (argv: readonly string[], stderr: string, code = 1, stdout = "") => {
  const found = failureOf("VirtualBox on h", argv, { code, stdout, stderr });
  if (!(found instanceof VirtualBoxError)) throw new Error("no error of VirtualBox's");
  return found;
};
const told = (text: string, code: string) =>
  `VBoxManage: error: ${text}\nVBoxManage: error: Details: code ${code} (0x80bb0007), component SessionMachine, interface IMachine\n`;
const recordedError = (...words: string[]) => {
  const { argv, stderr, code, stdout } = failure(...words);
  return errorOf(argv, stderr, code, stdout);
};

describe("what VBoxManage's failures mean", () => {
  it("trap virtualbox#1: skips the wrapper's WARNING before the output", () => {
    const output = recorded("wrapper-list-vms.txt");
    expect(output).toMatch(/^WARNING/);
    expect(readVmList(withoutWarning(output))).toEqual([
      { name: "w", uuid: "3d2b9a4e-1f0c-4a7e-9a53-0c1d2e3f4a5b" },
    ]);
    expect(withoutWarning('"WARNING: The character device" {x}\n')).toMatch(/^"WARNING/);
  });

  it("trap virtualbox#5: takes 'already exists' with exit code 2 for what it says, not for a syntax error", () => {
    const error = recordedError("natnetwork", "add");
    expect(error).toMatchObject({ exit: 2, failure: "final" });
    expect(error.message).toContain("NATNetwork server already exists");
    expect(recordedError("modifyvm", "7c0d8f11-52f3-4a39-8d6c-90f1e2d3c4b5", "--nope")).toMatchObject({
      exit: 1,
    });
  });

  it("trap virtualbox#6: finds the error text behind the progress", () => {
    const { stderr } = failure("export", "7c0d8f11-52f3-4a39-8d6c-90f1e2d3c4b5");
    const failed = recordedFailures().filter(({ argv, code }) => argv[0] === "export" && code !== 0)[0];
    expect(stderr).toMatch(/^0%\.\.\.10%/);
    expect(failed?.stderr).toMatch(/^0%\.\.\.VBOX_E_IPRT_ERROR/);
    expect(errorOf(["export"], failed?.stderr ?? "")).toMatchObject({
      code: "VBOX_E_IPRT_ERROR",
      message: expect.stringMatching(
        /^VirtualBox on h: VBoxManage export: Appliance write failed\. Failed to open .* \(VERR_ALREADY_EXISTS\) \(VBOX_E_IPRT_ERROR\)$/,
      ),
    });
  });

  it("trap virtualbox#7: takes an error text with exit code 0 for an error", () => {
    const { code } = failure("discardstate");
    expect(code).toBe(0);
    expect(recordedError("discardstate")).toMatchObject({
      code: "VBOX_E_INVALID_VM_STATE",
      exit: 0,
      failure: "final",
    });
    expect(
      failureOf("h", ["modifyvm"], { code: 0, stdout: "", stderr: recorded("interface-warning.txt") }),
    ).toBeUndefined();
  });

  it("trap virtualbox#8: calls exit code 126 a broken installation", () => {
    for (const code of [126, 127]) {
      const stderr = "/usr/lib/virtualbox/VBoxManage: cannot execute: required file not found\n";
      const found = failureOf("VirtualBox on h", ["list", "vms"], { code, stdout: "", stderr });
      expect(found).toBeInstanceOf(VBoxManageMissing);
      expect(found?.message).toMatch(/required file not found\. Is VirtualBox installed in full there\?/);
    }
  });

  it("trap virtualbox#9: always has VBoxManage's own words, or its last lines where it has no error text", () => {
    for (const { argv, stdout, stderr, code } of recordedFailures().filter((one) =>
      one.stderr.includes("error:"),
    )) {
      const message = errorOf(argv, stderr, code, stdout).message;
      const words = /VBoxManage: error: (?!Code|Context)(.*)/.exec(stderr)?.[1] ?? "Invalid argument value";
      expect(message).toContain(words.trim());
      expect(message).not.toMatch(/Context:|component|Usage/);
    }
    expect(errorOf(["list", "vms"], "Segmentation fault\n", 139).message).toContain(
      "ended with exit code 139 and said: Segmentation fault",
    );
    const warned = recorded("wrapper-list-vms.txt").replace(/"w".*\n/, "");
    expect(errorOf(["list"], "", 3, warned).message).toContain("exit code 3 and said: nothing");
  });

  it("trap virtualbox#15: knows 'does not exist', and takes nothing else for it", () => {
    const missing = [
      ["showvminfo", GONE],
      ["closemedium", "disk", "/home/me/vb/media/nosuch.vdi"],
      ["showmediuminfo", "disk", "/home/me/vb/media/nosuch.vdi"],
      ["showmediuminfo", "disk", GONE],
      ["snapshot", "3d2b9a4e-1f0c-4a7e-9a53-0c1d2e3f4a5b", "delete", GONE],
      ["sharedfolder", "remove"],
      ["natnetwork", "modify"],
      ["natnetwork", "remove"],
      ["dhcpserver", "modify"],
      ["dhcpserver", "remove"],
      ["hostonlyif", "remove"],
      ["hostonlyif", "ipconfig"],
      ["storageattach", "7c0d8f11-52f3-4a39-8d6c-90f1e2d3c4b5"],
      ["storageattach", "3d2b9a4e-1f0c-4a7e-9a53-0c1d2e3f4a5b"],
    ];
    for (const words of missing) expect([words, recordedError(...words).failure]).toEqual([words, "gone"]);
    const other = recordedFailures().filter(
      ({ argv, stderr }) =>
        stderr.includes("error:") && !missing.some((words) => words.every((word, at) => argv[at] === word)),
    );
    expect(other.length).toBeGreaterThan(20);
    for (const { argv, stderr, code } of other)
      expect([argv, errorOf(argv, stderr, code).failure]).toEqual([argv, "final"]);
    // The medium that cannot be attached is missing, and not what it would be attached to.
    const attach = recordedFailures().find(
      ({ argv, stderr }) => argv[0] === "storageattach" && stderr.includes("VERR_FILE_NOT_FOUND"),
    );
    expect(errorOf(attach?.argv ?? [], attach?.stderr ?? "").failure).toBe("final");
  });

  it("trap virtualbox#36: takes these texts for passing, and no other", () => {
    const passing = [
      "The machine 'a1' is already locked for a session (or being unlocked)",
      "The machine 'a1' already has a lock request pending",
      "The machine 'a1' is already locked by a session (or being locked or unlocked)",
      "The object is not ready",
      "The machine 'a1' was unlocked unexpectedly while attempting to share its session",
      "Failed to assign the machine to the session (E_ACCESSDENIED)",
      "Failed to create the VirtualBox object!",
      "Code NS_ERROR_ABORT (0x80004004) - Operation aborted (extended info not available)",
    ];
    for (const text of passing)
      expect([text, errorOf(["modifyvm"], `VBoxManage: error: ${text}\n`).failure]).toEqual([
        text,
        "retryable",
      ]);
    expect(errorOf(["modifyvm"], "VBoxManage: error: The machine is locked somehow\n").failure).toBe("final");
  });

  it("trap virtualbox#37: repeats an invalid object state, unless it is about snapshots or children", () => {
    const code = "VBOX_E_INVALID_OBJECT_STATE";
    expect(errorOf(["modifyvm"], told("The machine is not mutable or running", code)).failure).toBe(
      "retryable",
    );
    expect(errorOf(["closemedium"], told("Cannot close: it has 1 child medium", code)).failure).toBe("final");
    expect(recordedError("snapshot", "3d2b9a4e-1f0c-4a7e-9a53-0c1d2e3f4a5b", "delete")).toMatchObject({
      code,
      failure: "final",
    });
  });

  it("trap virtualbox#38: never repeats that a name or a medium is in use", () => {
    expect(recordedError("storagectl")).toMatchObject({ code: "VBOX_E_OBJECT_IN_USE", failure: "final" });
    expect(recordedError("closemedium", "disk", "/home/me/vb/media/base.vdi")).toMatchObject({
      failure: "final",
    });
  });

  it("trap virtualbox#26: tells a second creation by its settings file, as final", () => {
    const error = recordedError("createvm", "--name", "plain");
    expect(error).toMatchObject({ code: "VBOX_E_FILE_ERROR", failure: "final" });
    expect(error.message).toContain(
      "Machine settings file '/home/me/vb/machines/plain/plain.vbox' already exists",
    );
  });

  it("trap virtualbox#32: says which device host-only interfaces lack", () => {
    expect(recordedError("hostonlyif", "create").message).toContain("failed to open /dev/vboxnetctl");
    expect(recordedError("list", "hostonlynets").message).toContain('Unknown subcommand "hostonlynets"');
  });

  it("keeps what was asked for out of the message", () => {
    const error = errorOf(["modifyvm", "x", "--description", "hunter2"], told("No", "NS_ERROR_FAILURE"));
    expect(error.message).toBe("VirtualBox on h: VBoxManage modifyvm: No (NS_ERROR_FAILURE)");
  });
});
