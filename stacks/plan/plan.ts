import type { LabConfig } from "../config/types";
import { planAccess } from "./access";
import { checkBackends } from "./backends";
import { recordResource } from "./boot-record";
import { checkConflicts } from "./conflicts";
import type { Context } from "./context";
import { unappliedAddress } from "./describe";
import { devstackResources, planDevstack } from "./devstack";
import { planFog } from "./fog";
import { checkCaptures, checkFogConflicts } from "./fog-conflicts";
import { planFogHosts } from "./fog-hosts";
import { planFogImages } from "./fog-images";
import type { Hypervisor } from "./hypervisor";
import { checkImageUses } from "./image-uses";
import { checkImages } from "./images";
import { planInstalls } from "./installs";
import { planLdap } from "./ldap";
import { planLibvirt } from "./libvirt";
import { checkMachineBackends, onMachines } from "./machine-backends";
import { type MachineFacts, planMachines } from "./machines";
import { checkFogMoves } from "./moves";
import { planNetworks } from "./networks";
import { nextLock } from "./next-lock";
import { planOpenStack } from "./openstack";
import { dependencyOrder } from "./order";
import { Problems } from "./problems";
import { checkRemovals } from "./removals";
import { resolveSeeds } from "./seeds";
import { byCodeUnit, stable } from "./stable";
import { type Lock, type PlannedResource, type PlanResult, resourceKey } from "./types";
import { planVirtualBox } from "./virtualbox";

export interface PlanOptions {
  /** Let more VPN users go at once than is likely to be meant. @default false */
  allowRemovals?: boolean;
}

/**
 * From the lab's config to its plan. Pure: no I/O and no clock, and the same input gives the same bytes, whatever the
 * order of the config. `lock` is what has been handed out so far; the plan holds the next one. Everything that can be
 * refused is, all of it at once, and then there is no plan.
 */
export function plan(config: LabConfig, lock: Lock, now: Date, options: PlanOptions = {}): PlanResult {
  const problems = new Problems();
  const seeds = resolveSeeds(config, lock);
  const context: Context = { config, lock, now, seeds, problems, notes: [...seeds.notes] };

  checkBackends(context);
  checkImages(context);
  const networks = planNetworks(context);
  const machines = planMachines(context, networks);
  const fogImages = planFogImages(context);
  const hosts = planFogHosts(context, fogImages);
  checkConflicts(context, networks, machines);
  checkFogConflicts(context, [...hosts.values()], [...machines.values()]);
  checkCaptures(context, fogImages, hosts);
  checkFogMoves(context, hosts);
  checkMachineBackends(context, hosts, machines);
  const installs = planInstalls(context, networks, machines);
  checkImageUses(context, machines);
  const users = planLdap(context);
  const devstack = planDevstack(context, networks, hosts, machines);
  checkRemovals(context, options.allowRemovals ?? false);
  if (problems.found.length > 0) return { problems: problems.found };

  const on = <T extends { hypervisor: Hypervisor }>(things: ReadonlyMap<string, T>, which: Hypervisor) =>
    [...things.values()].filter(({ hypervisor }) => hypervisor === which);
  const made = [
    ...planLibvirt(context, on(networks, "libvirt"), on(machines, "libvirt"), on(installs, "libvirt")),
    ...planVirtualBox(
      context,
      on(networks, "virtualbox"),
      on(machines, "virtualbox"),
      on(installs, "virtualbox"),
    ),
    ...planOpenStack(context, on(networks, "openstack"), on(machines, "openstack")),
    ...planFog(context, fogImages, hosts, machines),
    ...[...machines.values()].flatMap((machine) => recordResource(machine) ?? []),
    ...users,
  ];
  const resources = [
    ...onMachines(context, hosts, machines, made),
    ...planAccess(context, hosts, machines, made),
    ...devstackResources(context, devstack, made),
  ];
  if (problems.found.length > 0) return { problems: problems.found };
  const ordered = dependencyOrder(resources, keyOf, (resource) => resource.dependsOn);
  if (!ordered.order)
    return {
      problems: [
        { path: [], message: `plan: things need each other in a circle: ${ordered.cycle.join(" → ")}.` },
      ],
    };
  for (const machine of machines.values()) noteUnapplied(context, machine);
  return {
    plan: {
      lab: config.lab,
      stack: config.stack,
      resources: ordered.order.map(settled),
      ...nextLock(context, networks, machines, hosts, devstack?.overlay),
      notes: context.notes,
    },
    problems: [],
  };
}

const keyOf = ({ kind, name }: PlannedResource): string => resourceKey(kind, name);

/** Nothing undefined, keys and edges in a stable order, nothing shared with the config. */
const settled = (resource: PlannedResource): PlannedResource =>
  stable({
    ...resource,
    dependsOn: [...resource.dependsOn].sort(byCodeUnit),
    recreateWith: [...resource.recreateWith].sort(byCodeUnit),
  });

function noteUnapplied({ notes }: Context, { logical, config, nics, hypervisor }: MachineFacts): void {
  // A cloud tells its servers by itself.
  if (hypervisor === "openstack") return;
  const hasSeed =
    config.cloudInit !== undefined || (config.disks ?? []).some(({ image }) => image !== undefined);
  for (const { network, ip } of nics)
    if (network?.cidr && !network.dhcp && ip !== undefined && !hasSeed)
      notes.push(unappliedAddress(logical, ip, network.logical));
}
