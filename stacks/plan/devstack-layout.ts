import type { Role } from "../../providers/devstack/types";
import { suggest } from "../config/suggest";
import type { ConfigPath, DevstackConfig } from "../config/types";
import type { Context } from "./context";
import type { FogHostFacts } from "./fog-hosts";
import type { MachineFacts } from "./machines";
import { naturally } from "./names";
import { own, sortedKeys } from "./stable";

/** One node of the layout: its machine and what it does. */
export interface NodeFacts {
  /** Of its machine. */
  logical: string;
  machine: MachineFacts | FogHostFacts;
  role: Role;
  /** Of a cell's conductor, and of a compute: the first cell where there are no others. */
  cell: string;
  hostName: string;
  /** Where the layout names it. */
  path: ConfigPath;
}

export type Preset = NonNullable<DevstackConfig["preset"]>;

export interface LayoutFacts {
  preset: Preset;
  /** By role in the order of stacking, and then by name. */
  nodes: NodeFacts[];
  /** The one that the others are pointed at. */
  controller: NodeFacts;
}

/** The cell that devstack makes where nothing else is said. */
export const FIRST_CELL = "cell1";

interface Place {
  name: string;
  role: Role;
  cell: string;
  path: ConfigPath;
}

/** The nodes of a layout; undefined where too little of it is right to go on. */
export function planLayout(
  context: Context,
  devstack: DevstackConfig,
  hosts: ReadonlyMap<string, FogHostFacts>,
  machines: ReadonlyMap<string, MachineFacts>,
): LayoutFacts | undefined {
  const places = placesOf(devstack);
  const preset = checkPreset(context, devstack);
  checkCells(context, devstack);
  const nodes: NodeFacts[] = [];
  const taken = new Map<string, Place>();
  for (const place of places) {
    const { name, path } = place;
    const other = taken.get(name);
    if (other) {
      context.problems.add(
        path,
        `machine "${name}" is ${nounOf(other)} already, and a machine has one place. Take one of the two out.`,
      );
      continue;
    }
    taken.set(name, place);
    const machine = machines.get(name) ?? hosts.get(name);
    if (machine) nodes.push(nodeOf(context, place, machine));
    else if (!own(context.config.machines, name))
      context.problems.add(
        path,
        `no machine "${name}" is declared${suggest(name, sortedKeys(context.config.machines))}`,
      );
  }
  checkHostNames(context, nodes);
  checkNamed(context, devstack, taken);
  const [controller] = nodes;
  if (controller?.role !== "controller" || nodes.length < places.length) return undefined;
  const order: Role[] = ["database", "messagequeue", "controller", "cell", "compute"];
  const rank = (node: NodeFacts) => 2 * order.indexOf(node.role) + (node === controller ? 0 : 1);
  nodes.sort((a, b) => rank(a) - rank(b) || naturally(a.logical, b.logical));
  return { preset, nodes, controller };
}

function placesOf({ layout }: DevstackConfig): Place[] {
  const at = (...path: (string | number)[]): ConfigPath => ["devstack", "layout", ...path];
  const one = (name: string, role: Role, path: ConfigPath, cell = FIRST_CELL): Place => ({
    name,
    role,
    cell,
    path,
  });
  return [
    ...layout.controller.map((name, i) => one(name, "controller", at("controller", i))),
    ...(layout.compute ?? []).map((name, i) => one(name, "compute", at("compute", i))),
    ...(["database", "messagequeue"] as const).flatMap((role) => {
      const name = layout[role];
      return name === undefined ? [] : [one(name, role, at(role))];
    }),
    ...sortedKeys(layout.cells ?? {}).flatMap((cell) => {
      const { conductor, compute = [] } = own(layout.cells, cell) ?? { conductor: "" };
      return [
        one(conductor, "cell", at("cells", cell, "conductor"), cell),
        ...compute.map((name, i) => one(name, "compute", at("cells", cell, "compute", i), cell)),
      ];
    }),
  ];
}

function nodeOf(
  { problems }: Context,
  { name, role, cell, path }: Place,
  machine: MachineFacts | FogHostFacts,
): NodeFacts {
  if (!("hypervisor" in machine) && !machine.imaged)
    problems.add(path, `machine "${name}" is registered and nothing more. Give it an \`image\`.`);
  if (machine.config.running === false)
    problems.add(path, `machine "${name}" is kept switched off. Take \`running: false\` out.`);
  return { logical: name, machine, role, cell, hostName: hostNameOf(machine), path };
}

