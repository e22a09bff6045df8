import { type Answer, type Ask, none, ok, type Route, routed } from "./answer";
import { type Cloud, FLAVORS, type Hypervisor } from "./cloud";

export function answerPlacement(cloud: Cloud, ask: Ask): Answer {
  const answer = routed(ROUTES, cloud, ask) ?? missing(ask, "The resource could not be found.");
  const version = /placement\s+(\S+)/.exec(String(ask.headers["openstack-api-version"]))?.[1] ?? "1.0";
  return { ...answer, headers: { "openstack-api-version": `placement ${version}`, ...answer.headers } };
}

/** Placement has errors of another shape than nova; they have a code since 1.23. */
const missing = ({ headers }: Ask, detail: string): Answer => {
  const minor = Number(/placement\s+1\.(\d+)/.exec(String(headers["openstack-api-version"]))?.[1] ?? 0);
  const code = minor >= 23 && { code: "placement.undefined_code" };
  return {
    status: 404,
    body: { errors: [{ status: 404, title: "Not Found", detail, request_id: "req-0", ...code }] },
  };
};

const provider = (one: Hypervisor) => ({
  uuid: one.id,
  name: one.host,
  generation: 2,
  parent_provider_uuid: null,
  root_provider_uuid: one.id,
  links: ["", "/inventories", "/usages"].map((rest) => ({
    rel: rest.slice(1) || "self",
    href: `/placement/resource_providers/${one.id}${rest}`,
  })),
});

const about =
  (work: (cloud: Cloud, one: Hypervisor) => Answer) =>
  (cloud: Cloud, ask: Ask, id?: string): Answer => {
    const found = cloud.hypervisors.find((one) => one.id === id);
    return found ? work(cloud, found) : missing(ask, `No resource provider with uuid ${id} found`);
  };

const used = (cloud: Cloud, host: string, name: "ram" | "disk" | "vcpus"): number =>
  cloud
    .serversOn(host)
    .reduce((sum, server) => sum + (FLAVORS.find((one) => one.id === server.flavor)?.[name] ?? 0), 0);

const inventory = (total: number, reserved: number, allocation_ratio: number) => ({
  total,
  reserved,
  min_unit: 1,
  max_unit: total,
  step_size: 1,
  allocation_ratio,
});

const ROUTES: readonly Route<Cloud>[] = [
  [
    "GET",
    /^\/?$/,
    () =>
      ok({
        versions: [{ id: "v1.0", status: "CURRENT", min_version: "1.0", max_version: "1.39", links: [] }],
      }),
  ],
  [
    "GET",
    /^\/resource_providers$/,
    (cloud, { query }) => {
      const [name, uuid] = [query.get("name"), query.get("uuid")];
      const found = cloud.hypervisors.filter(
        (one) => (name === null || one.host === name) && (uuid === null || one.id === uuid),
      );
      return ok({ resource_providers: found.map(provider) });
    },
  ],
  ["GET", /^\/resource_providers\/([^/]+)$/, about((_cloud, one) => ok(provider(one)))],
  [
    "GET",
    /^\/resource_providers\/([^/]+)\/inventories$/,
    about(() =>
      ok({
        inventories: {
          VCPU: inventory(8, 0, 4),
          MEMORY_MB: inventory(16_384, 512, 1),
          DISK_GB: inventory(100, 0, 1),
        },
        resource_provider_generation: 2,
      }),
    ),
  ],
  [
    "GET",
    /^\/resource_providers\/([^/]+)\/usages$/,
    about((cloud, { host }) =>
      ok({
        usages: {
          VCPU: used(cloud, host, "vcpus"),
          MEMORY_MB: used(cloud, host, "ram"),
          DISK_GB: used(cloud, host, "disk"),
        },
        resource_provider_generation: 2,
      }),
    ),
  ],
  [
    "DELETE",
    /^\/resource_providers\/([^/]+)$/,
    about((cloud, one) => {
      cloud.hypervisors.splice(cloud.hypervisors.indexOf(one), 1);
      return none();
    }),
  ],
];
