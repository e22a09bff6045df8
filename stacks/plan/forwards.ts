import type { MachineNic } from "../../providers/virtualbox/machine";
import type { PortForward } from "../config/types";
import type { MachineFacts } from "./machines";
import type { NicFacts } from "./nics";
import { byCodeUnit } from "./stable";

/** VirtualBox knows a forward by its name: made of what is forwarded, so that a new order changes nothing. */
export const forwardName = ({ protocol, hostIp, hostPort }: PortForward): string =>
  [protocol, ...(hostIp === undefined ? [] : [hostIp]), hostPort].join("-");

/** Forwards of a card of VirtualBox's own NAT: declared ones, and the way in of SSH. */
export function cardForwards({ ssh }: MachineFacts, nic: NicFacts): NonNullable<MachineNic["forwards"]> {
  const declared = (nic.config.forwards ?? []).map((forward) => ({ ...forward, name: forwardName(forward) }));
  const ours =
    ssh?.allocated && ssh.nic === nic
      ? [
          {
            name: "ssh",
            protocol: "tcp" as const,
            hostIp: ssh.host,
            hostPort: ssh.port,
            guestPort: ssh.guestPort,
          },
        ]
      : [];
  return [...declared, ...ours].sort((a, b) => byCodeUnit(a.name, b.name));
}