/** What nova calls it: the host's short name. A name that no host can have is told with the machine. */
function hostNameOf(machine: MachineFacts | FogHostFacts): string {
  const name = "hypervisor" in machine ? machine.hostName : (machine.config.hostName ?? machine.name);
  return name.split(".")[0] ?? name;
}

const NOUNS: Record<Role, string> = {
  controller: "a controller",
  compute: "a compute",
  database: "the database",
  messagequeue: "the message queue",
  cell: "the conductor",
};

const nounOf = ({ role, cell, path }: Place): string =>
  `${NOUNS[role]}${path.includes("cells") ? ` of cell "${cell}"` : ""}`;

function checkPreset({ problems }: Context, { preset, layout }: DevstackConfig): Preset {
  const cells = Object.keys(layout.cells ?? {}).length > 0;
  const others = ((layout.compute ?? []).length > 0 || layout.database) ?? layout.messagequeue;
  const isAlone = layout.controller.length === 1 && !others && !cells;
  const fits: Preset = cells ? "cells" : isAlone ? "allinone" : "multinode";
  const at = ["devstack", "preset"];
  if (preset === "allinone" && !isAlone)
    problems.add(
      at,
      `\`allinone\` is one controller alone, and the layout has more. Say \`preset: ${fits}\`, or leave it out.`,
    );
  else if (preset === "cells" && !cells)
    problems.add(
      at,
      "the layout has no cells. Add `cells: { cell1: { conductor: …, compute: […] } }`, or leave the preset out.",
    );
  else if (preset === "multinode" && cells)
    problems.add(at, "the layout has cells, and `multinode` has none. Say `preset: cells`, or leave it out.");
  else if (preset === "multinode" && isAlone)
    problems.add(
      at,
      "one controller alone is `allinone`. Add computes to the layout, or leave the preset out.",
    );
  if (cells && (layout.compute ?? []).length > 0)
    problems.add(
      ["devstack", "layout", "compute"],
      "where there are cells, each compute is in one of them. Move these to `cells`.",
    );
  return fits;
}

/** devstack calls the cells that it makes cell1, cell2 … itself. */
function checkCells({ problems }: Context, { layout }: DevstackConfig): void {
  const names = sortedKeys(layout.cells ?? {});
  for (const name of names) {
    const number = /^cell([1-9]\d?)$/.exec(name)?.[1];
    if (number === undefined || Number(number) > names.length)
      problems.add(
        ["devstack", "layout", "cells", name],
        `devstack numbers its cells itself: with ${names.length === 1 ? "one it is" : `${names.length} they are`} ${names.map((_, i) => `cell${i + 1}`).join(", ")}. Rename "${name}".`,
      );
  }
}

/** Nova knows a compute by its host name alone, and no two hosts are called the same. */
function checkHostNames({ problems }: Context, nodes: readonly NodeFacts[]): void {
  const holders = new Map<string, NodeFacts>();
  for (const node of nodes) {
    const key = node.hostName.toLowerCase();
    const holder = holders.get(key);
    if (holder)
      problems.add(
        node.path,
        `machine "${node.logical}" has the host name "${node.hostName}" of machine "${holder.logical}", and nova tells hosts apart by that. Give it a \`hostName\`.`,
      );
    else holders.set(key, node);
  }
}

/** Settings of nodes and roles that the layout does not have. */
function checkNamed(
  { problems }: Context,
  devstack: DevstackConfig,
  taken: ReadonlyMap<string, Place>,
): void {
  for (const name of sortedKeys(devstack.nodes ?? {}))
    if (!taken.has(name))
      problems.add(
        ["devstack", "nodes", name],
        `the layout has no node "${name}"${suggest(name, [...taken.keys()].sort(), "Nodes")}`,
      );
  const roles = new Set([...taken.values()].map(({ role }) => role));
  for (const role of sortedKeys(devstack.roles ?? {}) as Role[])
    if (!roles.has(role))
      problems.add(
        ["devstack", "roles", role],
        `no node of the layout has the role ${role}. Take it out, or give a machine that role.`,
      );
}
