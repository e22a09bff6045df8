import type {
  HostInputs,
  JoinInputs,
  MeshInputs,
  NodeInputs,
  NodeLogin,
  VerifyInputs,
} from "../../providers/devstack/types";
import type { EndpointInputs } from "../../providers/overlay/types";
import type { DevstackConfig } from "../config/types";
import type { Reach } from "./access";
import type { planLocalConfs } from "./devstack-conf";
import type { LayoutFacts, NodeFacts } from "./devstack-layout";
import { LAYOUT, type OverlayFacts, peersInOverlay } from "./devstack-overlay";
import { sha256 } from "./identity";
import { renamed } from "./renamed";
import { byCodeUnit, stable } from "./stable";
import { type PlannedResource, resourceKey } from "./types";

const GIT_BASE = "https://opendev.org";
const USER = "stack";
/** Below those that distributions give to people. */
const UID = 799;
const HOME = "/opt/stack";
/** devstack is cloned before it installs anything, and reads local.conf by GNU awk (mawk fails at its functions). */
const PACKAGES = ["gawk", "git"];
const STACK_S = 7200;
const SILENCE_S = 900;
const JOIN_S = 900;
const BOOT_S = 300;

const hostKey = (node: NodeFacts): string => resourceKey("devstack:Host", node.logical);
const nodeKey = (node: NodeFacts): string => resourceKey("devstack:Node", node.logical);
const endpointKey = (node: NodeFacts): string => resourceKey("overlay:Endpoint", node.logical);
const joinKey = (node: NodeFacts): string => resourceKey("devstack:Join", node.logical);
const MESH_KEY = resourceKey("devstack:Mesh", LAYOUT);

export interface StackFacts {
  devstack: DevstackConfig;
  layout: LayoutFacts;
  texts: ReturnType<typeof planLocalConfs>;
  reach: ReadonlyMap<string, Reach>;
  overlay?: OverlayFacts;
  /** On the network between the nodes. */
  underlayOf(node: NodeFacts): string | undefined;
  /** Where the other nodes reach it. */
  addressOf(node: NodeFacts): string | undefined;
}

/** Everything that a layout is made of, stage by stage. */
export function layoutResources(facts: StackFacts): PlannedResource[] {
  const { layout, overlay } = facts;
  const inputs = new Map(layout.nodes.map((node) => [node.logical, nodeInputs(facts, node)]));
  return [
    ...layout.nodes.map((node) => on(facts, node, "devstack:Host", hostInputs(facts, node), [])),
    meshResource(facts),
    ...(overlay
      ? layout.nodes.map((node) =>
          // The mesh refuses that a compute with servers leaves: before that, nobody may cut it off.
          on(facts, node, "overlay:Endpoint", endpointInputs(facts, overlay, node), [
            hostKey(node),
            MESH_KEY,
          ]),
        )
      : []),
    ...layout.nodes.map((node) => ({
      ...on(facts, node, "devstack:Node", inputs.get(node.logical) ?? {}, [
        hostKey(node),
        MESH_KEY,
        ...(overlay ? [endpointKey(node)] : []),
        ...before(layout, node).map(nodeKey),
      ]),
      // Its user's home goes with the host, and devstack with that; a controller's databases, with where they are.
      recreateWith: [hostKey(node), ...(node === layout.controller ? databasesOf(layout).map(nodeKey) : [])],
    })),
    ...computesOf(layout).map((node) => joinResource(facts, node, inputs)),
    verifyResource(facts, [...inputs.values()]),
  ];
}

/** What must be stacked before a node: not all of it is on every node, so that a stage does not wait for more than it needs. */
function before({ nodes }: LayoutFacts, { role, cell }: NodeFacts): NodeFacts[] {
  const of = (...roles: NodeFacts["role"][]) => nodes.filter((node) => roles.includes(node.role));
  switch (role) {
    case "database":
    case "messagequeue":
      return [];
    case "controller":
      return of("database", "messagequeue");
    case "cell":
      return of("controller");
    case "compute":
      return [...of("controller"), ...of("cell").filter((conductor) => conductor.cell === cell)];
  }
}

/** Of its own. */
const databasesOf = ({ nodes }: LayoutFacts): NodeFacts[] => nodes.filter(({ role }) => role === "database");

const computesOf = ({ nodes }: LayoutFacts): NodeFacts[] => nodes.filter(({ role }) => role === "compute");

