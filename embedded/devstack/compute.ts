import { type Answer, type Ask, fault, none, objectIn, ok, type Route, routed } from "./answer";
import { type Cloud, FLAVORS, type Hypervisor, type Service } from "./cloud";
import { serverShape } from "./server-shape";

/** Newest microversion of nova 26. */
const NEWEST = 93;
/** Since then services and hypervisors have UUIDs. */
const UUIDS = 53;
const HOST = 74;

/** What a call of nova knows: the cloud, and the minor number of the version it was asked in. */
export interface Nova {
  cloud: Cloud;
  minor: number;
}

export function answerCompute(cloud: Cloud, ask: Ask): Answer {
  const asked = String(
    ask.headers["openstack-api-version"] ?? `compute ${ask.headers["x-openstack-nova-api-version"] ?? "2.1"}`,
  );
  const [, text = "2.1"] = /compute\s+(\S+)/.exec(asked) ?? [];
  const minor = text === "latest" ? NEWEST : Number(/^2\.(\d+)$/.exec(text)?.[1] ?? 1);
  const answer =
    minor > NEWEST
      ? fault(
          406,
          "computeFault",
          `Version ${text} is not supported by the API. Minimum is 2.1 and maximum is 2.${NEWEST}.`,
        )
      : (routed(ROUTES, { cloud, minor }, ask) ??
        fault(404, "itemNotFound", "The resource could not be found."));
  const version = `2.${minor}`;
  return {
    ...answer,
    headers: {
      "openstack-api-version": `compute ${version}`,
      "x-openstack-nova-api-version": version,
      vary: "OpenStack-API-Version, X-OpenStack-Nova-API-Version",
      ...answer.headers,
    },
  };
}

const version = ({ base }: Ask) => ({
  id: "v2.1",
  status: "CURRENT",
  version: `2.${NEWEST}`,
  min_version: "2.1",
  updated: "2013-07-23T11:33:21Z",
  links: [{ rel: "self", href: `${base}/compute/v2.1/` }],
});

const ROUTES: readonly Route<Nova>[] = [
  ["GET", /^\/?$/, (_nova, ask) => ok({ version: version(ask) })],
  ["GET", /^\/os-services$/, listServices],
  ["PUT", /^\/os-services\/([^/]+)$/, changeService],
  ["DELETE", /^\/os-services\/([^/]+)$/, removeService],
  ["GET", /^\/os-hypervisors(\/detail)?$/, listHypervisors],
  [
    "GET",
    /^\/os-hypervisors\/([^/]+)$/,
    (nova, _ask, id) => {
      const found = visible(nova).find((one) => idOf(nova, one) === String(id));
      return found
        ? ok({ hypervisor: hypervisorShape(nova, found) })
        : fault(404, "itemNotFound", `Hypervisor with ID '${id}' could not be found.`);
    },
  ],
  [
    "GET",
    /^\/servers$/,
    (nova, ask) =>
      ok({ servers: serversAsked(nova, ask).map((one) => serverShape(nova.cloud, one, ask, false)) }),
  ],
  [
    "GET",
    /^\/servers\/detail$/,
    (nova, ask) =>
      ok({ servers: serversAsked(nova, ask).map((one) => serverShape(nova.cloud, one, ask, true)) }),
  ],
  ["POST", /^\/servers$/, bootServer],
  [
    "GET",
    /^\/servers\/([^/]+)$/,
    (nova, ask, id) => {
      const found = nova.cloud.servers.find((one) => one.id === id);
      return found ? ok({ server: serverShape(nova.cloud, found, ask, true) }) : noServer(id);
    },
  ],
  [
    "DELETE",
    /^\/servers\/([^/]+)$/,
    ({ cloud }, _ask, id) => {
      const at = cloud.servers.findIndex((one) => one.id === id);
      if (at < 0) return noServer(id);
      cloud.servers.splice(at, 1);
      return none();
    },
  ],
  [
    "GET",
    /^\/flavors(\/detail)?$/,
    (_nova, ask) =>
      ok({
        flavors: FLAVORS.map((one) => ({
          id: one.id,
          name: one.name,
          ...(ask.path.endsWith("/detail") && {
            ram: one.ram,
            disk: one.disk,
            vcpus: one.vcpus,
            swap: "",
            "OS-FLV-EXT-DATA:ephemeral": 0,
            "OS-FLV-DISABLED:disabled": false,
            "os-flavor-access:is_public": true,
            rxtx_factor: 1,
          }),
          links: [{ rel: "self", href: `${ask.base}/compute/v2.1/flavors/${one.id}` }],
        })),
      }),
  ],
];

