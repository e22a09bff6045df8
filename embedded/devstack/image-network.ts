import { randomUUID } from "node:crypto";
import { type Answer, type Ask, fault, none, objectIn, ok, type Route, routed } from "./answer";
import type { Cloud } from "./cloud";

const notFound = (): Answer => ({
  status: 404,
  body: "404 Not Found\n\nThe resource could not be found.\n\n   ",
});

export const answerImage = (cloud: Cloud, ask: Ask): Answer => routed(IMAGE, cloud, ask) ?? notFound();

export const answerNetwork = (cloud: Cloud, ask: Ask): Answer =>
  routed(NETWORK, cloud, ask) ?? neutronError(404, "HTTPNotFound", "The resource could not be found.");

const neutronError = (status: number, type: string, message: string): Answer => ({
  status,
  body: { NeutronError: { type, message, detail: "" } },
});

const image = (one: Cloud["images"][number]) => ({
  id: one.id,
  name: one.name,
  status: "active",
  visibility: "public",
  disk_format: "qcow2",
  container_format: "bare",
  size: 21_430_272,
  min_disk: 0,
  min_ram: 0,
  protected: false,
  tags: [],
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  schema: "/v2/schemas/image",
  self: `/v2/images/${one.id}`,
  file: `/v2/images/${one.id}/file`,
});

const IMAGE: readonly Route<Cloud>[] = [
  [
    "GET",
    /^\/?$/,
    (_cloud, { base }) =>
      ok(
        {
          versions: [{ id: "v2.16", status: "CURRENT", links: [{ rel: "self", href: `${base}/image/v2/` }] }],
        },
        300,
      ),
  ],
  [
    "GET",
    /^\/v2\/images$/,
    (cloud, { query }) => {
      const name = query.get("name");
      const images = cloud.images.filter((one) => name === null || one.name === name).map(image);
      return ok({ images, first: "/v2/images", schema: "/v2/schemas/images" });
    },
  ],
  [
    "GET",
    /^\/v2\/images\/([^/]+)$/,
    (cloud, _ask, id) => {
      const found = cloud.images.find((one) => one.id === id);
      return found ? ok(image(found)) : notFound();
    },
  ],
];

const network = (cloud: Cloud, one: Cloud["networks"][number]) => ({
  id: one.id,
  name: one.name,
  status: "ACTIVE",
  admin_state_up: true,
  shared: one.name === "private",
  "router:external": one.external,
  mtu: one.external ? 1500 : 1442,
  subnets: [one.subnet],
  tenant_id: cloud.projectId,
  project_id: cloud.projectId,
  port_security_enabled: true,
  availability_zones: [],
});

const subnet = (one: Cloud["networks"][number]) => ({
  id: one.subnet,
  name: `${one.name}-subnet`,
  network_id: one.id,
  cidr: one.cidr,
  ip_version: 4,
  enable_dhcp: !one.external,
});

const port = (cloud: Cloud, server: Cloud["servers"][number]) => ({
  id: cloud.id("port", server.id),
  device_id: server.id,
  network_id: server.network,
  status: cloud.statusOf(server) === "ACTIVE" ? "ACTIVE" : "DOWN",
  fixed_ips: [
    {
      ip_address: server.address,
      subnet_id: cloud.networks.find((one) => one.id === server.network)?.subnet,
    },
  ],
  "binding:host_id": server.host,
});

const group = (cloud: Cloud, one: Cloud["groups"][number]) => ({
  id: one.id,
  name: one.name,
  description: one.description,
  stateful: true,
  tenant_id: cloud.projectId,
  project_id: cloud.projectId,
  security_group_rules: one.rules,
});

/** `name=`, `id=` and their like, as neutron filters. */
const filtered = (rows: object[], query: URLSearchParams): object[] =>
  rows.filter((row) =>
    [...query].every(
      ([name, value]) => !(name in row) || String((row as Record<string, unknown>)[name]) === value,
    ),
  );

