import { parseDn } from "../../providers/ldap/dn";
import { parseInstant } from "../config/instants";
import type { VpnConfig, VpnUserConfig } from "../config/types";
import type { Context } from "./context";
import { formerNamesOf } from "./renamed";
import { own, sortedKeys } from "./stable";

/** True for what reads as a DN of at least one part. */
export function isDn(text: string): boolean {
  try {
    return parseDn(text).length > 0;
  } catch {
    return false;
  }
}

/** In UTC with seconds; undefined for what is no instant. */
export function readUntil(until: string): string | undefined {
  try {
    return parseInstant(until);
  } catch {
    return undefined;
  }
}

/** What logins are made of everywhere: no spaces, nothing that a DN or a filter would have to escape. */
const UID = /^[A-Za-z0-9_][A-Za-z0-9._@-]{0,63}$/;

/** Checks of the section itself, and of its users among each other. */
export function checkVpn({ problems }: Context, vpn: VpnConfig): void {
  for (const field of ["base", "groupBase"] as const) {
    const value = vpn[field];
    if (value !== undefined && !isDn(value))
      problems.add(["vpn", field], `${field} "${value}" is no DN. Write it like "ou=People,dc=lab".`);
  }
  if (vpn.objectClasses && vpn.objectClasses.length === 0)
    problems.add(
      ["vpn", "objectClasses"],
      `objectClasses is empty, and an entry needs at least one. List them from general to specific, or leave it out.`,
    );
  const holders = new Map<string, string>();
  for (const logical of sortedKeys(vpn.users ?? {})) {
    const user = own(vpn.users, logical);
    const uid = user?.name ?? logical;
    const other = holders.get(uid.toLowerCase());
    if (other !== undefined)
      problems.add(
        ["vpn", "users", logical, ...(user?.name === undefined ? [] : ["name"])],
        `the uid "${uid}" is that of "${other}" too (a directory does not tell case apart). Give each its own.`,
      );
    else holders.set(uid.toLowerCase(), logical);
  }
}

/** Checks of one user. */
export function checkUser({ problems }: Context, vpn: VpnConfig, logical: string, user: VpnUserConfig): void {
  const path = ["vpn", "users", logical];
  const uid = user.name ?? logical;
  if (!UID.test(uid))
    problems.add(
      [...path, ...(user.name === undefined ? [] : ["name"])],
      `"${uid}" is no uid. Use 1 to 64 letters, digits, dots, hyphens and underscores.`,
    );
  const permanent = (vpn.permanent ?? []).map((name) => name.toLowerCase());
  for (const name of new Set([uid, logical, ...formerNamesOf(user)]))
    if (permanent.includes(name.toLowerCase()))
      problems.add(
        path,
        `"${name}" is among the permanent users, which are never created, changed or deleted. Take it out of \`users\` or out of \`permanent\`.`,
      );
  if (user.sn.trim() === "") problems.add([...path, "sn"], `sn is empty. Give the surname.`);
  for (const [index, group] of (user.groups ?? []).entries())
    if (group.trim() === "")
      problems.add([...path, "groups", index], `the name of a group is empty. Name it, or take it out.`);
    else if (!isDn(group) && vpn.groupBase === undefined)
      problems.add(
        [...path, "groups", index],
        `where group "${group}" lives is not known. Add \`groupBase:\` to vpn, or write the group's full DN.`,
      );
  if (user.until !== undefined && readUntil(user.until) === undefined)
    problems.add(
      [...path, "until"],
      `until "${user.until}" is no instant. Write date, time and zone, like "2026-12-24T18:00Z".`,
    );
  const version = user.passwordVersion;
  if (version !== undefined && !(Number.isSafeInteger(version) && version >= 1))
    problems.add(
      [...path, "passwordVersion"],
      `passwordVersion ${version} is not possible. Use a whole number from 1, and raise it for a new password.`,
    );
}
