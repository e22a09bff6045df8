import { accessSuite } from "./ldap/access.suite";
import { clientSuite } from "./ldap/client.suite";
import { crashSuite } from "./ldap/crash.suite";
import { foreignSuite } from "./ldap/foreign.suite";
import type { Start } from "./ldap/lab";
import { lifecycleSuite } from "./ldap/lifecycle.suite";

/** What holds for every directory that users are kept in, real or embedded. */
export function ldapSuite(start: Start): void {
  clientSuite(start);
  lifecycleSuite(start);
  accessSuite(start);
  foreignSuite(start);
  crashSuite(start);
}
