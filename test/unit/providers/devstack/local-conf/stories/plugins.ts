import { DEFAULT_SERVICES } from "../reader";
import { type Story, shared } from "./story";

export const PLUGINS: Story[] = [
  {
    story: "plugins in the order of the config, with devstack's branch",
    input: {
      branch: "stable/2026.1",
      layers: [],
      plugins: {
        heat: { url: "https://opendev.org/openstack/heat" },
        aodh: { url: "https://a/aodh", ref: "v1" },
      },
    },
    means: {
      plugins: [
        "heat https://opendev.org/openstack/heat stable/2026.1 @/opt/stack/heat",
        "aodh https://a/aodh v1 @/opt/stack/aodh",
      ],
    },
    lines: [
      ["enable_plugin heat https://opendev.org/openstack/heat stable/2026.1", "devstack.plugins.heat"],
      ["enable_plugin aodh https://a/aodh v1", "devstack.plugins.aodh"],
    ],
  },
  {
    story: "a plugin comes after those that it needs, whatever the config's order",
    input: {
      branch: "master",
      layers: [],
      plugins: {
        "octavia-dashboard": { url: "https://a/od", after: ["octavia"] },
        octavia: { url: "https://a/o", after: ["barbican"] },
        barbican: { url: "https://a/b" },
      },
    },
    means: {
      plugins: [
        "barbican https://a/b master @/opt/stack/barbican",
        "octavia https://a/o master @/opt/stack/octavia",
        "octavia-dashboard https://a/od master @/opt/stack/octavia-dashboard",
      ],
    },
    lines: [
      ["enable_plugin barbican https://a/b master", "devstack.plugins.barbican"],
      ["enable_plugin octavia https://a/o master", "devstack.plugins.octavia"],
      ["enable_plugin octavia-dashboard https://a/od master", "devstack.plugins.octavia-dashboard"],
    ],
  },
  {
    story: "a plugin after one that only other nodes have",
    input: {
      branch: "master",
      layers: [],
      plugins: { agent: { url: "https://a/x", after: ["server"] } },
      allPlugins: ["agent", "server"],
    },
    means: { plugins: ["agent https://a/x master @/opt/stack/agent"] },
    lines: [["enable_plugin agent https://a/x master", "devstack.plugins.agent"]],
  },
  {
    story: "a plugin is put where DEST says, so variables stand above plugins, and services below",
    input: {
      branch: "master",
      layers: [
        { ...shared, localrc: { DEST: "/srv/stack", BASE: "https://a b" }, services: { "h-eng": true } },
      ],
      plugins: { heat: { url: "$BASE/heat" } },
    },
    means: {
      localrc: { DEST: "/srv/stack", BASE: "https://a b" },
      plugins: ["heat https://a b/heat master @/srv/stack/heat"],
      services: [...DEFAULT_SERVICES, "h-eng"],
    },
    lines: [
      ["DEST=/srv/stack", "devstack.shared.localrc.DEST"],
      ["BASE='https://a b'", "devstack.shared.localrc.BASE"],
      ['enable_plugin heat "$BASE"/heat master', "devstack.plugins.heat"],
      ["enable_service h-eng", "devstack.shared.services.h-eng"],
    ],
  },
];