const NETWORK: readonly Route<Cloud>[] = [
  [
    "GET",
    /^\/?$/,
    (_cloud, { base }) =>
      ok({
        versions: [
          { id: "v2.0", status: "CURRENT", links: [{ rel: "self", href: `${base}/networking/v2.0/` }] },
        ],
      }),
  ],
  [
    "GET",
    /^\/v2\.0\/networks$/,
    (cloud, { query }) =>
      ok({
        networks: filtered(
          cloud.networks.map((one) => network(cloud, one)),
          query,
        ),
      }),
  ],
  [
    "GET",
    /^\/v2\.0\/subnets$/,
    (cloud, { query }) => ok({ subnets: filtered(cloud.networks.map(subnet), query) }),
  ],
  [
    "GET",
    /^\/v2\.0\/ports$/,
    (cloud, { query }) =>
      ok({
        ports: filtered(
          cloud.servers.map((one) => port(cloud, one)),
          query,
        ),
      }),
  ],
  [
    "GET",
    /^\/v2\.0\/security-groups$/,
    (cloud, { query }) =>
      ok({
        security_groups: filtered(
          cloud.groups.map((one) => group(cloud, one)),
          query,
        ),
      }),
  ],
  [
    "POST",
    /^\/v2\.0\/security-groups$/,
    (cloud, { body }) => {
      const { name = "", description = "" } = objectIn(body, "security_group");
      const made = { id: randomUUID(), name: String(name), description: String(description), rules: [] };
      cloud.groups.push(made);
      return ok({ security_group: group(cloud, made) }, 201);
    },
  ],
  [
    "DELETE",
    /^\/v2\.0\/security-groups\/([^/]+)$/,
    (cloud, _ask, id) => {
      const at = cloud.groups.findIndex((one) => one.id === id);
      if (at < 0) return neutronError(404, "SecurityGroupNotFound", `Security group ${id} does not exist`);
      const { name } = cloud.groups[at] ?? {};
      if (cloud.servers.some(({ groups }) => groups.includes(String(id)) || groups.includes(String(name))))
        return neutronError(409, "SecurityGroupInUse", `Security Group ${id} in use.`);
      cloud.groups.splice(at, 1);
      return none();
    },
  ],
  [
    "POST",
    /^\/v2\.0\/security-group-rules$/,
    (cloud, { body }) => {
      const asked = objectIn(body, "security_group_rule");
      const into = cloud.groups.find((one) => one.id === asked.security_group_id);
      if (!into)
        return neutronError(
          404,
          "SecurityGroupNotFound",
          `Security group ${String(asked.security_group_id)} does not exist`,
        );
      const same = into.rules.find((one) =>
        ["direction", "protocol", "port_range_min", "port_range_max", "remote_ip_prefix"].every(
          (name) => (one[name] ?? null) === (asked[name] ?? null),
        ),
      );
      if (same)
        return neutronError(
          409,
          "SecurityGroupRuleExists",
          `Security group rule already exists. Rule id is ${String(same.id)}.`,
        );
      const rule = { id: randomUUID(), ethertype: "IPv4", ...asked };
      into.rules.push(rule);
      return ok({ security_group_rule: rule }, 201);
    },
  ],
  ["GET", /^\/v2\.0\/floatingips$/, (cloud) => ok({ floatingips: cloud.floatingIps })],
  [
    "POST",
    /^\/v2\.0\/floatingips$/,
    (cloud, { body }) => {
      const asked = objectIn(body, "floatingip");
      const outside = cloud.networks.find((one) => one.id === asked.floating_network_id && one.external);
      if (!outside)
        return neutronError(
          400,
          "BadRequest",
          `Bad floatingip request: Network ${String(asked.floating_network_id)} is not a valid external network.`,
        );
      const made = {
        id: randomUUID(),
        status: "DOWN",
        floating_ip_address: `172.24.4.${10 + cloud.floatingIps.length}`,
        fixed_ip_address: null,
        ...asked,
      };
      cloud.floatingIps.push(made);
      return ok({ floatingip: made }, 201);
    },
  ],
  [
    "DELETE",
    /^\/v2\.0\/floatingips\/([^/]+)$/,
    (cloud, _ask, id) => {
      const at = cloud.floatingIps.findIndex((one) => one.id === id);
      if (at < 0) return fault(404, "NeutronError", `Floating IP ${id} could not be found`);
      cloud.floatingIps.splice(at, 1);
      return none();
    },
  ],
];
