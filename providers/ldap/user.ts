import type { SecretRef } from "../../stacks/config/types";

export interface UserInputs {
  uid: string;
  backend: string;
  /** DN of the parent entry. */
  base: string;
  objectClasses: string[];
  cn: string;
  sn: string;
  givenName?: string;
  mail?: string;
  /** Full DNs of the groups (`groupOfUniqueNames` or `groupOfNames`). */
  groups: string[];
  /** ISO 8601 instant in UTC. */
  until?: string;
  /** True once `until` lies in the past of the plan: lock the entry, take it out of its groups. */
  expired: boolean;
  passwordVersion: number;
  /** A reference, never a value. Absent: generated. */
  password?: SecretRef;
  /** Logical names that are never touched, for the last line of defence in the handler. */
  permanent: string[];
  adopt?: boolean;
  onDestroy?: "release" | "delete";
}

export interface UserState extends UserInputs {
  dn: string;
  /** Present when we generated it: a secret output. */
  generatedPassword?: string;
  /** Password version that is in force at the server. */
  appliedPasswordVersion?: number;
  /** Names the password in force, as the entry's note does; see marks.ts. */
  passwordSerial?: string;
  locked: boolean;
  adopted?: boolean;
  /** The mark that the entry carries: another than the run's while the logical name changes. */
  mark: string;
}
