import type { Mark, Problem } from "../core/definition";
import { markText } from "../core/definition";
import { KernelModuleMissing, type VirtualBoxClient } from "./client";
import {
  bridgedInterfaces,
  hostFacts,
  hostOnlyInterfaces,
  interfacesByPlan,
  osTypes,
  startObstacle,
  type TakenPort,
} from "./host-facts";
import type { MachineInputs } from "./machine";
import type { FoundMark } from "./marks";

const who = ({ name }: Pick<MachineInputs, "name">) => `machine "${name}"`;

/** Ports and addresses of this stack's own machines were planned together, and may be handed from one to another. */
const isOfThisStack = (found: FoundMark | undefined, { lab, stack }: Mark): boolean =>
  found?.text.startsWith(markText({ lab, stack, name: "" })) ?? false;

const overlaps = (a: string, b: string): boolean =>
  a === b || [a, b].some((ip) => ip === "" || ip === "0.0.0.0");

/** Rules of others at the host that have a port which the inputs want; VirtualBox takes both and serves one. */
export async function portClashes(
  client: VirtualBoxClient,
  inputs: Pick<MachineInputs, "uuid" | "nics">,
  mark: Mark,
): Promise<string[]> {
  const wanted = inputs.nics.flatMap(({ forwards = [] }) => forwards);
  if (wanted.length === 0) return [];
  const { ports } = await hostFacts.of(client);
  const isOther = (rule: TakenPort) => rule.uuid !== inputs.uuid && !isOfThisStack(rule.mark, mark);
  return wanted.flatMap(({ protocol, hostIp = "127.0.0.1", hostPort }) =>
    ports
      .filter(
        (rule) =>
          isOther(rule) &&
          rule.protocol === protocol &&
          rule.hostPort === hostPort &&
          overlaps(rule.hostIp, hostIp),
      )
      .map(({ by }) => `port ${hostPort}/${protocol} of the host leads to ${by} already; choose another`),
  );
}

async function macClashes(client: VirtualBoxClient, inputs: MachineInputs, mark: Mark): Promise<string[]> {
  const { macs } = await hostFacts.of(client);
  return inputs.nics
    .filter(({ type }) => type !== "none")
    .flatMap(({ mac }) =>
      macs
        .filter(
          (other) => other.mac === mac && other.uuid !== inputs.uuid && !isOfThisStack(other.mark, mark),
        )
        .map(
          ({ by }) => `MAC ${mac} is that of ${by} already; VirtualBox would take it, and both would break`,
        ),
    );
}

/** VirtualBox's own names of host-only interfaces; any other name is of a network that we make. */
export const OWN_NAME = /^(vboxnet\d+|VirtualBox Host-Only Ethernet Adapter.*)$/;

/** Names in a NIC are not looked at by VirtualBox, until the machine starts. */
export async function missingInterfaces(
  client: VirtualBoxClient,
  { nics }: Pick<MachineInputs, "nics">,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { type, attachment = "" } of nics) {
    if (type === "bridged") {
      const cards = await bridgedInterfaces.of(client);
      if (!cards.includes(attachment))
        problems.push(
          `the host has no network card "${attachment}" to bridge to; it has ${cards.join(", ") || "none"}`,
        );
    }
    if (type === "hostonly" && OWN_NAME.test(attachment)) {
      const there = (await hostOnlyInterfaces.of(client)).map((found) => found.interface);
      const planned = await interfacesByPlan.of(client);
      if (!there.includes(attachment) && planned[attachment] === undefined)
        problems.push(
          `the host has no host-only interface "${attachment}"; it has ${there.join(", ") || "none"}. Declare a network of mode hostonly, and VirtualBox makes one`,
        );
    }
  }
  return problems;
}

/** All that only a look at the host can refuse, but for a foreign machine of that name. */
export async function hostProblems(
  client: VirtualBoxClient,
  inputs: MachineInputs,
  mark: Mark,
): Promise<Problem[]> {
  const nics = [
    ...(await portClashes(client, inputs, mark)),
    ...(await macClashes(client, inputs, mark)),
    ...(await missingInterfaces(client, inputs)),
  ];
  const problems = nics.map((message) => ({ field: "nics", message: `${who(inputs)}: ${message}` }));
  const types = await osTypes.of(client);
  if (!types.includes(inputs.osType))
    problems.push({
      field: "osType",
      message: `${who(inputs)}: VirtualBox has no guest type "${inputs.osType}"; "VBoxManage list ostypes" shows them`,
    });
  if (inputs.running) {
    const obstacle = await startObstacle.of(client);
    if (obstacle instanceof KernelModuleMissing)
      problems.push({ field: "running", message: `${who(inputs)} cannot run: ${obstacle.message}` });
    else if (obstacle) throw obstacle;
  }
  return problems;
}
