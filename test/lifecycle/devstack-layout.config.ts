import { KEY } from "./lab-config";

/** The secret that its nodes' passwords are made of. */
export const SECRETS = { devstackPassword: "layout-password-canary" };

/** A devstack of so many nodes on the embedded lab: a controller, and computes hv1 … with an overlay between all. */
export function layoutConfig(nodes: number) {
  const computes = Array.from({ length: nodes - 1 }, (_, index) => `hv${index + 1}`);
  const machine = {
    ...{ backend: "here", memory: "256 MiB", disk: "1 GiB", networks: ["admin"] },
    ...{ sshKeys: [KEY], wait: "ssh" },
  };
  return {
    backends: { here: { kind: "embedded" } },
    networks: { admin: { backend: "here", cidr: "10.20.0.0/22" } },
    machines: Object.fromEntries(["ctl", ...computes].map((name) => [name, machine])),
    devstack: {
      branch: "stable/2026.1",
      layout: { controller: "ctl", compute: computes },
      overlay: "vxlan",
    },
  };
}
