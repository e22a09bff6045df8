/** A small lab for life-cycle tests: a network, a machine with a disk and one VPN user, on the embedded lab. */
export const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFWo3cc5IVBUUPxX6SYV/p0jNqODL9Fb4LnMmxSxEvrW test";

export interface Sections {
  backends: Record<string, object>;
  networks: Record<string, Record<string, unknown>>;
  machines: Record<string, Record<string, unknown>>;
  vpn?: Record<string, unknown>;
}

/** A fresh copy, to be edited by the test. */
export function smallLab(): Sections {
  return {
    backends: { here: { kind: "embedded" } },
    networks: { admin: { backend: "here", cidr: "10.20.0.0/24", mode: "nat" } },
    machines: {
      w1: {
        backend: "here",
        memory: "256 MiB",
        disk: "1 GiB",
        networks: ["admin"],
        sshKeys: [KEY],
        wait: "ssh",
      },
    },
    vpn: {
      backend: "here",
      base: "ou=People,dc=lab",
      groupBase: "ou=Groups,dc=lab",
      users: { alice: { sn: "Ames", groups: ["vpn"] } },
    },
  };
}
