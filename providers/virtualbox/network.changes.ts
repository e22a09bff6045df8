import type { ChangeTable } from "../core/definition";
import type { NetworkInputs } from "./network";

/** What an edit of a network does. Guests ask for an address when they start; what they have stays until then. */
export const networkChanges: ChangeTable<NetworkInputs> = {
  name: { class: "recreate", reason: "cards of machines are joined to a network by its name" },
  backend: { class: "recreate", reason: "it moves to another VirtualBox" },
  type: { class: "recreate", reason: "each type is another thing to VirtualBox" },
  cidr: { class: "live", reason: "VirtualBox is told; guests see it at their next start" },
  gateway: { class: "live", reason: "VirtualBox is told; guests see it at their next start" },
  dhcp: { class: "live", reason: "the DHCP server is told of the range and of each reservation" },
  forwards: { class: "live", reason: "the NAT network is told of each port" },
  adopt: { class: "live", reason: "only says what may be taken over" },
  onDestroy: { class: "live", reason: "only says what destroy will do" },
};
