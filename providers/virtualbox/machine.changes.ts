import { same } from "../core/change";
import type { ChangeTable } from "../core/definition";
import type { MachineInputs, MachineNic } from "./machine";

const LOCKED = "VirtualBox locks the settings of a machine that runs";

/** What an edit of a machine does. Everything of class `restart` leaves a machine that is off, off. */
export const machineChanges: ChangeTable<MachineInputs> = {
  name: {
    class: "restart",
    reason: "its folder is renamed, which needs it off; its UUID and its disks stay",
  },
  uuid: { class: "recreate", reason: "the UUID is what VirtualBox knows a machine by" },
  backend: { class: "recreate", reason: "it moves to another VirtualBox" },
  hostName: { class: "restart", reason: "the guest reads it from its seed when it boots" },
  osType: { class: "restart", reason: LOCKED },
  cpus: { class: "restart", reason: LOCKED },
  memoryMiB: { class: "restart", reason: LOCKED },
  firmware: { class: "restart", reason: LOCKED },
  boot: { class: "restart", reason: "the firmware reads it when the machine starts" },
  disks: { class: "restart", reason: LOCKED },
  nics: {
    class: "restart",
    reason: "VirtualBox locks the cards of a machine that runs; port forwards and cables alone change live",
    gentler: {
      when: (from, to) => onlyLive(from as MachineNic[] | undefined, to as MachineNic[] | undefined),
      class: "live",
      reason: "port forwards and cables change while it runs",
    },
  },
  sharedFolders: { class: "restart", reason: LOCKED },
  cloudInit: { class: "restart", reason: "the guest reads its seed when it boots" },
  bootRecord: {
    class: "restart",
    reason: "the guest reads from its seed, when it boots, where to call home",
  },
  ssh: { class: "live", reason: "only says where it is reached" },
  running: { class: "live", reason: "it is started or shut down" },
  wait: { class: "live", reason: "only says what is waited for" },
  hostKey: { class: "live", reason: "only says which host key is believed" },
  adopt: { class: "live", reason: "only says what may be taken over" },
  onDestroy: { class: "live", reason: "only says what destroy will do" },
};

const fixed = ({ forwards: _, cable: __, ip: ___, ...rest }: MachineNic) => rest;

function onlyLive(from: MachineNic[] | undefined, to: MachineNic[] | undefined): boolean {
  return from !== undefined && to !== undefined && same(from.map(fixed), to.map(fixed));
}
