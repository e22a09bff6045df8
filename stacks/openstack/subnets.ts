import type { ConfigProblem } from "../config/types";
import type { LabPlan, PlannedResource } from "../plan/types";
import { cardsOf, formerCidr } from "./cards";
import type { CloudFacts } from "./facts";
import { instancesOf } from "./instances";
import { serversOf } from "./lasting";

/** A subnet that gets another CIDR, and the servers that are made anew with it. */
interface Move {
  subnet: PlannedResource;
  from: string;
  servers: PlannedResource[];
}

function movesOf(plan: LabPlan, name: string, facts: CloudFacts): Move[] {
  const ours = plan.resources.filter(({ inputs }) => inputs.backend === name);
  const there = instancesOf(plan, name).filter((one) => serversOf(plan, one, facts).length > 0);
  return ours.flatMap((subnet) => {
    const from = subnet.kind === "openstack:networking/Subnet" ? formerCidr(subnet, facts) : undefined;
    if (from === undefined) return [];
    const servers = there.filter((server) => cardsOf(plan, server).some((card) => card.subnet === subnet));
    return servers.length === 0 ? [] : [{ subnet, from, servers }];
  });
}

const mayBeLost = ({ allow }: PlannedResource): boolean => allow?.includes("wipe") ?? false;
const namesOf = (resources: PlannedResource[]): string => resources.map(({ name }) => name).join(", ");

/** Who edits a network means no disks: they are lost only where that is said. */
export function subnetProblems(plan: LabPlan, name: string, facts: CloudFacts): ConfigProblem[] {
  return movesOf(plan, name, facts).flatMap(({ subnet, from, servers }) => {
    const kept = servers.filter((server) => !mayBeLost(server));
    if (kept.length === 0) return [];
    return [
      {
        path: ["networks", subnet.name, "cidr"],
        message: `a network of a cloud gets another CIDR by being made anew, with the servers on it, and what is on their disks is lost: ${namesOf(kept)}. If that is meant, add \`allow: [wipe]\` to each until it is done; if not, set \`cidr: ${from}\` again.`,
      },
    ];
  });
}

export const subnetNotes = (plan: LabPlan, name: string, facts: CloudFacts): string[] =>
  movesOf(plan, name, facts).map(
    ({ subnet, from, servers }) =>
      `cloud "${name}": network "${subnet.name}" gets ${subnet.inputs.cidr} for ${from}: it is made anew, with the servers on it, and what is on their disks is lost: ${namesOf(servers)}.`,
  );
