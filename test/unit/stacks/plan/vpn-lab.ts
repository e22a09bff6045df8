import type { LabConfig } from "../../../../stacks/config/types";
import { lab, machine } from "./lab";

/** A lab with one machine and these VPN users. */
export const labOf = (users: readonly string[]): LabConfig =>
  lab({
    backends: { rack: { kind: "libvirt", uri: "qemu:///system" }, people: { kind: "embedded" } },
    machines: { w1: machine() },
    vpn: {
      backend: "people",
      base: "ou=People,dc=lab",
      users: Object.fromEntries(users.map((name) => [name, { sn: name }])),
    },
  });
