import type { ChangeTable } from "../core/definition";
import type { NetworkInputs } from "./network";

const FIXED = "libvirt cannot change it in a network that exists (error 84)";

/** What an edit of a network does. */
export const networkChanges: ChangeTable<NetworkInputs> = {
  name: { class: "recreate", reason: "libvirt cannot rename a network" },
  uuid: { class: "recreate", reason: "the UUID is what libvirt knows a network by" },
  backend: { class: "recreate", reason: "it moves to another hypervisor" },
  mode: { class: "recreate", reason: FIXED },
  bridge: { class: "recreate", reason: FIXED },
  cidr: { class: "recreate", reason: FIXED },
  gateway: { class: "recreate", reason: FIXED },
  dhcp: { class: "live", reason: "the DHCP server is told of the new range" },
  leases: { class: "live", reason: "the DHCP server is told of each reservation" },
  domain: { class: "recreate", reason: FIXED },
  mtu: { class: "recreate", reason: FIXED },
  forwardDevice: { class: "recreate", reason: FIXED },
  ipv6: { class: "recreate", reason: FIXED },
  boot: {
    class: "recreate",
    reason:
      "its DHCP server reads its options only when the network starts, and libvirt cannot tell it later",
  },
  autostart: { class: "live", reason: "a flag at the hypervisor" },
  template: { class: "recreate", reason: "a template can change anything" },
  adopt: { class: "live", reason: "only says what may be taken over" },
  onDestroy: { class: "live", reason: "only says what destroy will do" },
};
