import type { ConfigPath, DevstackConfig } from "../config/types";
import type { Context } from "./context";
import type { Underlay } from "./devstack-network";
import type { OverlayFacts } from "./devstack-overlay";
import { FLOATING_RANGE } from "./devstack-presets";
import { type Cidr, formatCidr, overlaps, parseCidr } from "./ipv4";
import type { NetworkFacts } from "./networks";

/** Networks that devstack makes inside of its cloud, and what it takes for them where nothing is said (its stackrc). */
const RANGES = { IPV4_ADDRS_SAFE_TO_USE: "10.0.0.0/22", FLOATING_RANGE };

/** devstack's own networks must not have the addresses that its nodes talk over: routes would lead into the cloud. */
export function checkRanges(
  context: Context,
  { shared }: DevstackConfig,
  networks: ReadonlyMap<string, NetworkFacts>,
  underlay: Underlay | undefined,
  overlay: OverlayFacts | undefined,
): void {
  const nodes = underlay && networks.get(underlay.network)?.cidr;
  for (const [name, byDefault] of Object.entries(RANGES)) {
    const given = shared?.localrc?.[name];
    const path: ConfigPath =
      given === undefined ? ["devstack", "layout"] : ["devstack", "localConf", "localrc", name];
    const range = parseCidr(typeof given === "string" ? given : byDefault);
    if (!range) continue;
    const tell = (cidr: Cidr, whose: string) =>
      context.problems.add(
        path,
        `devstack's ${name} is ${formatCidr(range)}${given === undefined ? " where nothing else is said" : ""}, and that overlaps ${formatCidr(cidr)} of ${whose}. Set ${name} to another network in \`localConf: { localrc: … }\`.`,
      );
    if (nodes && overlaps(range, nodes))
      tell(nodes, `network "${underlay.network}", which the nodes talk over`);
    // Where nothing is said of floating IPs, they are moved away from the overlay.
    else if (overlay && overlaps(range, overlay.cidr) && (given !== undefined || name !== "FLOATING_RANGE"))
      tell(overlay.cidr, "the overlay");
  }
}
