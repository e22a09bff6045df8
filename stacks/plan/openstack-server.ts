import { createHash } from "node:crypto";
import { markText } from "../../providers/core/definition";
import { MARK_KEY } from "../../providers/openstack/marks";
import type { ServerInputs } from "../../providers/openstack/server";
import type { Context } from "./context";
import type { MachineFacts } from "./machines";
import type { NicFacts } from "./nics";
import { imageNameOf } from "./openstack-fields";
import { labGroupKey, machineGroupKey } from "./openstack-groups";
import { describedBy, pluginResource } from "./openstack-marks";
import { networkKey, routerInterfaceKey, subnetKey } from "./openstack-network";
import {
  type FlavorNeeds,
  type ImageReference,
  lockedFlavor,
  lockedImage,
  outputOf,
} from "./openstack-references";
import { keysOf, loginUserOf, userDataOf } from "./openstack-user-data";
import { own } from "./stable";
import { type PlannedResource, resourceKey } from "./types";
import { waitOf } from "./waits";

const GIB = 2 ** 30;
const PORT = "openstack:networking/Port";
const FLOATING_IP = "openstack:networking/FloatingIp";
const ASSOCIATION = "openstack:networking/FloatingIpAssociate";

export interface Keypair {
  /** In the cloud. */
  name: string;
  key: string;
  resource: PlannedResource;
}

/**
 * The first key of a machine, shared by all that have it: a cloud's own way takes one. Its name holds what it is, so
 * that another key is another keypair, never another one under a name that servers carry.
 */
export function keypairOf(machine: MachineFacts, prefix: string): Keypair | undefined {
  const { config, backend } = machine;
  const [publicKey] = keysOf(machine);
  if (publicKey === undefined) return undefined;
  const digest = createHash("sha256").update(publicKey).digest("hex").slice(0, 12);
  const logical = `${config.backend}/${digest}`;
  const name = `${prefix}${digest}`;
  const kind = "openstack:compute/Keypair";
  return {
    name,
    key: resourceKey(kind, logical),
    resource: pluginResource(
      kind,
      { logical, seed: logical, config: {}, backend },
      { backend: config.backend, name, publicKey },
    ),
  };
}

/** Ports, the server, its floating IP with what joins it to a port, and the machine that all of it makes. */
export function serverResources(
  context: Context,
  machine: MachineFacts,
  keypair: Keypair | undefined,
): PlannedResource[] {
  const { logical, config, nics } = machine;
  const instance = resourceKey("openstack:compute/Instance", logical);
  const floating = config.floatingIp === true ? routedCard(machine) : undefined;
  const ports = nics.flatMap((nic) =>
    nic.network ? [portResource(context, machine, nic, nic.network)] : [],
  );
  const needs = flavorNeeds(machine);
  const inputs = {
    backend: config.backend,
    name: machine.name,
    imageId: imageOf(context, machine),
    flavorName: config.flavor ??
      lockedFlavor(own(context.lock.flavors, machine.source), needs) ?? { flavorWith: needs },
    ...(keypair ? { keyPair: keypair.name } : {}),
    networks: nics.map((nic) => ({ port: outputOf(portKey(logical, nic)) })),
    metadata: { ...config.metadata, [MARK_KEY]: markOf(context, machine) },
    ...userDataOf(context, machine),
    ...(nics.some(isToldByNobody) ? { configDrive: true } : {}),
    ...(config.availabilityZone === undefined ? {} : { availabilityZone: config.availabilityZone }),
    powerState: config.running === false ? "shutoff" : "active",
  };
  return [
    ...ports,
    pluginResource("openstack:compute/Instance", machine, inputs, {
      // A keypair by its planned name: by its output, another key would make the server anew.
      dependsOn: [
        ...ports.map(({ kind, name }) => resourceKey(kind, name)),
        ...(keypair ? [keypair.key] : []),
      ],
      ...(config.allow === undefined ? {} : { allow: config.allow }),
    }),
    ...(floating ? floatingIpResources(context, machine, floating) : []),
    {
      ...pluginResource("openstack:Server", machine, { ...serverInputs(context, machine, floating) }),
      dependsOn: [instance, ...(floating ? [resourceKey(ASSOCIATION, logical)] : [])],
      recreateWith: [instance],
    },
  ];
}

const portKey = (logical: string, { card }: NicFacts): string => resourceKey(PORT, `${logical}/${card}`);

/** Without DHCP a guest reads its addresses from its config drive: no metadata service answers one without an address. */
const isToldByNobody = ({ network, ip }: NicFacts): boolean =>
  network !== undefined && network.dhcp === undefined && ip !== undefined;

