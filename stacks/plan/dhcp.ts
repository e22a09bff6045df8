import type { Context } from "./context";
import { contains, formatCidr, formatIpv4, isHostOf, parseIpv4 } from "./ipv4";
import type { NetworkFacts } from "./networks";

/** The range that is handed out to strangers. Machines of the plan have reservations, outside it where there is room. */
export interface DhcpPlan {
  from: number;
  to: number;
  /** The user wrote this range. */
  given: boolean;
}

/** The range of a network with DHCP; undefined without DHCP, and after a problem. */
export function planDhcp(context: Context, facts: NetworkFacts): DhcpPlan | undefined {
  const { config, mode } = facts;
  // A cloud's own DHCP is no neighbour's business: a network without a way out has it, too.
  const wanted = config.dhcp ?? (mode !== "isolated" || facts.hypervisor === "openstack");
  if (wanted === false || mode === "bridge") return undefined;
  return wanted === true ? upperHalf(facts) : givenRange(context, facts, wanted);
}

/** The upper half of the network, without the gateway. */
function upperHalf({ cidr, gateway, reserved }: NetworkFacts): DhcpPlan | undefined {
  if (!cidr) return undefined;
  let from = Math.ceil((cidr.network + cidr.broadcast) / 2);
  let to = cidr.broadcast - 1;
  if (gateway === to) to--;
  else if (gateway !== undefined && gateway >= from && gateway < to) from = gateway + 1;
  while (reserved.includes(from) && from < to) from++;
  if (from > to) from = to;
  return { from, to, given: false };
}

function givenRange(
  { problems }: Context,
  facts: NetworkFacts,
  range: { from: string; to: string },
): DhcpPlan | undefined {
  const { logical, cidr, gateway } = facts;
  if (!cidr) return undefined;
  const path = ["networks", logical, "dhcp"];
  const example = upperHalf(facts);
  const hint = example
    ? `Use for example { from: ${formatIpv4(example.from)}, to: ${formatIpv4(example.to)} }.`
    : "";
  let good = true;
  const end = (side: "from" | "to"): number => {
    const address = parseIpv4(range[side]);
    if (address !== undefined && isHostOf(cidr, address)) return address;
    good = false;
    const what =
      address === undefined
        ? "is no IPv4 address"
        : contains(cidr, address)
          ? `is the ${address === cidr.network ? "network" : "broadcast"} address of ${formatCidr(cidr)}`
          : `is outside ${formatCidr(cidr)}`;
    problems.add([...path, side], `the DHCP range's "${side}" ${range[side]} ${what}. ${hint}`);
    return 0;
  };
  const [from, to] = [end("from"), end("to")];
  if (!good) return undefined;
  if (from > to) {
    problems.add(path, `the DHCP range runs backwards, ${range.from} to ${range.to}. Swap the two.`);
    return undefined;
  }
  if (gateway !== undefined && gateway >= from && gateway <= to) {
    problems.add(
      path,
      `the DHCP range ${range.from} to ${range.to} holds the gateway ${formatIpv4(gateway)}, which would be handed out. ${hint}`,
    );
    return undefined;
  }
  const kept = facts.reserved.find((address) => address >= from && address <= to);
  if (kept !== undefined) {
    problems.add(
      path,
      `the DHCP range ${range.from} to ${range.to} holds ${formatIpv4(kept)}, which VirtualBox keeps for itself. ${hint}`,
    );
    return undefined;
  }
  return { from, to, given: true };
}
