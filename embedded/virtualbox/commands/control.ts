import { com, context, FROM, SyntaxRefusal, said } from "../errors";
import type { Call } from "../interpreter";
import { optionOf, parseOptions } from "../options";
import { addForward, removeForward } from "./nat-rule";

const START = context("FindMachine(Bstr(pszVM).raw(), machine.asOutParam())", 907, "Misc");
const CONTROL = context("FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())", 363, "ControlVM");
const LAUNCH = context(
  "LaunchVMProcess(a->session, sessionType.raw(), ComSafeArrayAsInParam(aBstrEnv), progress.asOutParam())",
  920,
  "Misc",
);
const FRONTENDS = ["gui", "headless", "sdl", "separate"];

export function startVm({ virtualBox, session, args }: Call): void {
  const parsed = parseOptions(args, [{ names: ["--type", "-t"] }, { names: ["--putenv", "-E"] }], {
    command: "startvm",
  });
  const type = optionOf(parsed, "--type") ?? "gui";
  for (const ref of parsed.words) {
    const vm = virtualBox.find(ref, START);
    if (!FRONTENDS.includes(type)) {
      throw com(`Invalid frontend name: '${type}'`, "NS_ERROR_INVALID_ARG", FROM.machine, LAUNCH);
    }
    if (vm.state !== "running" && vm.state !== "paused")
      session.out(`Waiting for VM "${ref}" to power on...`);
    virtualBox.power.start(vm);
    session.out(`VM "${ref}" has been successfully started.`);
  }
}

export async function controlVm({ virtualBox, session, args }: Call): Promise<void> {
  const [ref = "", action, ...rest] = args;
  const vm = virtualBox.find(ref, CONTROL);
  if (action === undefined) throw new SyntaxRefusal("Not enough parameters.", "controlvm", 2, true);
  if (vm.state !== "running" && vm.state !== "paused")
    throw said(`Machine '${ref}' is not currently running.`);
  const [value = ""] = rest;
  const nicAction = /^(natpf|setlinkstate|nic)(\d+)(delete)?$/.exec(action);
  const [, what, number, suffix] = nicAction ?? [];
  if (action === "poweroff") {
    await virtualBox.power.powerOff(vm);
    session.progress();
  } else if (action === "acpipowerbutton" || action === "shutdown") {
    virtualBox.power.powerButton(vm);
  } else if (action === "reset" || action === "reboot") {
    await virtualBox.power.reset(vm);
  } else if (action === "pause" || action === "resume") {
    virtualBox.power.pause(vm, action === "pause");
  } else if (action === "savestate") {
    await virtualBox.power.powerOff(vm);
    vm.state = "saved";
    virtualBox.save(vm);
    session.progress();
  } else if (what !== undefined) {
    const nic = vm.hardware.nics[Number(number) - 1];
    if (!nic || nic.type === "none") throw said(`The NIC ${number} is currently disabled`, 2);
    if (what === "natpf") {
      if (nic.type !== "nat") throw said(`Adapter ${number} is not attached to NAT`);
      const words = value === "delete" ? ["delete", rest[1] ?? ""] : suffix ? ["delete", value] : [value];
      if (words[0] === "delete") removeForward(nic, words[1] ?? "", LIVE.remove);
      else addForward(nic, value, number ?? "", LIVE.add);
    } else if (what === "setlinkstate") nic.cable = value === "on";
    virtualBox.save(vm);
    virtualBox.power.refreshForwards();
  } else if (!IGNORED.some((one) => action.startsWith(one))) {
    throw new SyntaxRefusal(`Invalid parameter '${action}'`, "controlvm", 2, true);
  }
}

const LIVE = {
  add: context(
    "AddRedirect(Bstr(strName).raw(), proto, Bstr(strHostIp).raw(), RTStrToUInt16(strHostPort), Bstr(strGuestIp).raw(), RTStrToUInt16(strGuestPort))",
    1005,
    "ControlVM",
  ),
  remove: context("RemoveRedirect(Bstr(a->argv[2]).raw())", 955, "ControlVM"),
};
/** What changes nothing that anybody could see. */
const IGNORED = [
  "acpisleepbutton",
  "audio",
  "clipboard",
  "cpuexecutioncap",
  "draganddrop",
  "keyboardput",
  "vrde",
];

export function discardState({ virtualBox, session, args }: Call): void {
  const vm = virtualBox.find(
    args[0] ?? "",
    context("FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())", 1283, "Misc"),
  );
  if (vm.state === "saved") {
    vm.state = "poweroff";
    virtualBox.save(vm);
    return;
  }
  const state = { poweroff: "PoweredOff", running: "Running", paused: "Paused", aborted: "Aborted" }[
    vm.state
  ];
  const text = `Cannot discard the saved state as the machine is not in the Saved or Aborted-Saved state (machine state: ${state})`;
  const refusal = com(
    text,
    "VBOX_E_INVALID_VM_STATE",
    FROM.session,
    context("DiscardSavedState(true )", 1292, "Misc"),
  );
  // Said, and yet a success.
  for (const line of refusal.lines) session.error(line);
}