const markOf = ({ config: { lab, stack } }: Context, { seed }: MachineFacts): string =>
  markText({ lab, stack, name: seed });

const flavorNeeds = ({ config: { cpus = 1, memoryMiB = 1024, disks = [] } }: MachineFacts): FlavorNeeds => ({
  cpus,
  memoryMiB,
  diskGiB: Math.ceil((disks[0]?.sizeBytes ?? 0) / GIB),
});

/** The lock file's entry of a machine, as long as it is good. */
export function keptFlavor({ lock }: Context, machine: MachineFacts): string | undefined {
  if (machine.hypervisor !== "openstack" || machine.config.flavor !== undefined) return undefined;
  const entry = own(lock.flavors, machine.source);
  return lockedFlavor(entry, flavorNeeds(machine)) === undefined ? undefined : entry;
}

/** As `keptFlavor`. */
export function keptImage(context: Context, machine: MachineFacts): string | undefined {
  if (machine.hypervisor !== "openstack") return undefined;
  return imageOf(context, machine).known === undefined ? undefined : own(context.lock.glance, machine.source);
}

function imageOf(context: Context, machine: MachineFacts): ImageReference {
  const imageNamed = imageNameInCloud(context, machine);
  const known = lockedImage(own(context.lock.glance, machine.source), imageNamed);
  return { imageNamed, ...(known === undefined ? {} : { known }) };
}

function imageNameInCloud({ config }: Context, machine: MachineFacts): string {
  const logical = imageNameOf(machine.config) ?? "";
  return own(config.images, logical)?.glance?.name ?? logical;
}

/** The first card that a router leads to. */
const routedCard = ({ nics }: MachineFacts): NicFacts | undefined =>
  nics.find(({ network }) => network?.mode === "nat");

function portResource(
  context: Context,
  machine: MachineFacts,
  nic: NicFacts,
  network: NonNullable<NicFacts["network"]>,
): PlannedResource {
  const { logical, config, seed } = machine;
  const opens = (config.openPorts ?? []).length > 0;
  const groups = [labGroupKey(config.backend), ...(opens ? [machineGroupKey(logical)] : [])];
  const subnet = subnetKey(network.logical);
  const suffix = `/${nic.card}`;
  return pluginResource(
    PORT,
    machine,
    {
      backend: config.backend,
      name: `${machine.name}-${nic.card}`,
      description: describedBy(context, `${seed}${suffix}`),
      networkId: outputOf(networkKey(network.logical)),
      adminStateUp: true,
      macAddress: nic.mac,
      securityGroupIds: groups.map((key) => outputOf(key)),
      ...(nic.ip === undefined
        ? { noFixedIp: true }
        : { fixedIps: [{ subnetId: outputOf(subnet), ipAddress: nic.ip }] }),
    },
    {
      suffix,
      dependsOn: [networkKey(network.logical), subnet, ...groups],
      // The plugin would give it an address of another subnet in place, and neutron keeps a subnet while ports have
      // addresses in it. A port without one stays, and with it its server.
      recreateWith: nic.ip === undefined ? [] : [subnet],
    },
  );
}

/** The address, which stays, and its way to the port, which comes and goes with port and router. */
function floatingIpResources(context: Context, machine: MachineFacts, nic: NicFacts): PlannedResource[] {
  const { logical, config, seed } = machine;
  const address = resourceKey(FLOATING_IP, logical);
  const port = portKey(logical, nic);
  const router = routerInterfaceKey(nic.network?.logical ?? "");
  return [
    pluginResource(FLOATING_IP, machine, {
      backend: config.backend,
      pool: { cloud: "externalNetworkName" },
      description: describedBy(context, seed),
    }),
    pluginResource(
      ASSOCIATION,
      machine,
      { backend: config.backend, floatingIp: outputOf(address, "address"), portId: outputOf(port) },
      // Neutron joins the two only where a router leads from the port to the pool, and keeps that router meanwhile.
      { dependsOn: [address, port, router], recreateWith: [port, router] },
    ),
  ];
}

function serverInputs(context: Context, machine: MachineFacts, floating: NicFacts | undefined): ServerInputs {
  const { logical, config, nics } = machine;
  const address = (floating ?? routedCard(machine) ?? nics[0])?.ip;
  const user = loginUserOf(context, machine);
  return {
    name: logical,
    backend: config.backend,
    serverName: machine.name,
    ...(address === undefined ? {} : { fixedAddress: address }),
    floatingIp: floating !== undefined,
    user,
    ...(config.hostKey === undefined ? {} : { hostKey: config.hostKey.trim() }),
    running: config.running ?? true,
    wait: waitOf(machine, keysOf(machine)),
  };
}
