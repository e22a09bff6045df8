import { DEFAULT_SERVICES } from "../reader";
import { compute, hv1, preset, type Story, shared } from "./story";

export const SERVICES: Story[] = [
  {
    story: "a service more, one less: edits of devstack's own list",
    input: { layers: [{ ...shared, services: { "s-proxy": true, horizon: false } }] },
    means: {
      services: [...DEFAULT_SERVICES.filter((name) => name !== "horizon"), "s-proxy"],
      barred: ["horizon"],
    },
    lines: [
      ["enable_service s-proxy", "devstack.shared.services.s-proxy"],
      ["disable_service horizon", "devstack.shared.services.horizon"],
    ],
  },
  {
    story: "false takes away what a lower layer turned on, and keeps a plugin from bringing it back",
    input: {
      layers: [
        { ...compute, services: { "c-vol": true, "n-cpu": true } },
        { ...hv1, services: { "c-vol": false } },
      ],
    },
    means: { services: DEFAULT_SERVICES, barred: ["c-vol"] },
    lines: [
      ["disable_service c-vol", "devstack.nodes.hv1.services.c-vol", "devstack.roles.compute.services.c-vol"],
      ["enable_service n-cpu", "devstack.roles.compute.services.n-cpu"],
    ],
  },
  {
    story: "true brings back what a lower layer turned off: no line bars it any more",
    input: {
      layers: [
        { ...shared, services: { horizon: false } },
        { ...hv1, services: { horizon: true } },
      ],
    },
    means: { services: DEFAULT_SERVICES },
    lines: [
      ["enable_service horizon", "devstack.nodes.hv1.services.horizon", "devstack.shared.services.horizon"],
    ],
  },
  {
    story: "a role's exact list empties devstack's own",
    input: { layers: [{ ...preset, exact: true, services: { "n-cpu": true, "placement-client": true } }] },
    means: { services: ["n-cpu", "placement-client"] },
    lines: [
      ["disable_all_services", "preset multinode.services"],
      ["enable_service n-cpu", "preset multinode.services.n-cpu"],
      ["enable_service placement-client", "preset multinode.services.placement-client"],
    ],
  },
  {
    story: "layers above an exact list still add and remove",
    input: {
      layers: [
        { ...preset, exact: true, services: { "n-cpu": true, "c-vol": true } },
        { ...shared, services: { "c-vol": false, dstat: true } },
      ],
    },
    means: { services: ["n-cpu", "dstat"], barred: ["c-vol"] },
    lines: [
      ["disable_all_services", "preset multinode.services"],
      ["enable_service n-cpu", "preset multinode.services.n-cpu"],
      ["disable_service c-vol", "devstack.shared.services.c-vol", "preset multinode.services.c-vol"],
      ["enable_service dstat", "devstack.shared.services.dstat"],
    ],
  },
  {
    story: "an exact list over another drops what the other had, and says so",
    input: {
      layers: [
        { ...preset, exact: true, services: { "n-cpu": true, "c-vol": true } },
        { ...hv1, exact: true, services: { "n-cpu": true } },
      ],
    },
    means: { services: ["n-cpu"] },
    lines: [
      ["disable_all_services", "devstack.nodes.hv1.services", "preset multinode.services.c-vol"],
      ["enable_service n-cpu", "devstack.nodes.hv1.services.n-cpu", "preset multinode.services.n-cpu"],
    ],
  },
];
