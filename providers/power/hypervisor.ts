import { PowerError } from "./errors";
import { bring, offAndOn, type Patience, persist, type RawSwitch, type Waiting } from "./patience";
import type { Power, PowerContext } from "./power";

/** A machine of a hypervisor, as far as its power goes. */
export interface HypervisorMachine {
  /** `domain "w1"` */
  peer: string;
  /** `libvirt` */
  hypervisor: string;
  raw: RawSwitch;
  /** What it boots from, in the hypervisor's words. */
  bootOrder(): Promise<string[]>;
  /** The hypervisor's word for the network in its boot order. */
  network: string;
}

/** A declared hypervisor's machine as a machine's hardware. It has no order for one boot, only the one for all. */
export function hypervisorPower(
  machine: HypervisorMachine,
  context: PowerContext,
  patience: Patience,
): Power {
  const { peer, raw } = machine;
  const waiting: Waiting = { context, patience, peer };
  return {
    can: { status: true, off: true, networkOnce: false },
    status: () => persist(waiting, patience.statusS, "tell its state", raw.look),
    on: () => bring(waiting, "on", raw),
    off: () => bring(waiting, "off", raw),
    cycle: () => offAndOn(waiting, raw),
    bootOnce: async (device) => {
      if (device === "disk") return;
      const order = await machine.bootOrder();
      if (order[0] === machine.network) return;
      throw new PowerError(
        "unable",
        `${context.name}: ${peer} boots from ${order.length === 0 ? "nothing" : order.join(", then ")}, and ${machine.hypervisor} cannot order one boot from the network. Put the network first in its boot order.`,
      );
    },
    close: async () => {},
  };
}

/** `lister` has no such machine; `field` of its power names it. */
export const missing = (who: string, lister: string, field: string): PowerError =>
  new PowerError(
    "missing",
    `${who} does not exist. Write the name that ${lister} lists as "${field}" of its power.`,
  );
