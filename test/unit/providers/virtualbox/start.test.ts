import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Calls } from "../../../../providers/virtualbox/calls";
import { failureOf } from "../../../../providers/virtualbox/classify";
import { KernelModuleMissing, VirtualBoxError } from "../../../../providers/virtualbox/errors";
import { localFiles } from "../../../../providers/virtualbox/local-files";
import { powerCalls } from "../../../../providers/virtualbox/power-calls";
import { failure } from "./fixtures";

const VM = "7c0d8f11-52f3-4a39-8d6c-90f1e2d3c4b5";
let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-start-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

/** A host whose machines end at their start, as the recorded one's did. */
function calls(more: { device?: boolean; runsAfterwards?: boolean } = {}): Calls & { ran: string[] } {
  const ran: string[] = [];
  const told = () =>
    `VMState="${more.runsAfterwards && ran.includes("startvm") ? "running" : "poweroff"}"\nCfgFile="${folder}/m.vbox"\n`;
  return {
    ran,
    label: "VirtualBox on h",
    files: { ...localFiles, isDevice: async (file) => file === "/dev/vboxdrv" && more.device !== false },
    signal: undefined,
    run: async (...argv) => {
      ran.push(argv[0] ?? "");
      return told();
    },
    runLong: async (argv) => {
      ran.push(argv[0] ?? "");
      throw failureOf("VirtualBox on h", argv, failure("startvm")) ?? new Error("no failure");
    },
  };
}

describe("a start", () => {
  it("trap virtualbox#2: is not tried without the kernel module, where machines need one", async () => {
    const without = calls({ device: false });
    await expect(powerCalls(without, async () => true).start(VM)).rejects.toBeInstanceOf(KernelModuleMissing);
    expect(without.ran).not.toContain("startvm");
    const elsewhere = calls({ device: false });
    await expect(powerCalls(elsewhere, async () => false).start(VM)).rejects.toBeInstanceOf(VirtualBoxError);
    expect(elsewhere.ran).toContain("startvm");
  });

  it("that fails tells what the machine's own log says, where VBoxManage says next to nothing", async () => {
    const start = () => powerCalls(calls(), async () => true).start(VM);
    await expect(start()).rejects.toThrow(
      /has terminated unexpectedly during startup with exit code 1 \(0x1\) \(NS_ERROR_FAILURE\)$/,
    );
    fs.mkdirSync(path.join(folder, "Logs"));
    const log = "00:00:01 ok\n00:00:02 HM: VERR_VMX_NO_VMX\n00:00:03 ok\n";
    fs.writeFileSync(path.join(folder, "Logs", "VBox.log"), log);
    const error = await start().catch((cause: unknown) => cause);
    expect(error).toMatchObject({ code: "NS_ERROR_FAILURE", failure: "final" });
    expect((error as Error).message).toMatch(
      /terminated unexpectedly.*VBox\.log: 00:00:02 HM: VERR_VMX_NO_VMX$/,
    );
  });

  it("that failed because somebody else was faster is a success", async () => {
    await powerCalls(calls({ runsAfterwards: true }), async () => true).start(VM);
  });
});