/** A resource that lives on its node's machine. */
function on(
  { reach }: StackFacts,
  node: NodeFacts,
  kind: string,
  inputs: object,
  dependsOn: string[],
): PlannedResource {
  const { machine, logical } = node;
  const way = reachOf(reach, node).on;
  return {
    kind,
    ...renamed(logical, machine.config, machine.seed),
    inputs: { ...inputs },
    dependsOn: [way.key, ...dependsOn],
    recreateWith: [],
    backend: machine.backend,
    on: way,
  };
}

function reachOf(reach: ReadonlyMap<string, Reach>, { logical }: NodeFacts): Reach {
  const found = reach.get(logical);
  if (!found) throw new Error(`plan: nobody has looked how "${logical}" is reached`);
  return found;
}

const loginOf = ({ reach }: StackFacts, node: NodeFacts): NodeLogin => reachOf(reach, node).login;

const own = (facts: StackFacts, node: NodeFacts) => ({
  name: node.logical,
  backend: node.machine.config.backend,
  login: loginOf(facts, node),
});

function hostInputs(facts: StackFacts, node: NodeFacts): HostInputs {
  const { user, uid, packages } = facts.devstack;
  return {
    ...own(facts, node),
    hostName: node.hostName,
    user: user ?? USER,
    uid: uid ?? UID,
    home: HOME,
    packages: [...new Set([...PACKAGES, ...(packages ?? [])])].sort(byCodeUnit),
  };
}

function nodeInputs(facts: StackFacts, node: NodeFacts): NodeInputs {
  const { branch, user, repo, gitBase, patches, extras, generation, checks, timeoutS, silenceS } =
    facts.devstack;
  const text = facts.texts.get(node.logical) ?? { localConf: "", sources: [], secrets: {} };
  return {
    ...own(facts, node),
    role: node.role,
    user: user ?? USER,
    home: HOME,
    repo: repo ?? `${(gitBase ?? GIT_BASE).replace(/\/+$/, "")}/openstack/devstack`,
    branch,
    patches: { ...patches },
    extras: { ...extras },
    ...text,
    generation: generation ?? 1,
    checks: [...(checks ?? [])],
    timeoutS: timeoutS ?? STACK_S,
    silenceS: silenceS ?? SILENCE_S,
  };
}

function endpointInputs(facts: StackFacts, overlay: OverlayFacts, node: NodeFacts): EndpointInputs {
  const { layout, underlayOf } = facts;
  const { bridge, device, vni, port, mtu, cidr, topology } = overlay;
  const inOverlay = (other: NodeFacts): string => overlay.addresses.get(other.logical) ?? "";
  return {
    ...own(facts, node),
    bridge,
    device,
    vni,
    port,
    mtu,
    local: underlayOf(node) ?? "",
    address: `${inOverlay(node)}/${cidr.prefix}`,
    peers: Object.fromEntries(
      peersInOverlay(overlay, layout, node).map((peer) => [
        peer.logical,
        { underlay: underlayOf(peer) ?? "", overlay: inOverlay(peer) },
      ]),
    ),
    ...(topology === "star" && node === layout.controller ? { forwards: true } : {}),
  };
}

/** One per layout: it lives on the first controller and reaches all nodes. */
function central(
  facts: StackFacts,
  kind: string,
  name: string,
  inputs: object,
  dependsOn: string[],
  peers: readonly NodeFacts[],
): PlannedResource {
  const { controller } = facts.layout;
  const way = reachOf(facts.reach, controller).on;
  const keys = peers.map((peer) => [peer.logical, reachOf(facts.reach, peer).on.key] as const);
  return {
    kind,
    name,
    inputs: { ...inputs },
    dependsOn: [...new Set([way.key, ...keys.map(([, key]) => key), ...dependsOn])],
    recreateWith: [],
    backend: controller.machine.backend,
    on: way,
    peers: Object.fromEntries(keys),
  };
}

function meshResource(facts: StackFacts): PlannedResource {
  const { nodes } = facts.layout;
  const inputs: MeshInputs = {
    name: LAYOUT,
    user: facts.devstack.user ?? USER,
    home: HOME,
    controller: facts.layout.controller.logical,
    nodes: Object.fromEntries(
      nodes.map((node) => [
        node.logical,
        {
          backend: node.machine.config.backend,
          login: loginOf(facts, node),
          hostName: node.hostName,
          address: facts.addressOf(node) ?? "127.0.0.1",
        },
      ]),
    ),
  };
  const hosts = nodes.map(hostKey);
  // Its keys lie in the home of the host's user.
  return { ...central(facts, "devstack:Mesh", LAYOUT, inputs, hosts, nodes), recreateWith: hosts };
}