const noServer = (id: string | undefined): Answer =>
  fault(404, "itemNotFound", `Instance ${id} could not be found.`);

const serviceShape = ({ cloud, minor }: Nova, one: Service) => ({
  id: minor >= UUIDS ? one.id : one.number,
  binary: one.binary,
  host: one.host,
  zone: one.binary === "nova-compute" ? "nova" : "internal",
  status: one.enabled ? "enabled" : "disabled",
  state: cloud.isUp(one) ? "up" : "down",
  updated_at: one.updated.toISOString().replace("Z", "000"),
  disabled_reason: one.disabledReason,
  ...(minor >= 11 && { forced_down: one.forcedDown }),
});

function listServices(nova: Nova, { query }: Ask): Answer {
  const [binary, host] = [query.get("binary"), query.get("host")];
  const found = nova.cloud.services.filter(
    (one) => (binary === null || one.binary === binary) && (host === null || one.host === host),
  );
  return ok({ services: found.map((one) => serviceShape(nova, one)) });
}

const serviceBy = ({ cloud, minor }: Nova, id: string | undefined): Service | undefined =>
  cloud.services.find((one) => (minor >= UUIDS ? one.id : String(one.number)) === id);

function changeService(nova: Nova, { body }: Ask, id?: string): Answer {
  const found = serviceBy(nova, id);
  if (!found) return fault(404, "itemNotFound", `Service ${id} not found.`);
  if (found.binary !== "nova-compute" && (body.status !== undefined || body.forced_down !== undefined))
    return fault(
      400,
      "badRequest",
      `Updating a ${found.binary} service is not supported. Only nova-compute services can be updated.`,
    );
  if (body.status === "disabled" || body.status === "enabled") {
    found.enabled = body.status === "enabled";
    found.disabledReason = found.enabled ? null : ((body.disabled_reason as string | undefined) ?? null);
  }
  if (typeof body.forced_down === "boolean") found.forcedDown = body.forced_down;
  return ok({ service: serviceShape(nova, found) });
}

function removeService(nova: Nova, _ask: Ask, id?: string): Answer {
  const found = serviceBy(nova, id);
  if (!found) return fault(404, "itemNotFound", `Service ${id} not found.`);
  if (found.binary === "nova-compute" && nova.cloud.serversOn(found.host).length > 0) {
    return fault(
      409,
      "conflictingRequest",
      "Unable to delete compute service that is hosting instances. Migrate or delete the instances first.",
    );
  }
  nova.cloud.removeService(found);
  return none();
}

/** Nova shows those only that are mapped to a cell. */
const visible = ({ cloud }: Nova): Hypervisor[] => cloud.hypervisors.filter((one) => one.mapped);
const idOf = ({ minor }: Nova, one: Hypervisor): string => String(minor >= UUIDS ? one.id : one.number);

function listHypervisors(nova: Nova, ask: Ask): Answer {
  const pattern = ask.query.get("hypervisor_hostname_pattern") ?? "";
  const found = visible(nova).filter((one) => one.host.includes(pattern));
  const detail = ask.path.endsWith("/detail");
  return ok({
    hypervisors: found.map((one) => {
      const { id, hypervisor_hostname, state, status, ...rest } = hypervisorShape(nova, one);
      return { id, hypervisor_hostname, state, status, ...(detail && rest) };
    }),
  });
}

const CPU = {
  arch: "x86_64",
  model: "host",
  vendor: "Intel",
  features: [],
  topology: { cells: 1, sockets: 1, cores: 8, threads: 1 },
};

