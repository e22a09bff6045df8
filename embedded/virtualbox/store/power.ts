import * as fs from "node:fs";
import type { GuestHardware } from "../../libvirt/store/guests";
import { type Context, com, context, FROM, Refusal } from "../errors";
import { Forwards, type OpenForward } from "../forwards";
import { hardwareOf, natForwards, natNetworkForwards } from "../guest-hardware";
import type { Medium, Vm } from "./types";
import type { VirtualBox } from "./virtualbox";

/** Between power on and the first instruction of the guest. */
const FIRMWARE_MS = 20;
/** A guest takes its time to shut down. */
const SHUTDOWN_MS = 30;

const LAUNCH = context(
  "LaunchVMProcess(a->session, sessionType.raw(), ComSafeArrayAsInParam(aBstrEnv), progress.asOutParam())",
  920,
  "Misc",
);

/** Machines from "started" to a guest that answers at its forwarded ports, and back. */
export class Power {
  private readonly timers = new Map<string, Set<NodeJS.Timeout>>();
  private readonly forwards: Forwards;

  constructor(private readonly virtualBox: VirtualBox) {
    this.forwards = new Forwards(virtualBox.log, (uuid) => virtualBox.guests.address(uuid));
  }

  start(vm: Vm): void {
    if (vm.state === "running" || vm.state === "paused") {
      const text = `The machine '${vm.name}' is already locked by a session (or being locked or unlocked)`;
      throw com(text, "VBOX_E_INVALID_OBJECT_STATE", FROM.machine, LAUNCH);
    }
    this.checkMedia(vm);
    this.checkInterfaces(vm);
    this.setState(vm, "running");
    this.resume(vm);
  }

  /** Also of a machine that ran when the last daemon ended. */
  resume(vm: Vm): void {
    this.cancel(vm.uuid);
    this.timers.set(vm.uuid, new Set());
    this.refreshForwards();
    this.later(vm, FIRMWARE_MS, () => {
      const hardware: GuestHardware = hardwareOf(this.virtualBox, vm);
      this.virtualBox.guests
        .boot(hardware, (how) => this.exited(vm.uuid, how))
        .catch((error: Error) => this.virtualBox.log(`machine ${vm.name}: boot failed: ${error.message}`));
    });
  }

  async powerOff(vm: Vm): Promise<void> {
    this.cancel(vm.uuid);
    this.setState(vm, "poweroff");
    this.refreshForwards();
    await this.virtualBox.guests.kill(vm.uuid);
  }

  powerButton(vm: Vm): void {
    this.later(vm, SHUTDOWN_MS, () => this.exited(vm.uuid, "poweroff"));
  }

  async reset(vm: Vm): Promise<void> {
    await this.virtualBox.guests.kill(vm.uuid);
    this.resume(vm);
  }

  pause(vm: Vm, paused: boolean): void {
    this.virtualBox.guests.pause(vm.uuid, paused);
    this.setState(vm, paused ? "paused" : "running");
  }

  /** Listen for the forwards of all running machines, and for no others. */
  refreshForwards(): void {
    const running = this.virtualBox.list().filter((vm) => vm.state === "running" || vm.state === "paused");
    const wanted: OpenForward[] = [
      ...running.flatMap((vm) => natForwards(vm)),
      ...natNetworkForwards(this.virtualBox, running),
    ];
    this.forwards.set(wanted);
  }

  async close(): Promise<void> {
    for (const uuid of this.timers.keys()) this.cancel(uuid);
    await this.forwards.close();
  }

  private exited(uuid: string, how: "poweroff" | "reboot"): void {
    const vm = this.virtualBox.withUuid(uuid);
    if (!vm || (vm.state !== "running" && vm.state !== "paused")) return;
    const work = how === "reboot" ? this.reset(vm) : this.powerOff(vm);
    work.catch((error: Error) => this.virtualBox.log(error.message));
  }

  /** Every disk of its chain must be there, and not in use by another machine that runs. */
  private checkMedia(vm: Vm): void {
    const { media } = this.virtualBox;
    for (const medium of attached(vm).flatMap((uuid) => media.get(uuid) ?? [])) {
      for (const layer of media.chain(medium)) this.checkFile(layer);
      const other = this.virtualBox
        .list()
        .find((one) => one !== vm && one.state === "running" && attached(one).includes(medium.uuid));
      if (!other || medium.kind === "dvd") continue;
      const text = `Medium '${medium.location}' is locked for writing by another task`;
      this.waited(vm, text, "VBOX_E_INVALID_OBJECT_STATE");
    }
  }

  private checkFile(medium: Medium): void {
    if (fs.existsSync(medium.location)) return;
    const text = `Could not open the medium '${medium.location}'.\nVD: error VERR_FILE_NOT_FOUND opening image file '${medium.location}' (VERR_FILE_NOT_FOUND)`;
    throw com(text, "VBOX_E_FILE_ERROR", FROM.medium, LAUNCH);
  }

  private checkInterfaces(vm: Vm): void {
    const known = this.virtualBox.hostOnlyInterfaces().map((one) => one.name);
    for (const nic of vm.hardware.nics) {
      if (nic.type !== "hostonly" || known.includes(nic.hostOnly)) continue;
      const text = `Nonexistent host networking interface, name '${nic.hostOnly}' (VERR_INTERNAL_ERROR)`;
      this.waited(vm, text, "NS_ERROR_FAILURE");
    }
  }

  /** A start that fails once the machine's own process is there: no context then. */
  private waited(_vm: Vm, text: string, code: "NS_ERROR_FAILURE" | "VBOX_E_INVALID_OBJECT_STATE"): never {
    const [first = "", ...rest] = com(
      text,
      code,
      { component: "ConsoleWrap", interface: "IConsole" },
      NO_CONTEXT,
    ).lines;
    throw new Refusal([first, ...rest.filter((line) => !line.startsWith("Context:"))].map(withoutCallee));
  }

  private setState(vm: Vm, state: Vm["state"]): void {
    vm.state = state;
    vm.stateSince = this.virtualBox.now();
    this.virtualBox.save(vm);
  }

  private later(vm: Vm, ms: number, work: () => void): void {
    const timers = this.timers.get(vm.uuid) ?? new Set();
    const timer = setTimeout(() => {
      timers.delete(timer);
      work();
    }, ms);
    timers.add(timer);
    this.timers.set(vm.uuid, timers);
  }

  private cancel(uuid: string): void {
    for (const timer of this.timers.get(uuid) ?? []) clearTimeout(timer);
    this.timers.delete(uuid);
  }
}

const NO_CONTEXT: Context = { call: "", line: 0, file: "" };
const withoutCallee = (line: string): string => line.replace(/, callee nsISupports$/, "");

const attached = (vm: Vm): string[] =>
  vm.hardware.controllers.flatMap((one) => one.attachments.flatMap(({ medium }) => medium ?? []));