function joinResource(
  facts: StackFacts,
  node: NodeFacts,
  stacked: ReadonlyMap<string, NodeInputs>,
): PlannedResource {
  const { controller, nodes } = facts.layout;
  const above = nodes.filter(
    ({ role, cell }) => role !== "compute" && (role !== "cell" || cell === node.cell),
  );
  const inputs: JoinInputs = {
    name: node.logical,
    backend: controller.machine.config.backend,
    login: loginOf(facts, controller),
    user: facts.devstack.user ?? USER,
    home: HOME,
    computeLogin: loginOf(facts, node),
    hostName: node.hostName,
    cell: node.cell,
    timeoutS: JOIN_S,
    edition: editionOf(above.flatMap(({ logical }) => stacked.get(logical) ?? [])),
  };
  const { machine, logical } = node;
  return {
    ...central(facts, "devstack:Join", logical, inputs, [nodeKey(controller), nodeKey(node)], [node]),
    ...renamed(logical, machine.config, machine.seed),
    // Nova's record of it goes first, and only while no server is on it; all records go with their database.
    recreateWith: [nodeKey(node), ...databasesOf(facts.layout).map(nodeKey)],
  };
}

function verifyResource(facts: StackFacts, stacked: readonly NodeInputs[]): PlannedResource {
  const { layout, overlay, devstack } = facts;
  const { nodes, controller } = layout;
  const names = nodes.map(({ logical }) => logical).sort(byCodeUnit);
  const { boot } = devstack.verify ?? {};
  const inputs: VerifyInputs = {
    name: LAYOUT,
    backend: controller.machine.config.backend,
    login: loginOf(facts, controller),
    user: devstack.user ?? USER,
    home: HOME,
    nodes: Object.fromEntries(
      nodes.map((node) => {
        const address = overlay?.addresses.get(node.logical);
        const { login } = reachOf(facts.reach, node);
        const { role, hostName } = node;
        return [
          node.logical,
          { login, role, hostName, ...(address === undefined ? {} : { overlay: address }) },
        ];
      }),
    ),
    ...(overlay ? { mtu: overlay.mtu } : {}),
    pairs: overlay
      ? names.flatMap((from) => names.filter((to) => to !== from).map((to): [string, string] => [from, to]))
      : [],
    cells: hypervisorsByCell(layout),
    services: servicesUp(layout),
    boot: boot === false ? false : { timeoutS: BOOT_S, ...boot },
    edition: editionOf(stacked),
  };
  return central(
    facts,
    "devstack:Verify",
    LAYOUT,
    inputs,
    [...nodes.map(nodeKey), ...computesOf(layout).map(joinKey), ...(overlay ? nodes.map(endpointKey) : [])],
    nodes,
  );
}

/** A controller alone is its own hypervisor. */
function hypervisorsByCell(layout: LayoutFacts): Record<string, string[]> {
  const computes = computesOf(layout);
  const cells: Record<string, string[]> = {};
  for (const { cell, hostName } of layout.preset === "allinone" ? [layout.controller] : computes)
    cells[cell] = [...(cells[cell] ?? []), hostName];
  for (const hosts of Object.values(cells)) hosts.sort(byCodeUnit);
  return cells;
}

/** As nova's service list has them. */
function servicesUp(layout: LayoutFacts): Record<string, string[]> {
  const services: Record<string, string[]> = {};
  for (const { role, hostName } of layout.nodes)
    if (role === "controller") services[hostName] = ["nova-conductor", "nova-scheduler"];
    else if (role === "cell") services[hostName] = ["nova-conductor"];
  return services;
}

/** What the nodes are stacked with, in a word; where each line comes from is no part of it. */
function editionOf(stacked: readonly NodeInputs[]): string {
  const parts = stacked.map(({ name, repo, branch, patches, extras, localConf, secrets, generation }) =>
    JSON.stringify(stable({ name, repo, branch, patches, extras, localConf, secrets, generation })),
  );
  return sha256(["devstack", ...parts])
    .toString("hex")
    .slice(0, 16);
}
