import type { OpenStackClient } from "../../providers/openstack/client";
import type { Server } from "../../providers/openstack/clients";
import { isGone, OpenStackError } from "../../providers/openstack/errors";
import { MARK_KEY } from "../../providers/openstack/marks";
import { thingsOf } from "../../providers/openstack/things";
import type { ImageReference } from "../plan/openstack-references";

/** What a cloud has, as far as a preview compares with it. */
export interface CloudFacts {
  /** By name, those that the plan uses. */
  images: Map<string, ImageFact[]>;
  /** By id, those that the lock file keeps and that are still there. */
  keptImages: Map<string, ImageFact>;
  flavors: FlavorFact[];
  externalNetworks: { id: string; name: string }[];
  zones: string[];
  keypairs: Map<string, string>;
  servers: Server[];
  /** By server, the names of flavors that are gone or were made anew. */
  formerFlavors: Map<string, string>;
  /** Descriptions of what is there, by neutron's word for its kind: ours are told apart by them. */
  described: Record<NetworkThing, string[]>;
  /** By description. */
  subnets: Map<string, SubnetFact>;
  quota: Partial<Record<ComputeQuota | NetworkThing, { limit: number; used: number }>>;
}

export interface ImageFact {
  id: string;
  name: string;
  status: string;
  /** GiB */
  min_disk: number;
  /** MiB */
  min_ram: number;
  /** Bytes, as it is stored. */
  size?: number | null;
  /** Bytes, of the disk that it unfolds to; not every cloud has looked. */
  virtual_size?: number | null;
}

export interface SubnetFact {
  cidr: string;
}

export interface FlavorFact {
  id: string;
  name: string;
  vcpus: number;
  /** MiB */
  ram: number;
  /** GiB; 0 takes the size of the image, where the cloud lets it. */
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

/** Ask a cloud for all of it at once. `references` are the images that the plan uses. */
export async function askCloud(
  api: OpenStackClient,
  references: readonly ImageReference[],
): Promise<CloudFacts> {
  const images = [...new Set(references.map(({ imageNamed }) => imageNamed))];
  const kept = [...new Set(references.flatMap(({ known }) => known ?? []))];
  const project = await api.projectId();
  const [found, stillThere, flavors, externalNetworks, zones, keypairs, servers, compute, network] =
    await Promise.all([
      Promise.all(images.map((name) => imagesNamed(api, name))),
      Promise.all(kept.map((id) => imageWithId(api, id))),
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
    keptImages: new Map(stillThere.flatMap((image) => (image ? [[image.id, image]] : []))),
    flavors,
    formerFlavors: await formerFlavors(api, servers, flavors),
    externalNetworks,
    zones,
    keypairs: new Map(keypairs.map(({ keypair }) => [keypair.name, keypair.public_key])),
    servers,
    described: network.described,
    subnets: network.subnets,
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

async function imageWithId(api: OpenStackClient, id: string): Promise<ImageFact | undefined> {
  try {
    return await api.get<ImageFact>("image", `/images/${encodeURIComponent(id)}`);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** What a server's flavor was called is shown from this version on, and its id no more. */
const FLAVOR_BY_NAME = "2.47";

/** Of our servers whose flavor is listed no more: nova keeps its name with them. */
async function formerFlavors(
  api: OpenStackClient,
  servers: readonly Server[],
  flavors: readonly FlavorFact[],
): Promise<Map<string, string>> {
  const listed = new Set(flavors.map(({ id }) => id));
  const former = servers.filter(
    ({ metadata, flavor }) =>
      metadata[MARK_KEY] !== undefined && flavor !== undefined && !listed.has(flavor.id),
  );
  if (former.length === 0) return new Map();
  const shown = await api.list<{ id: string; flavor: { original_name?: string } }>(
    "compute",
    "/servers/detail",
    "servers",
    { microversion: FLAVOR_BY_NAME },
  );
  const names = new Map(shown.map(({ id, flavor }) => [id, flavor.original_name ?? ""]));
  return new Map(former.map(({ id }) => [id, names.get(id) ?? ""]));
}

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

type Listed = { description?: string; cidr?: string };

async function networkThings(
  api: OpenStackClient,
  project: string,
): Promise<Pick<CloudFacts, "described" | "subnets" | "quota">> {
  const [limits, ...lists] = await Promise.all([
    networkLimits(api, project),
    ...NETWORK_THINGS.map((thing) => {
      const fields = ["id", "description", ...(thing === "subnet" ? ["cidr"] : [])];
      return thingsOf<Listed>(api, project, thing, fields);
    }),
  ]);
  const each = <T>(value: (list: Listed[], thing: NetworkThing) => T) =>
    Object.fromEntries(
      NETWORK_THINGS.map((thing, index) => [thing, value(lists[index] ?? [], thing)]),
    ) as Record<NetworkThing, T>;
  const subnets = lists[NETWORK_THINGS.indexOf("subnet")] ?? [];
  return {
    described: each((list) => list.flatMap(({ description }) => description ?? [])),
    subnets: new Map(
      subnets.flatMap(({ description, cidr }) => (description && cidr ? [[description, { cidr }]] : [])),
    ),
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
