import type { OpenStackClient } from "../../providers/openstack/client";
import type { Server } from "../../providers/openstack/clients";
import { isGone, OpenStackError } from "../../providers/openstack/errors";

/** What a cloud has, as far as a preview compares with it. */
export interface CloudFacts {
  images: Map<string, ImageFact[]>;
  flavors: FlavorFact[];
  externalNetworks: { id: string; name: string }[];
  zones: string[];
  keypairs: Map<string, string>;
  servers: Server[];
  /** Descriptions of what is there, by neutron's word for its kind: ours are told apart by them. */
  described: Record<NetworkThing, string[]>;
  quota: Partial<Record<ComputeQuota | NetworkThing, { limit: number; used: number }>>;
}

export interface ImageFact {
  name: string;
  status: string;
  /** GiB */
  min_disk: number;
  /** MiB */
  min_ram: number;
}

export interface FlavorFact {
  name: string;
  vcpus: number;
  /** MiB */
  ram: number;
  /** GiB; 0 takes the size of the image. */
  disk: number;
}

export type ComputeQuota = "instances" | "cores" | "ram";

export const NETWORK_THINGS = [
  "network",
  "subnet",
  "port",
  "router",
  "floatingip",
  "security_group",
  "security_group_rule",
] as const;
export type NetworkThing = (typeof NETWORK_THINGS)[number];

/** Ask a cloud for all of it at once. `images` are the names that the plan uses. */
export async function askCloud(api: OpenStackClient, images: readonly string[]): Promise<CloudFacts> {
  const project = await api.projectId();
  const [found, flavors, externalNetworks, zones, keypairs, servers, compute, network] = await Promise.all([
    Promise.all(images.map((name) => imagesNamed(api, name))),
    api.list<FlavorFact>("compute", "/flavors/detail", "flavors"),
    api.list<{ id: string; name: string }>(
      "network",
      "/networks?router:external=true&fields=id&fields=name",
      "networks",
    ),
    zonesOf(api),
    api.list<{ keypair: { name: string; public_key: string } }>("compute", "/os-keypairs", "keypairs"),
    api.list<Server>("compute", "/servers/detail", "servers"),
    computeQuota(api),
    networkThings(api, project),
  ]);
  return {
    images: new Map(images.map((name, index) => [name, found[index] ?? []])),
    flavors,
    externalNetworks,
    zones,
    keypairs: new Map(keypairs.map(({ keypair }) => [keypair.name, keypair.public_key])),
    servers,
    described: network.described,
    quota: { ...compute, ...network.quota },
  };
}

const imagesNamed = (api: OpenStackClient, name: string): Promise<ImageFact[]> =>
  // A comma in a value would be a list of them (Image API, "List images").
  api.list<ImageFact>(
    "image",
    `/images?name=${encodeURIComponent(/[,"]/.test(name) ? `"${name.replaceAll('"', '\\"')}"` : name)}`,
    "images",
  );

async function zonesOf(api: OpenStackClient): Promise<string[]> {
  const { availabilityZoneInfo } = await api.get<{
    availabilityZoneInfo: { zoneName: string; zoneState: { available: boolean } }[];
  }>("compute", "/os-availability-zone");
  return availabilityZoneInfo.filter(({ zoneState }) => zoneState.available).map(({ zoneName }) => zoneName);
}

async function computeQuota(api: OpenStackClient): Promise<CloudFacts["quota"]> {
  const { limits } = await api.get<{ limits: { absolute: Record<string, number> } }>("compute", "/limits");
  const { absolute } = limits;
  const room = (limit: string, used: string) => ({ limit: absolute[limit] ?? -1, used: absolute[used] ?? 0 });
  return {
    instances: room("maxTotalInstances", "totalInstancesUsed"),
    cores: room("maxTotalCores", "totalCoresUsed"),
    ram: room("maxTotalRAMSize", "totalRAMUsed"),
  };
}

async function networkThings(
  api: OpenStackClient,
  project: string,
): Promise<Pick<CloudFacts, "described" | "quota">> {
  const [limits, ...lists] = await Promise.all([
    networkLimits(api, project),
    ...NETWORK_THINGS.map((thing) => {
      const path = `/${thing.replaceAll("_", "-")}s?project_id=${project}&fields=id&fields=description`;
      return api.list<{ description?: string }>("network", path, `${thing}s`);
    }),
  ]);
  const each = <T>(value: (list: { description?: string }[], thing: NetworkThing) => T) =>
    Object.fromEntries(
      NETWORK_THINGS.map((thing, index) => [thing, value(lists[index] ?? [], thing)]),
    ) as Record<NetworkThing, T>;
  return {
    described: each((list) => list.flatMap(({ description }) => description ?? [])),
    quota: limits ? each((list, thing) => ({ limit: limits[thing] ?? -1, used: list.length })) : {},
  };
}

/** Undefined where the cloud lets only its administrators see it. */
async function networkLimits(
  api: OpenStackClient,
  project: string,
): Promise<Record<string, number> | undefined> {
  try {
    return (await api.get<{ quota: Record<string, number> }>("network", `/quotas/${project}`)).quota;
  } catch (error) {
    if (isGone(error) || (error instanceof OpenStackError && error.status === 403)) return undefined;
    throw error;
  }
}
