import type { Context } from "./context";
import { type Cidr, formatCidr, freeCidr, overlaps, parseCidr } from "./ipv4";
import { spanOf, spansOverlap } from "./ipv6";
import type { NetworkFacts } from "./networks";

/** Networks of one hypervisor must not share addresses: the host could not tell them apart. */
export function checkOverlaps({ problems }: Context, networks: readonly NetworkFacts[]): void {
  const claims = networks.flatMap((facts) => (facts.cidr ? [{ facts, cidr: facts.cidr }] : []));
  const all = claims.map(({ cidr }) => cidr);
  const byPlace = new Map<string, typeof claims>();
  for (const claim of claims)
    byPlace.set(claim.facts.place, [...(byPlace.get(claim.facts.place) ?? []), claim]);
  for (const group of byPlace.values()) {
    group.sort((a, b) => a.cidr.network - b.cidr.network || b.cidr.prefix - a.cidr.prefix);
    // Sorted by start, so that what a network overlaps begins before its end.
    let widest: (typeof group)[number] | undefined;
    for (const claim of group) {
      if (widest && overlaps(widest.cidr, claim.cidr)) {
        // Told at the one that the user wrote, and there at the one that comes later by name.
        const [named, other] = laterOf(claim, widest);
        const free = nextFree(named.cidr, all);
        problems.add(
          ["networks", named.facts.logical, ...(named.facts.allocated ? [] : ["cidr"])],
          `${formatCidr(named.cidr)} overlaps ${formatCidr(other.cidr)} of network "${other.facts.logical}"${other.facts.allocated ? " (lock file)" : ""} on the same hypervisor. Choose another${free ? `, like ${formatCidr(free)}` : ""}.`,
        );
      }
      if (!widest || claim.cidr.broadcast > widest.cidr.broadcast) widest = claim;
    }
  }
}

function laterOf<C extends { facts: NetworkFacts }>(a: C, b: C): [C, C] {
  if (a.facts.allocated !== b.facts.allocated) return a.facts.allocated ? [b, a] : [a, b];
  return a.facts.logical > b.facts.logical ? [a, b] : [b, a];
}

/** A free network of the same size, near by where there is one. */
function nextFree(cidr: Cidr, taken: readonly Cidr[]): Cidr | undefined {
  const pool = parseCidr("10.0.0.0/8");
  if (!pool || cidr.prefix <= pool.prefix) return undefined;
  const start = Math.max(0, Math.floor((cidr.network - pool.network) / 2 ** (32 - cidr.prefix)));
  return freeCidr(pool, cidr.prefix, overlaps(pool, cidr) ? start : 0, taken);
}

/** The same for IPv6. */
export function checkIpv6Overlaps({ problems }: Context, networks: readonly NetworkFacts[]): void {
  const spans = networks.flatMap((facts) => {
    const span = facts.config.ipv6 && spanOf(facts.config.ipv6.cidr);
    return span ? [{ facts, span }] : [];
  });
  for (const [index, { facts, span }] of spans.entries()) {
    const other = spans
      .slice(0, index)
      .find((o) => o.facts.place === facts.place && spansOverlap(o.span, span));
    if (other)
      problems.add(
        ["networks", facts.logical, "ipv6", "cidr"],
        `${facts.config.ipv6?.cidr} overlaps ${other.facts.config.ipv6?.cidr} of network "${other.facts.logical}" on the same hypervisor. Choose another.`,
      );
  }
}
