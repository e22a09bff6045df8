import type { DevstackConfig } from "../config/types";
import { ofHost, ofMachine, type Reach } from "./access";
import type { Context } from "./context";
import { planLocalConfs } from "./devstack-conf";
import { checkTexts } from "./devstack-fields";
import { type LayoutFacts, type NodeFacts, planLayout } from "./devstack-layout";
import { planUnderlay } from "./devstack-network";
import { type OverlayFacts, planOverlay } from "./devstack-overlay";
import { checkRanges } from "./devstack-ranges";
import { layoutResources } from "./devstack-resources";
import type { FogHostFacts } from "./fog-hosts";
import type { MachineFacts } from "./machines";
import type { NetworkFacts } from "./networks";
import type { PlannedResource } from "./types";

/** A devstack with all its facts, before anybody has looked how its machines are reached. */
export interface DevstackFacts {
  devstack: DevstackConfig;
  layout: LayoutFacts;
  texts: ReturnType<typeof planLocalConfs>;
  overlay?: OverlayFacts;
  underlayOf(node: NodeFacts): string | undefined;
  addressOf(node: NodeFacts): string | undefined;
}

/** Undefined where the config has none, and where too little of it is right to go on. */
export function planDevstack(
  context: Context,
  networks: ReadonlyMap<string, NetworkFacts>,
  hosts: ReadonlyMap<string, FogHostFacts>,
  machines: ReadonlyMap<string, MachineFacts>,
): DevstackFacts | undefined {
  const { devstack } = context.config;
  if (!devstack) return undefined;
  checkTexts(context, devstack);
  const layout = planLayout(context, devstack, hosts, machines);
  if (!layout) return undefined;
  const underlay = planUnderlay(context, devstack, layout);
  const overlay = planOverlay(context, devstack, layout, underlay, networks);
  checkRanges(context, devstack, networks, underlay, overlay);
  const underlayOf = ({ logical }: NodeFacts) => underlay?.addresses.get(logical);
  const addressOf = overlay ? ({ logical }: NodeFacts) => overlay.addresses.get(logical) : underlayOf;
  const facts = { devstack, layout, underlayOf, addressOf, ...(overlay ? { overlay } : {}) };
  return { ...facts, texts: planLocalConfs(context, devstack, layout, facts) };
}

/** Its resources on machines that are planned. */
export function devstackResources(
  context: Context,
  facts: DevstackFacts | undefined,
  made: readonly PlannedResource[],
): PlannedResource[] {
  if (!facts) return [];
  const reach = new Map<string, Reach>();
  for (const { logical, machine, path } of facts.layout.nodes) {
    const way =
      "hypervisor" in machine
        ? ofMachine(context, machine, made, path, `devstack on machine "${logical}"`)
        : machine.imaged && ofHost(machine, machine.imaged);
    if (way) reach.set(logical, way);
  }
  return reach.size === facts.layout.nodes.length ? layoutResources({ ...facts, reach }) : [];
}
