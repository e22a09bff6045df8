import { markPrefix } from "../../providers/core/definition";
import type { BackendConfig } from "../config/types";
import type { Context } from "./context";
import type { MachineFacts } from "./machines";
import { describedBy, pluginResource } from "./openstack-marks";
import { outputOf } from "./openstack-references";
import { type PlannedResource, resourceKey } from "./types";

const GROUP = "openstack:networking/SecGroup";
const RULE = "openstack:networking/SecGroupRule";

/** A slash is in no logical name: no machine is called that. */
const labGroupName = (backend: string): string => `lab/${backend}`;
export const labGroupKey = (backend: string): string => resourceKey(GROUP, labGroupName(backend));

/** Of all servers of the lab in a cloud: SSH from everywhere, and everything between themselves. */
export function labGroupResources(context: Context, name: string, backend: BackendConfig): PlannedResource[] {
  const logical = labGroupName(name);
  const thing = { logical, seed: logical, config: {}, backend };
  const rule = (suffix: string, inputs: Record<string, unknown>) =>
    ruleResource(context, thing, { backend: name, ...inputs }, suffix);
  return [
    pluginResource(GROUP, thing, {
      backend: name,
      name: `${markPrefix(context.config)}lab`,
      description: describedBy(context, logical),
    }),
    rule("/ssh", { protocol: "tcp", portRangeMin: 22, portRangeMax: 22, remoteIpPrefix: "0.0.0.0/0" }),
    rule("/members", { remoteGroupId: outputOf(labGroupKey(name)) }),
  ];
}

export const machineGroupKey = (logical: string): string => resourceKey(GROUP, logical);

/** A machine's own open ports: a group by itself, so that an edit is one of rules and of nothing else. */
export function machineGroupResources(context: Context, machine: MachineFacts): PlannedResource[] {
  const { logical, config, seed } = machine;
  const ports = [...new Set(config.openPorts ?? [])].sort((a, b) => a - b);
  if (ports.length === 0) return [];
  return [
    pluginResource(GROUP, machine, {
      backend: config.backend,
      name: `${markPrefix(context.config)}${machine.name}`,
      description: describedBy(context, seed),
    }),
    ...ports.map((port) =>
      ruleResource(
        context,
        machine,
        {
          backend: config.backend,
          protocol: "tcp",
          portRangeMin: port,
          portRangeMax: port,
          remoteIpPrefix: "0.0.0.0/0",
          securityGroupId: outputOf(machineGroupKey(logical)),
        },
        `/${port}`,
      ),
    ),
  ];
}

function ruleResource(
  context: Context,
  thing: Parameters<typeof pluginResource>[1],
  inputs: Record<string, unknown>,
  suffix: string,
): PlannedResource {
  const group = resourceKey(GROUP, thing.logical);
  return pluginResource(
    RULE,
    thing,
    {
      direction: "ingress",
      ethertype: "IPv4",
      securityGroupId: outputOf(group),
      description: describedBy(context, `${thing.seed}${suffix}`),
      ...inputs,
    },
    { suffix, dependsOn: [group] },
  );
}
