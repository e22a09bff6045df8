import { type Context, com, FROM } from "../errors";
import type { Vm } from "../store/types";

/** A machine that runs is locked by its own process: nothing that needs it for itself. */
export function lockMachine(vm: Vm, at: Context): void {
  if (vm.state !== "running" && vm.state !== "paused") return;
  const text = `The machine '${vm.name}' is already locked for a session (or being unlocked)`;
  throw com(text, "VBOX_E_INVALID_OBJECT_STATE", FROM.machine, at);
}
