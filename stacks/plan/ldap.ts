import { childDn } from "../../providers/ldap/dn";
import type { UserInputs } from "../../providers/ldap/user";
import type { VpnConfig, VpnUserConfig } from "../config/types";
import { backendFor } from "./backends";
import type { Context } from "./context";
import { expiredUser } from "./describe";
import { renamed } from "./renamed";
import { byCodeUnit, own, sortedKeys } from "./stable";
import type { PlannedResource } from "./types";
import { checkUser, checkVpn, isDn, readUntil } from "./vpn-fields";

const OBJECT_CLASSES = ["top", "person", "organizationalPerson", "inetOrgPerson"];

/** VPN users as entries of their directory. */
export function planLdap(context: Context): PlannedResource[] {
  const { vpn } = context.config;
  if (!vpn) return [];
  checkVpn(context, vpn);
  const backend = backendFor(context, vpn.backend, ["ldap", "embedded"], ["vpn", "backend"]);
  const resources: PlannedResource[] = [];
  for (const logical of sortedKeys(vpn.users ?? {})) {
    const user = own(vpn.users, logical);
    if (!user) continue;
    checkUser(context, vpn, logical, user);
    if (!backend) continue;
    const inputs = userInputs(context, vpn, logical, user);
    if (inputs.expired) context.notes.push(expiredUser(logical, inputs.until ?? ""));
    resources.push({
      kind: "ldap:User",
      ...renamed(logical, user, context.seeds.of("users", logical).seed),
      inputs: { ...inputs },
      dependsOn: [],
      recreateWith: [],
      backend,
    });
  }
  return resources;
}

function userInputs({ now }: Context, vpn: VpnConfig, logical: string, user: VpnUserConfig): UserInputs {
  const until = user.until === undefined ? undefined : readUntil(user.until);
  return {
    uid: user.name ?? logical,
    backend: vpn.backend,
    base: vpn.base,
    objectClasses: vpn.objectClasses ?? OBJECT_CLASSES,
    cn: user.cn ?? (user.givenName === undefined ? user.sn : `${user.givenName} ${user.sn}`),
    sn: user.sn,
    ...(user.givenName === undefined ? {} : { givenName: user.givenName }),
    ...(user.mail === undefined ? {} : { mail: user.mail }),
    groups: [...new Set((user.groups ?? []).map((group) => groupDn(vpn, group)))].sort(byCodeUnit),
    ...(until === undefined ? {} : { until }),
    expired: until !== undefined && Date.parse(until) <= now.getTime(),
    passwordVersion: user.passwordVersion ?? 1,
    ...(user.password === undefined ? {} : { password: user.password }),
    permanent: [...(vpn.permanent ?? [])].sort(byCodeUnit),
    ...(user.adopt === undefined ? {} : { adopt: user.adopt }),
    ...(user.onDestroy === undefined ? {} : { onDestroy: user.onDestroy }),
  };
}

/** A group by its name under `groupBase`, or by its full DN. */
const groupDn = ({ groupBase }: VpnConfig, group: string): string =>
  isDn(group) ? group : childDn("cn", group, groupBase ?? "");
