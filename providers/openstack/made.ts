import type { OpenStackClient } from "./client";
import type { FloatingIp, Server } from "./clients";
import { MARK_KEY } from "./marks";
import { thingsOf } from "./things";

/** Inputs of a resource of the plugin's, as the state has them. */
export type PluginInputs = Record<string, unknown>;

/** What a create of the plugin has made. */
export interface Made {
  id: string;
  /** The cloud is still at it. */
  building: boolean;
}

interface Kind {
  /** Of the command `openstack <word> show|list|delete`. */
  word: string;
  find(look: Look, inputs: PluginInputs): Promise<Made[]>;
}

const TYPE = (module: string, name: string): string =>
  `openstack:${module}/${name[0]?.toLowerCase()}${name.slice(1)}:${name}`;

const made = (id: string): Made => ({ id, building: false });

/** By the mark in the description, which is the same for one thing only of each kind. */
const described = (thing: string, word = thing): Kind => ({
  word,
  find: async (look, { description }) =>
    (await look.described(thing)).filter((one) => one.description === description).map(({ id }) => made(id)),
});

/** By type in the state: how each is told from all else in the cloud. */
const KINDS: Record<string, Kind> = {
  [TYPE("networking", "Network")]: described("network"),
  [TYPE("networking", "Subnet")]: described("subnet"),
  [TYPE("networking", "Port")]: described("port"),
  [TYPE("networking", "Router")]: described("router"),
  [TYPE("networking", "FloatingIp")]: described("floatingip", "floating ip"),
  [TYPE("networking", "SecGroup")]: described("security_group", "security group"),
  [TYPE("networking", "SecGroupRule")]: described("security_group_rule", "security group rule"),
  // It carries no mark: a router that is ours has one on a subnet. A distributed one has two, of which the second is
  // neutron's own (DEVICE_OWNER_ROUTER_SNAT of neutron-lib's constants).
  [TYPE("networking", "RouterInterface")]: {
    word: "port",
    find: async (look, { routerId, subnetId }) =>
      (await look.portsOf(String(routerId)))
        .filter(({ fixed_ips }) => fixed_ips.some(({ subnet_id }) => subnet_id === subnetId))
        .filter(({ device_owner }) => device_owner !== "network:router_centralized_snat")
        .map(({ id }) => made(id)),
  },
  // The floating IP itself, while it leads there.
  [TYPE("networking", "FloatingIpAssociate")]: {
    word: "floating ip",
    find: async (look, { floatingIp, portId }) =>
      (await look.floatingIps())
        .filter((one) => one.floating_ip_address === floatingIp && one.port_id === portId)
        .map(({ id }) => made(id)),
  },
  [TYPE("compute", "Keypair")]: {
    word: "keypair",
    find: async (look, { name }) => (await look.keypairs()).filter((one) => one === name).map(made),
  },
  [TYPE("compute", "Instance")]: {
    word: "server",
    find: async (look, { metadata }) => {
      const mark = (metadata as Record<string, string> | undefined)?.[MARK_KEY];
      return (await look.servers())
        .filter((one) => mark !== undefined && one.metadata[MARK_KEY] === mark)
        .filter((one) => !/DELETED/.test(one.status) && one["OS-EXT-STS:task_state"] !== "deleting")
        .map(({ id, status }) => ({ id, building: status === "BUILD" }));
    },
  },
};

/** What tells it from all else to somebody who looks by hand; undefined for what joins two others. */
export function markOf({ description, metadata, name }: PluginInputs): string | undefined {
  const mark = description ?? (metadata as Record<string, string> | undefined)?.[MARK_KEY] ?? name;
  return mark === undefined ? undefined : String(mark);
}

/** In the words of OpenStack's own command, or undefined for a type that nobody knows how to look for. */
export const wordOf = (type: string): string | undefined => KINDS[type]?.word;

/** One look at a cloud: what several ask for is asked once. */
export class Look {
  readonly #answers = new Map<string, Promise<unknown[]>>();
  readonly #api: OpenStackClient;

  constructor(api: OpenStackClient) {
    this.#api = api;
  }

  /** What the create of this type with these inputs has made, more than one where the mark is on more. */
  async find(type: string, inputs: PluginInputs): Promise<Made[]> {
    const kind = KINDS[type];
    if (!kind) throw new Error(`nobody knows how to look for ${type}`);
    return kind.find(this, inputs);
  }

  async described(thing: string): Promise<{ id: string; description?: string }[]> {
    const project = await this.#api.projectId();
    return this.#once(thing, () => thingsOf(this.#api, project, thing, ["id", "description"]));
  }

  portsOf(
    device: string,
  ): Promise<{ id: string; device_owner: string; fixed_ips: { subnet_id: string }[] }[]> {
    const path = `/ports?device_id=${encodeURIComponent(device)}&fields=id&fields=device_owner&fields=fixed_ips`;
    return this.#once(path, () => this.#api.list("network", path, "ports"));
  }

  async floatingIps(): Promise<(FloatingIp & { id: string })[]> {
    const path = `/floatingips?project_id=${await this.#api.projectId()}`;
    return this.#once(path, () => this.#api.list("network", path, "floatingips"));
  }

  async keypairs(): Promise<string[]> {
    const path = "/os-keypairs";
    const pairs = await this.#once(path, () =>
      this.#api.list<{ keypair: { name: string } }>("compute", path, "keypairs"),
    );
    return pairs.map(({ keypair }) => keypair.name);
  }

  servers(): Promise<Server[]> {
    const path = "/servers/detail";
    return this.#once(path, () => this.#api.list<Server>("compute", path, "servers"));
  }

  #once<T>(key: string, ask: () => Promise<T[]>): Promise<T[]> {
    const known = this.#answers.get(key) ?? ask();
    this.#answers.set(key, known);
    return known as Promise<T[]>;
  }
}
