import type { Calls } from "./calls";
import type { VirtualBoxClient } from "./client";
import { KernelModuleMissing, unlessGone, VirtualBoxError } from "./errors";
import { ruleOf } from "./nic-options";
import { readConfigFile, readPower } from "./parse/vm-facts";

type PowerCalls = Pick<
  VirtualBoxClient,
  | "checkKernelModule"
  | "start"
  | "acpiPowerButton"
  | "powerOff"
  | "resume"
  | "discardState"
  | "forwardLive"
  | "unforwardLive"
  | "cableLive"
>;

/** What VirtualBox for Linux opens before any machine runs. */
const DEVICE = "/dev/vboxdrv";
/** What controlvm says of a machine that is off, without a code (measured on 7.2.22). */
const NOT_RUNNING = /is not currently running/;
const NOT_SAVED = /not in the Saved or Aborted-Saved state/;

/** "Terminated unexpectedly" is all that VBoxManage may say of a start; the machine's own log knows more. */
async function withLog(
  { files }: Calls,
  error: VirtualBoxError,
  configFile: string,
): Promise<VirtualBoxError> {
  const folder = configFile.replace(/[/\\][^/\\]*$/, "");
  const log = files.join(folder, "Logs", "VBox.log");
  const text = await files.read(log).catch(() => undefined);
  const lines = `${text ?? ""}`.split(/\r?\n/).filter((line) => /\b(VERR_|E_FAIL|error|fatal)/i.test(line));
  if (lines.length === 0) return error;
  const { code, failure, exit } = error;
  const said = lines.slice(-3).join(" / ");
  return new VirtualBoxError(`${error.message}. ${log}: ${said}`, { code, failure, exit }, { cause: error });
}

export function powerCalls(calls: Calls, needsModule: () => Promise<boolean>): PowerCalls {
  const { run, runLong } = calls;

  const checkKernelModule = async () => {
    if (!(await needsModule()) || (await calls.files.isDevice(DEVICE))) return;
    throw new KernelModuleMissing(
      `${calls.label}: no machine can be started there, because VirtualBox's kernel module vboxdrv is not loaded (no ${DEVICE}). Install it for the kernel that runs (Debian and Ubuntu: virtualbox-dkms and the kernel's headers; elsewhere: /sbin/vboxconfig), then "modprobe vboxdrv".`,
    );
  };

  /** Undefined where the machine is off already, or gone. */
  const control = async (work: Promise<string>): Promise<void> => {
    try {
      await unlessGone(work);
    } catch (error) {
      if (!(error instanceof VirtualBoxError && NOT_RUNNING.test(error.message))) throw error;
    }
  };

  return {
    checkKernelModule,
    start: async (vm, options) => {
      const power = async () => readPower(await run("showvminfo", vm, "--machinereadable"));
      if ((await power()) === "running") return;
      await checkKernelModule();
      try {
        await runLong(["startvm", vm, "--type", "headless"], options);
      } catch (error) {
        if (!(error instanceof VirtualBoxError)) throw error;
        const told = await run("showvminfo", vm, "--machinereadable");
        // Started by somebody else at the same moment, or the answer came too late to be one.
        if (readPower(told) === "running") return;
        throw await withLog(calls, error, readConfigFile(told));
      }
    },
    acpiPowerButton: (vm) => control(run("controlvm", vm, "acpipowerbutton")),
    powerOff: (vm, options) => control(runLong(["controlvm", vm, "poweroff"], options)),
    resume: async (vm) => {
      await run("controlvm", vm, "resume");
    },
    discardState: async (vm) => {
      try {
        await unlessGone(run("discardstate", vm));
      } catch (error) {
        if (!(error instanceof VirtualBoxError && NOT_SAVED.test(error.message))) throw error;
      }
    },
    forwardLive: async (vm, slot, forward) => {
      await run("controlvm", vm, `natpf${slot}`, ruleOf(forward));
    },
    unforwardLive: async (vm, slot, name) => {
      await run("controlvm", vm, `natpf${slot}`, "delete", name);
    },
    cableLive: async (vm, slot, on) => {
      await run("controlvm", vm, `setlinkstate${slot}`, on ? "on" : "off");
    },
  };
}
