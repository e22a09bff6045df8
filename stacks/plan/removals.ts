import { tooManyRemovals } from "../../providers/ldap/removals";
import type { Context } from "./context";
import { formerNamesOf } from "./renamed";

/** The users of the lock file that the config no longer has; a renamed one is not gone. */
export function checkRemovals({ config, lock, problems }: Context, allow: boolean): void {
  const before = lock.users ?? {};
  const now = config.vpn?.users ?? {};
  const kept = new Set(
    Object.entries(now).flatMap(([name, user]) => [name, ...formerNamesOf(user), user.name ?? name]),
  );
  const removed = Object.entries(before)
    .filter(([name, uid]) => !kept.has(name) && !kept.has(uid))
    .map(([name]) => name);
  const message = tooManyRemovals(Object.keys(before).length, removed, allow);
  if (message) problems.add(config.vpn ? ["vpn", "users"] : ["vpn"], message);
}
