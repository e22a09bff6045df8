/** Limits of every project; what is not named is not limited. */
export interface Quotas {
  instances?: number;
  cores?: number;
  /** MiB. */
  ram?: number;
  keyPairs?: number;
  networks?: number;
  subnets?: number;
  ports?: number;
  routers?: number;
  floatingIps?: number;
  securityGroups?: number;
  securityGroupRules?: number;
}

const NOVA: [keyof Quotas, string][] = [
  ["instances", "instances"],
  ["cores", "cores"],
  ["ram", "ram"],
  ["keyPairs", "key_pairs"],
];
const NEUTRON: [keyof Quotas, string][] = [
  ["networks", "quota_network"],
  ["subnets", "quota_subnet"],
  ["ports", "quota_port"],
  ["routers", "quota_router"],
  ["floatingIps", "quota_floatingip"],
  ["securityGroups", "quota_security_group"],
  ["securityGroupRules", "quota_security_group_rule"],
];

/** The sections that nova and neutron read after their own configuration; with "default" they are empty. */
export function quotaFiles(quotas: Quotas | "default"): Record<string, string> {
  const section = (name: string, keys: [keyof Quotas, string][]): string =>
    quotas === "default"
      ? ""
      : `[${name}]\n${keys.map(([key, option]) => `${option} = ${quotas[key] ?? -1}\n`).join("")}`;
  return {
    "nova-quota.conf": section("quota", NOVA),
    "neutron-quota.conf": section("quotas", NEUTRON),
  };
}
