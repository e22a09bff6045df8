/**
 * The few calls on nova, placement, glance and neutron that joining and verifying need, in our own words. Written for
 * microversion 2.74 of nova (Stein): the first that boots a server on a named host through the scheduler.
 */

export type RestService = "compute" | "network" | "image" | "placement";

/** What carries the calls; anything but success throws an error with the HTTP `status`. */
export interface Rest {
  get<T>(service: RestService, path: string, options?: RestOptions): Promise<T>;
  /** All pages of a list. */
  list<T>(service: RestService, path: string, key: string, options?: RestOptions): Promise<T[]>;
  post<T>(service: RestService, path: string, body: object, options?: RestOptions): Promise<T>;
  put<T>(service: RestService, path: string, body: object, options?: RestOptions): Promise<T>;
  remove(service: RestService, path: string, options?: RestOptions): Promise<unknown>;
}

export interface RestOptions {
  microversion?: string;
}

const NOVA: RestOptions = { microversion: "2.74" };
const PLACEMENT: RestOptions = { microversion: "1.20" };

export interface ServiceRecord {
  id: string;
  binary: string;
  host: string;
  isUp: boolean;
  isEnabled: boolean;
  /** Why it was disabled, in the words of whoever did it. */
  reason?: string;
}

export interface Hypervisor {
  /** Also of its resource provider in placement. */
  id: string;
  /** As the virtualisation driver calls it; mostly the host's full name. */
  name: string;
  host: string;
  isUp: boolean;
}

export interface ServerRecord {
  id: string;
  name: string;
  status: string;
  host: string;
  /** IPv4 addresses. */
  addresses: string[];
  metadata: Record<string, string>;
  fault?: string;
}

export interface Flavor {
  id: string;
  name: string;
  vcpus: number;
  ramMiB: number;
  diskGiB: number;
}

export interface Image {
  id: string;
  name: string;
  createdAt: string;
  minRamMiB: number;
  minDiskGiB: number;
  format: string;
}

export interface Network {
  id: string;
  name: string;
  isExternal: boolean;
  hasSubnet: boolean;
}

export interface WantedServer {
  name: string;
  host: string;
  image: string;
  flavor: string;
  network: string;
  securityGroup: string;
  metadata: Record<string, string>;
}

interface RawServer {
  id: string;
  name: string;
  status: string;
  metadata?: Record<string, string>;
  addresses?: Record<string, { addr: string; version: number }[]>;
  fault?: { message?: string };
  "OS-EXT-SRV-ATTR:host"?: string | null;
}

const statusOf = (error: unknown): number | undefined =>
  error instanceof Error ? (error as { status?: number }).status : undefined;

export const isGone = (error: unknown): boolean => statusOf(error) === 404;
export const isConflict = (error: unknown): boolean => statusOf(error) === 409;

