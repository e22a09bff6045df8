import type { ConfigPath } from "../config/types";
import type { Context } from "./context";
import { checkFormerNames } from "./former-names";
import type { MachineFacts } from "./machines";
import { shortName } from "./names";
import type { NetworkFacts } from "./networks";
import { checkIpv6Overlaps, checkOverlaps } from "./overlaps";

/** What cannot be side by side, though each is right by itself. */
export function checkConflicts(
  context: Context,
  networks: ReadonlyMap<string, NetworkFacts>,
  machines: ReadonlyMap<string, MachineFacts>,
): void {
  checkFormerNames(context);
  const nets = [...networks.values()];
  checkOverlaps(context, nets);
  checkIpv6Overlaps(context, nets);
  checkBridges(context, nets, [...machines.values()]);
  unique(
    context,
    nets.map((net) => ({
      who: net.logical,
      value: `${net.name}`,
      scope: net.place,
      path: ["networks", net.logical, ...(net.config.name === undefined ? [] : ["name"])],
    })),
    (value, other) =>
      `network "${other}" is called "${value}" at that hypervisor too. Give one of them another \`name:\`.`,
  );
  checkMachines(context, [...machines.values()]);
}

interface Claim {
  who: string;
  value: string;
  /** Claims meet only within one scope. */
  scope: string;
  path: ConfigPath;
}

/** A problem at every claim but the first of its value. */
function unique(
  { problems }: Context,
  claims: readonly Claim[],
  message: (value: string, other: string, who: string) => string,
): void {
  const first = new Map<string, Claim>();
  for (const claim of claims) {
    const key = `${claim.scope} ${claim.value.toLowerCase()}`;
    const other = first.get(key);
    if (other) problems.add(claim.path, message(claim.value, other.who, claim.who));
    else first.set(key, claim);
  }
}

function checkMachines(context: Context, machines: readonly MachineFacts[]): void {
  unique(
    context,
    machines.map((machine) => ({
      who: machine.logical,
      value: machine.name,
      scope: machine.place,
      path: ["machines", machine.logical, ...(machine.config.name === undefined ? [] : ["name"])],
    })),
    (value, other) =>
      `machine "${other}" is called "${value}" at that hypervisor too. Give one of them another \`name:\`.`,
  );
  unique(
    context,
    machines.map((machine) => ({
      who: machine.logical,
      value: machine.hostName,
      scope: "",
      path: ["machines", machine.logical, ...(machine.config.hostName === undefined ? [] : ["hostName"])],
    })),
    (value, other) => `the host name "${value}" is that of "${other}" too. Set another \`hostName:\`.`,
  );
  checkShortNames(context, machines);
  unique(
    context,
    machines
      .flatMap(({ logical, nics }) =>
        nics.map((nic) => ({
          who: logical,
          value: nic.mac,
          scope: "",
          path: ["machines", logical, "networks", nic.index, ...(nic.macAllocated ? [] : ["mac"])],
          given: !nic.macAllocated,
        })),
      )
      // Given ones last, so that the problem is told where a line can be edited.
      .sort((a, b) => Number(a.given) - Number(b.given)),
    (value, other, who) =>
      `the MAC address ${value} is that of ${who === other ? "another of its own cards" : `"${other}"`} too. Choose another, or leave \`mac\` out for a planned one.`,
  );
  unique(
    context,
    machines.flatMap(({ logical, place, nics }) =>
      nics.flatMap((nic) => {
        const bridge = nic.config.bridge ?? (nic.network?.mode === "bridge" ? nic.network.bridge : undefined);
        const path = ["machines", logical, "networks", nic.index, "ip"];
        return bridge !== undefined && nic.ip !== undefined
          ? [{ who: logical, value: nic.ip, scope: `${place} ${bridge}`, path }]
          : [];
      }),
    ),
    (value, other) => `ip ${value} on that bridge is already that of ${other}. Give each its own.`,
  );
}

/** A bridge is made by one network; cards of machines on it must name that network, which is made first. */
function checkBridges(
  context: Context,
  networks: readonly NetworkFacts[],
  machines: readonly MachineFacts[],
): void {
  const ours = new Map<string, NetworkFacts>();
  for (const facts of [...networks].sort(
    (a, b) => Number(a.mode === "bridge") - Number(b.mode === "bridge"),
  )) {
    const key = `${facts.place} ${facts.bridge}`;
    const other = ours.get(key);
    if (other)
      context.problems.add(
        ["networks", facts.logical, "bridge"],
        `bridge "${facts.bridge}" is made by network "${other.logical}". Choose another, or leave it out for a derived one.`,
      );
    else if (facts.mode !== "bridge") ours.set(key, facts);
  }
  for (const { logical, place, nics } of machines)
    for (const { index, config } of nics) {
      const network = config.bridge === undefined ? undefined : ours.get(`${place} ${config.bridge}`);
      if (network)
        context.problems.add(
          ["machines", logical, "networks", index, "bridge"],
          `bridge "${config.bridge}" is made by network "${network.logical}". Name the network instead: \`network: ${network.logical}\`.`,
        );
    }
}

/** A DHCP server knows a machine by the first part of its host name, so two of them on one network would be one. */
function checkShortNames({ problems }: Context, machines: readonly MachineFacts[]): void {
  const holders = new Map<string, MachineFacts>();
  const told = new Set<string>();
  for (const machine of machines)
    for (const { network } of machine.nics) {
      if (!network?.dhcp) continue;
      const short = shortName(machine.hostName).toLowerCase();
      const key = `${network.logical} ${short}`;
      const other = holders.get(key) ?? machine;
      holders.set(key, other);
      // Names that are the same in full have a problem of their own already.
      if (other.hostName.toLowerCase() === machine.hostName.toLowerCase() || told.has(machine.logical))
        continue;
      told.add(machine.logical);
      problems.add(
        ["machines", machine.logical, ...(machine.config.hostName === undefined ? [] : ["hostName"])],
        `its host name begins with "${short}", and so does that of "${other.logical}" on network "${network.logical}", whose DHCP server tells machines apart by it. Set another \`hostName:\`.`,
      );
    }
}
