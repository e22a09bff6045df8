import { accessSuite } from "./ldap/access";
import { clientSuite } from "./ldap/client";
import { crashSuite } from "./ldap/crash";
import { foreignSuite } from "./ldap/foreign";
import type { Start } from "./ldap/lab";
import { lifecycleSuite } from "./ldap/lifecycle";

/** What holds for every directory that users are kept in, real or embedded. */
export function ldapSuite(start: Start): void {
  clientSuite(start);
  lifecycleSuite(start);
  accessSuite(start);
  foreignSuite(start);
  crashSuite(start);
}