/** An API that is being restarted, or waits for another one; not a connection to the controller that broke. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof Error) || (error.cause as { reason?: string } | undefined)?.reason === "lost")
    return false;
  return (
    (error as { passing?: boolean }).passing === true || [500, 502, 503, 504].includes(statusOf(error) ?? 0)
  );
}

async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

const word = encodeURIComponent;

export class CloudApi {
  readonly #rest: Rest;

  constructor(rest: Rest) {
    this.#rest = rest;
  }

  /** Of all cells, those of hosts that are in none yet included. */
  async services(of: { binary?: string; host?: string } = {}): Promise<ServiceRecord[]> {
    const query = Object.entries(of).map(([key, value]) => `${key}=${word(value)}`);
    const path = ["/os-services", ...(query.length > 0 ? [query.join("&")] : [])].join("?");
    interface Raw {
      id: string;
      binary: string;
      host: string;
      state: string;
      status: string;
      disabled_reason?: string | null;
    }
    const { services } = await this.#rest.get<{ services: Raw[] }>("compute", path, NOVA);
    return services.map(({ id, binary, host, state, status, disabled_reason: reason }) => ({
      ...{ id, binary, host, isUp: state === "up", isEnabled: status === "enabled" },
      ...(reason ? { reason } : {}),
    }));
  }

  async enable(serviceId: string): Promise<void> {
    await this.#rest.put("compute", `/os-services/${word(serviceId)}`, { status: "enabled" }, NOVA);
  }

  async disable(serviceId: string, reason: string): Promise<void> {
    const body = { status: "disabled", disabled_reason: reason };
    await this.#rest.put("compute", `/os-services/${word(serviceId)}`, body, NOVA);
  }

  /** Nova takes the compute's hypervisor, its mapping to a cell and its resource provider along; 409 while servers are on it. */
  async removeService(id: string): Promise<void> {
    await unlessGone(this.#rest.remove("compute", `/os-services/${word(id)}`, NOVA));
  }

  /** Only those of hosts that are mapped to a cell. */
  async hypervisors(): Promise<Hypervisor[]> {
    interface Raw {
      id: string;
      hypervisor_hostname: string;
      state: string;
      service: { host: string };
    }
    const found = await this.#rest.list<Raw>("compute", "/os-hypervisors/detail", "hypervisors", NOVA);
    return found.map(({ id, hypervisor_hostname: name, state, service }) => ({
      ...{ id, name, host: service.host, isUp: state === "up" },
    }));
  }

  /** Everybody's. */
  async servers(of: { host?: string } = {}): Promise<ServerRecord[]> {
    const more = of.host === undefined ? "" : `&host=${word(of.host)}`;
    const path = `/servers/detail?all_tenants=1${more}`;
    const found = (await this.#rest.list<RawServer>("compute", path, "servers", NOVA)).map(serverOf);
    return of.host === undefined ? found : found.filter(({ host }) => host === of.host);
  }

  async server(id: string): Promise<ServerRecord | undefined> {
    const path = `/servers/${word(id)}`;
    const found = await unlessGone(this.#rest.get<{ server: RawServer }>("compute", path, NOVA));
    return found && serverOf(found.server);
  }

  /** Returns its id. */
  async boot(wanted: WantedServer): Promise<string> {
    const { name, host, metadata } = wanted;
    const body = {
      server: {
        ...{ name, host, metadata, imageRef: wanted.image, flavorRef: wanted.flavor },
        networks: [{ uuid: wanted.network }],
        security_groups: [{ name: wanted.securityGroup }],
      },
    };
    const { server } = await this.#rest.post<{ server: { id: string } }>("compute", "/servers", body, NOVA);
    return server.id;
  }

  async removeServer(id: string): Promise<void> {
    await unlessGone(this.#rest.remove("compute", `/servers/${word(id)}`, NOVA));
  }

  async flavors(): Promise<Flavor[]> {
    interface Raw {
      id: string;
      name: string;
      vcpus: number;
      ram: number;
      disk: number;
    }
    const found = await this.#rest.list<Raw>("compute", "/flavors/detail", "flavors", NOVA);
    return found.map(({ id, name, vcpus, ram, disk }) => ({ id, name, vcpus, ramMiB: ram, diskGiB: disk }));
  }

  async images(): Promise<Image[]> {
    interface Raw {
      id: string;
      name?: string | null;
      status: string;
      created_at?: string;
      min_ram?: number;
      min_disk?: number;
      container_format?: string | null;
    }
    const found = await this.#rest.list<Raw>("image", "/images", "images");
    return found
      .filter(({ status }) => status === "active")
      .map((raw) => ({
        ...{ id: raw.id, name: raw.name ?? "", createdAt: raw.created_at ?? "" },
        ...{ minRamMiB: raw.min_ram ?? 0, minDiskGiB: raw.min_disk ?? 0 },
        format: raw.container_format ?? "",
      }));
  }

  async networks(): Promise<Network[]> {
    interface Raw {
      id: string;
      name: string;
      subnets?: string[];
      "router:external"?: boolean;
    }
    const found = await this.#rest.list<Raw>("network", "/networks", "networks");
    return found.map(({ id, name, subnets = [], "router:external": isExternal = false }) => ({
      ...{ id, name, isExternal, hasSubnet: subnets.length > 0 },
    }));
  }

  async securityGroups(name: string): Promise<{ id: string; description: string }[]> {
    const path = `/security-groups?name=${word(name)}`;
    const found = await this.#rest.list<{ id: string; name: string; description: string }>(
      ...(["network", path, "security_groups"] as const),
    );
    return found.filter((one) => one.name === name);
  }

  /** One that lets pings in. Returns its id. */
  async makeSecurityGroup(name: string, description: string): Promise<string> {
    const body = { security_group: { name, description } };
    const made = await this.#rest.post<{ security_group: { id: string } }>(
      ...(["network", "/security-groups", body] as const),
    );
    const { id } = made.security_group;
    const rule = { security_group_id: id, direction: "ingress", ethertype: "IPv4", protocol: "icmp" };
    await this.#rest.post("network", "/security-group-rules", { security_group_rule: rule });
    return id;
  }

  async removeSecurityGroup(id: string): Promise<void> {
    await unlessGone(this.#rest.remove("network", `/security-groups/${word(id)}`));
  }

  /** Resource provider in placement, by id or by name. */
  async provider(of: { id: string } | { name: string }): Promise<{ id: string; name: string } | undefined> {
    const query = "id" in of ? `uuid=${word(of.id)}` : `name=${word(of.name)}`;
    const { resource_providers: found } = await this.#rest.get<{
      resource_providers: { uuid: string; name: string }[];
    }>("placement", `/resource_providers?${query}`, PLACEMENT);
    const [one] = found.filter(({ uuid, name }) => ("id" in of ? uuid === of.id : name === of.name));
    return one && { id: one.uuid, name: one.name };
  }

  /** How many virtual CPUs the provider offers; 0 when it has no inventory. */
  async offeredVcpus(providerId: string): Promise<number> {
    interface Raw {
      inventories: Record<string, { total: number; reserved?: number }>;
    }
    const path = `/resource_providers/${word(providerId)}/inventories`;
    const found = await unlessGone(this.#rest.get<Raw>("placement", path, PLACEMENT));
    const { total = 0, reserved = 0 } = found?.inventories.VCPU ?? found?.inventories.PCPU ?? {};
    return Math.max(0, total - reserved);
  }

  /** 409 while something is allocated from it. */
  async removeProvider(id: string): Promise<void> {
    await unlessGone(this.#rest.remove("placement", `/resource_providers/${word(id)}`, PLACEMENT));
  }
}

function serverOf(raw: RawServer): ServerRecord {
  const fault = raw.fault?.message;
  return {
    ...{ id: raw.id, name: raw.name, status: raw.status, metadata: raw.metadata ?? {} },
    host: raw["OS-EXT-SRV-ATTR:host"] ?? "",
    addresses: Object.values(raw.addresses ?? {})
      .flat()
      .filter(({ version }) => version === 4)
      .map(({ addr }) => addr),
    ...(fault ? { fault } : {}),
  };
}