function hypervisorShape(nova: Nova, one: Hypervisor) {
  const { cloud, minor } = nova;
  const service = cloud.computeOf(one.host);
  const servers = cloud.serversOn(one.host);
  const flavors = servers.map(
    (server) => FLAVORS.find((flavor) => flavor.id === server.flavor) ?? FLAVORS[0],
  );
  const used = (name: "ram" | "disk" | "vcpus"): number =>
    flavors.reduce((sum, flavor) => sum + flavor[name], 0);
  return {
    id: minor >= UUIDS ? one.id : one.number,
    hypervisor_hostname: one.host,
    state: service && cloud.isUp(service) ? "up" : "down",
    status: service?.enabled === false ? "disabled" : "enabled",
    host_ip: one.address,
    hypervisor_type: "QEMU",
    hypervisor_version: 7002022,
    service: {
      id: service ? (minor >= UUIDS ? service.id : service.number) : null,
      host: one.host,
      disabled_reason: service?.disabledReason ?? null,
    },
    ...(minor < 88 && {
      // A text until then.
      cpu_info: minor < 28 ? JSON.stringify(CPU) : CPU,
      current_workload: 0,
      disk_available_least: 100,
      free_disk_gb: 100 - used("disk"),
      free_ram_mb: 15_872 - used("ram"),
      local_gb: 100,
      local_gb_used: used("disk"),
      memory_mb: 16_384,
      memory_mb_used: 512 + used("ram"),
      running_vms: servers.length,
      vcpus: 8,
      vcpus_used: used("vcpus"),
    }),
  };
}

function serversAsked({ cloud }: Nova, { query }: Ask) {
  const host = query.get("host");
  const name = query.get("name");
  const status = query.get("status");
  return cloud.servers.filter(
    (one) =>
      (host === null || one.host === host) &&
      (name === null || new RegExp(name).test(one.name)) &&
      (status === null || cloud.statusOf(one) === status),
  );
}

function bootServer({ cloud, minor }: Nova, ask: Ask): Answer {
  const asked = objectIn(ask.body, "server");
  const name = String(asked.name ?? "");
  if (name === "")
    return fault(
      400,
      "badRequest",
      "Invalid input for field/attribute server. 'name' is a required property",
    );
  const image = cloud.images.find((one) => one.id === asked.imageRef);
  if (!image) return fault(400, "badRequest", "Can not find requested image");
  const flavor = FLAVORS.find((one) => one.id === String(asked.flavorRef).split("/").at(-1));
  if (!flavor) return fault(400, "badRequest", `Flavor ${String(asked.flavorRef)} could not be found.`);
  const networks = asked.networks as { uuid?: string }[] | string | undefined;
  const network = Array.isArray(networks) ? networks[0]?.uuid : undefined;
  if (network !== undefined && !cloud.networks.some((one) => one.id === network))
    return fault(400, "badRequest", `Network ${network} could not be found.`);
  if (asked.host !== undefined && minor < HOST)
    return fault(400, "badRequest", "Additional properties are not allowed ('host' was unexpected)");
  const zone = String(asked.availability_zone ?? "").split(":");
  const host = (asked.host ?? asked.hypervisor_hostname ?? zone[1]) as string | undefined;
  if (host !== undefined && !cloud.hypervisors.some((one) => one.host === host && one.mapped))
    return fault(400, "badRequest", `Compute host ${host} could not be found.`);
  const server = cloud.boot({
    name,
    host,
    image: image.id,
    flavor: flavor.id,
    network: network ?? (networks === "none" ? undefined : cloud.networks[1]?.id),
    metadata: (asked.metadata ?? {}) as Record<string, string>,
    keyName: (asked.key_name as string | undefined) ?? null,
    groups: ((asked.security_groups ?? [{ name: "default" }]) as { name: string }[]).map((one) => one.name),
  });
  return ok(
    {
      server: {
        id: server.id,
        links: [{ rel: "self", href: `${ask.base}/compute/v2.1/servers/${server.id}` }],
        "OS-DCF:diskConfig": "MANUAL",
        security_groups: server.groups.map((one) => ({ name: one })),
        adminPass: cloud.id("pass", server.id).slice(0, 12),
      },
    },
    202,
  );
}
