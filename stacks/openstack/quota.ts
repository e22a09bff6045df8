import { markText } from "../../providers/core/definition";
import { MARK_KEY } from "../../providers/openstack/marks";
import type { ConfigProblem } from "../config/types";
import type { LabPlan, PlannedResource } from "../plan/types";
import type { CloudFacts, FlavorFact, NetworkThing } from "./facts";
import { INSTANCE } from "./instances";

/** Kinds of the plugin, in neutron's words. */
const THINGS: Record<string, NetworkThing> = {
  "openstack:networking/Network": "network",
  "openstack:networking/Subnet": "subnet",
  "openstack:networking/Port": "port",
  "openstack:networking/Router": "router",
  "openstack:networking/FloatingIp": "floatingip",
  "openstack:networking/SecGroup": "security_group",
  "openstack:networking/SecGroupRule": "security_group_rule",
};

const WORDS: Record<keyof CloudFacts["quota"], string> = {
  instances: "servers",
  cores: "cores",
  ram: "MiB of memory",
  network: "networks",
  subnet: "subnets",
  port: "ports",
  router: "routers",
  floatingip: "floating IPs",
  security_group: "security groups",
  security_group_rule: "security group rules",
};

/** A new group lets everything out, by a rule for IPv4 and one for IPv6 (Networking API, "Create security group"). */
const RULES_OF_A_NEW_GROUP = 2;

/**
 * What the plan adds to what is there, against what the project may have. Beyond it a cloud makes some of it, and
 * leaves servers in ERROR that no later run says anything of.
 */
export function quotaProblems(
  plan: LabPlan,
  name: string,
  ours: readonly PlannedResource[],
  facts: CloudFacts,
  flavors: ReadonlyMap<PlannedResource, FlavorFact | undefined>,
): ConfigProblem[] {
  const more = neededBy(plan, ours, facts, flavors);
  const lacking = (Object.keys(WORDS) as (keyof CloudFacts["quota"])[]).flatMap((key) => {
    const { limit, used } = facts.quota[key] ?? { limit: -1, used: 0 };
    const wanted = more.get(key) ?? 0;
    if (limit < 0 || wanted === 0 || used + wanted <= limit) return [];
    return [`${wanted} more ${WORDS[key]} (${used} of ${limit} are used)`];
  });
  if (lacking.length === 0) return [];
  return [
    {
      path: ["backends", name],
      message: `the project's quota has no room for ${lacking.join(", ")}. Have it raised ("openstack quota set"), or ask for less.`,
    },
  ];
}

function neededBy(
  { lab, stack }: LabPlan,
  ours: readonly PlannedResource[],
  facts: CloudFacts,
  flavors: ReadonlyMap<PlannedResource, FlavorFact | undefined>,
): Map<keyof CloudFacts["quota"], number> {
  const more = new Map<keyof CloudFacts["quota"], number>();
  const add = (key: keyof CloudFacts["quota"], count: number) => more.set(key, (more.get(key) ?? 0) + count);
  const servers = new Map(facts.servers.map((server) => [server.metadata[MARK_KEY], server]));
  const listed = new Map(facts.flavors.map((flavor) => [flavor.id, flavor]));
  for (const resource of ours) {
    const { kind, name, markName, inputs } = resource;
    const thing = THINGS[kind];
    if (thing && !facts.described[thing].includes(String(inputs.description))) {
      add(thing, 1);
      if (thing === "security_group") add("security_group_rule", RULES_OF_A_NEW_GROUP);
      // Its interface is a port.
      if (thing === "router") add("port", 1);
      // So is its DHCP server: it is let in all the same, and leaves the room of one less for ours.
      if (thing === "subnet" && inputs.enableDhcp === true) add("port", 1);
    }
    if (kind !== INSTANCE) continue;
    const there = servers.get(markText({ lab, stack, name: markName ?? name }));
    if (!there) add("instances", 1);
    const [flavor, before] = [flavors.get(resource), listed.get(there?.flavor?.id ?? "")];
    // What a resize takes more of; what it gives back is free only afterwards.
    if (there && !before) continue;
    add("cores", Math.max(0, (flavor?.vcpus ?? 0) - (before?.vcpus ?? 0)));
    add("ram", Math.max(0, (flavor?.ram ?? 0) - (before?.ram ?? 0)));
  }
  return more;
}
