import type { ChangeTable } from "../core/definition";
import type { DomainInputs } from "./domain";

const AT_START = "QEMU is given it when it starts";

/** What an edit of a domain does. Everything of class `restart` leaves a domain that is off, off. */
export const domainChanges: ChangeTable<DomainInputs> = {
  name: { class: "recreate", reason: "its files at the hypervisor are named after it" },
  uuid: { class: "recreate", reason: "the UUID is what libvirt knows a domain by" },
  backend: { class: "recreate", reason: "it moves to another hypervisor" },
  hostName: { class: "restart", reason: "the guest reads it from its seed when it boots" },
  cpus: { class: "restart", reason: AT_START },
  memoryMiB: { class: "restart", reason: AT_START },
  firmware: { class: "restart", reason: AT_START },
  accel: { class: "restart", reason: AT_START },
  boot: { class: "restart", reason: "the firmware reads it when the machine starts" },
  disks: { class: "restart", reason: "a running guest may refuse to let go of a disk" },
  nics: {
    class: "restart",
    reason: "a running guest may refuse to let go of a card, and reads its seed at boot",
  },
  kernel: { class: "restart", reason: "it is loaded when the machine starts" },
  cloudInit: { class: "restart", reason: "the guest reads its seed when it boots" },
  bootRecord: {
    class: "restart",
    reason: "the guest reads from its seed, when it boots, where to call home",
  },
  seedPool: { class: "recreate", reason: "its seed moves to another pool" },
  running: { class: "live", reason: "it is started or shut down" },
  autostart: { class: "live", reason: "a flag at the hypervisor" },
  wait: { class: "live", reason: "only says what is waited for" },
  hostKey: { class: "live", reason: "only says which host key is believed" },
  template: { class: "restart", reason: "a template can change anything" },
  adopt: { class: "live", reason: "only says what may be taken over" },
  onDestroy: { class: "live", reason: "only says what destroy will do" },
};
