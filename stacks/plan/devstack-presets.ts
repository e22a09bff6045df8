import type { LocalConfLayer } from "../../providers/devstack/local-conf/settings";
import type { Role } from "../../providers/devstack/types";
import { DEVSTACK_PASSWORD } from "../config/devstack-form";
import type { DevstackConfig } from "../config/types";
import type { LayoutFacts, NodeFacts } from "./devstack-layout";
import { LAYOUT, type OverlayFacts } from "./devstack-overlay";
import { cidrAround, formatCidr, formatIpv4, overlaps, parseCidr } from "./ipv4";

/**
 * What a node's local.conf starts from, lowest first; what the config says comes on top. Names and services are those
 * of devstack's public multi-node guide and its own multi-node job.
 */
export function presetLayers(
  devstack: DevstackConfig,
  layout: LayoutFacts,
  node: NodeFacts,
  { overlay, addressOf }: { overlay?: OverlayFacts; addressOf(node: NodeFacts): string | undefined },
): LocalConfLayer[] {
  return [
    baseLayer(devstack, layout, node),
    placesLayer(layout, node, addressOf),
    ...(layout.preset === "cells" ? [cellsLayer(layout, node)] : []),
    ...(overlay ? [overlayLayer(devstack, node, overlay)] : []),
    passwordsLayer(devstack),
  ];
}

const GIT_BASE = "https://opendev.org";

/** Paths of these layers: what is found wrong there is no mistake of the config. */
export const PRESET_PATH = "preset";

/** Nothing else runs on a compute. */
const COMPUTE_SERVICES = [
  "n-cpu",
  "c-vol",
  "placement-client",
  "ovn-controller",
  "ovs-vswitchd",
  "ovsdb-server",
  "q-ovn-metadata-agent",
];
/** A second controller adds schedulers and conductors; the APIs and their database records are the first one's. */
const NEXT_CONTROLLER_SERVICES = ["n-sch", "n-cond", "c-sch", "placement-client"];

function baseLayer({ gitBase }: DevstackConfig, layout: LayoutFacts, node: NodeFacts): LocalConfLayer {
  const only = servicesOf(layout, node);
  return {
    source: `preset ${layout.preset}`,
    path: [PRESET_PATH],
    localrc: {
      // One that a path in here is made of is set by devstack before.
      LOGFILE: "$DEST/logs/stack.sh.log",
      LOG_COLOR: false,
      GIT_BASE: gitBase ?? GIT_BASE,
      DATABASE_TYPE: "mysql",
      ...(layout.preset === "allinone" ? {} : { MULTI_HOST: 1 }),
      ...(node.role === "compute"
        ? {
            NOVA_VNC_ENABLED: true,
            NOVNCPROXY_URL: "http://$SERVICE_HOST:6080/vnc_lite.html",
            VNCSERVER_LISTEN: "$HOST_IP",
            VNCSERVER_PROXYCLIENT_ADDRESS: "$HOST_IP",
          }
        : {}),
    },
    ...(only ? { exact: true } : {}),
    services: only ? on(only) : controllerServices(layout),
  };
}

const on = (names: readonly string[]): Record<string, boolean> =>
  Object.fromEntries(names.map((name) => [name, true]));

/** All that runs on a node; undefined for the first controller, which has devstack's own list. */
function servicesOf({ controller }: LayoutFacts, node: NodeFacts): string[] | undefined {
  const only: Record<Role, string[]> = {
    controller: NEXT_CONTROLLER_SERVICES,
    compute: COMPUTE_SERVICES,
    database: ["mysql"],
    messagequeue: ["rabbit"],
    // Without n-cond devstack writes no settings of a conductor; enabled, it starts those that are not switched off.
    cell: ["n-cond", conductorOf(node.cell), "placement-client"],
  };
  return node === controller ? undefined : only[node.role];
}

/**
 * devstack's own list, without what is elsewhere. Databases and images it makes only where `mysql` is enabled: our
 * plugin sees to it that no server is installed there.
 */
function controllerServices({ nodes }: LayoutFacts): Record<string, boolean> {
  const has = (role: Role) => nodes.some((node) => node.role === role);
  return {
    ...(has("compute") ? { "n-cpu": false } : {}),
    ...(has("database") ? { mysql: true } : {}),
    ...(has("messagequeue") ? { rabbit: false } : {}),
  };
}

/** Who is where: with one node alone, devstack finds its own address if none is planned. */
function placesLayer(
  { nodes, controller, preset }: LayoutFacts,
  node: NodeFacts,
  addressOf: (node: NodeFacts) => string | undefined,
): LocalConfLayer {
  const own = addressOf(node);
  const main = addressOf(controller);
  const holder = (role: Role) => nodes.find((other) => other.role === role);
  const at = (role: Role) => {
    const found = holder(role);
    return found ? addressOf(found) : main;
  };
  const database = holder("database");
  return {
    source: "devstack.layout",
    path: [PRESET_PATH],
    localrc: {
      ...(own === undefined ? {} : { HOST_IP: own }),
      ...(preset === "allinone" || main === undefined
        ? {}
        : {
            SERVICE_HOST: main,
            DATABASE_HOST: at("database") ?? main,
            RABBIT_HOST: at("messagequeue") ?? main,
            GLANCE_HOSTPORT: `${main}:9292`,
            Q_HOST: main,
          }),
      // What makes the databases asks for the server by its older name.
      ...(database && node !== database ? { MYSQL_HOST: at("database") ?? "" } : {}),
      // Counts of queries would be kept in a database that only the server's own node makes.
      ...(database && node === controller
        ? { LABPLAN_DATABASE: "elsewhere", MYSQL_GATHER_PERFORMANCE: false }
        : {}),
    },
  };
}

const numberOf = (cell: string): number => Number(cell.replace(/^cell/, ""));
const conductorOf = (cell: string): string => `n-cond-cell${numberOf(cell)}`;

/** Cells v2: one conductor above them on the controllers, one in each. */
function cellsLayer({ nodes }: LayoutFacts, node: NodeFacts): LocalConfLayer {
  const cells = nodes.filter(({ role }) => role === "cell").map(({ cell }) => cell);
  const off = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, false]));
  const others = cells.filter((cell) => cell !== node.cell).map(conductorOf);
  return {
    source: "devstack.layout.cells",
    path: [PRESET_PATH],
    localrc: {
      CELLSV2_SETUP: "superconductor",
      NOVA_NUM_CELLS: cells.length,
      ...(node.role === "compute" ? { NOVA_CPU_CELL: numberOf(node.cell) } : {}),
    },
    services: {
      ...(node.role === "controller" ? { "n-super-cond": true, ...off(cells.map(conductorOf)) } : {}),
      ...(node.role === "cell" ? off(["n-super-cond", ...others]) : {}),
    },
  };
}

/** What devstack gives out as floating IPs where nothing else is said: its public bridge has the first of them. */
export const FLOATING_RANGE = "172.24.4.0/24";

function overlayLayer(
  devstack: DevstackConfig,
  { role, logical }: NodeFacts,
  { mtu, cidr }: OverlayFacts,
): LocalConfLayer {
  return {
    source: `${LAYOUT}.overlay`,
    path: [PRESET_PATH],
    localrc:
      role === "controller" || role === "compute"
        ? { PUBLIC_BRIDGE_MTU: mtu, ...floatingRange(devstack, role, logical, cidr) }
        : {},
    ...(role === "controller"
      ? { conf: { "post-config": { $NEUTRON_CONF: { DEFAULT: { global_physnet_mtu: mtu } } } } }
      : {}),
  };
}

/** Where the overlay has the addresses of devstack's public bridge, that gets the network after it. */
function floatingRange(
  { shared, roles, nodes }: DevstackConfig,
  role: Role,
  logical: string,
  cidr: OverlayFacts["cidr"],
): Record<string, string> {
  const byDefault = parseCidr(FLOATING_RANGE);
  const isGiven = [shared, roles?.[role], nodes?.[logical]].some(
    (settings) => settings?.localrc?.FLOATING_RANGE !== undefined,
  );
  if (isGiven || !byDefault || !overlaps(byDefault, cidr)) return {};
  const next = cidrAround(cidr.broadcast + 1, 24);
  return { FLOATING_RANGE: formatCidr(next), PUBLIC_NETWORK_GATEWAY: formatIpv4(next.network + 1) };
}

/** All four on every node: for one that is missing stack.sh asks, and waits. */
const passwordsLayer = ({ passwords }: DevstackConfig): LocalConfLayer => ({
  source: "devstack.passwords",
  path: [PRESET_PATH],
  localrc: {
    ADMIN_PASSWORD: passwords?.admin ?? DEVSTACK_PASSWORD,
    DATABASE_PASSWORD: passwords?.database ?? DEVSTACK_PASSWORD,
    RABBIT_PASSWORD: passwords?.messagequeue ?? DEVSTACK_PASSWORD,
    SERVICE_PASSWORD: passwords?.service ?? DEVSTACK_PASSWORD,
  },
});
