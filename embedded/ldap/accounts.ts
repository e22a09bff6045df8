import { timingSafeEqual } from "node:crypto";
import { BerReader } from "ldapts";
import { sameDn } from "../../providers/ldap/dn";
import { ADMIN_DN } from "./admin";
import { CODE, refuse } from "./codes";
import { type Entry, generalizedTime, parseGeneralizedTime } from "./entry";
import { checkPassword, hashPassword, isHashed } from "./password";
import type { Tree } from "./tree";

/**
 * How the password policy stands, as slapd's overlay can: in force; loaded with no policy, so that its attributes
 * are accepted and ignored; or not there at all.
 */
export type Policy = "enforced" | "ignored" | "absent";

/** Shortest password that the policy takes. */
export const MIN_LENGTH = 12;

/** Who may log in, and how passwords are kept. */
export class Accounts {
  constructor(
    private readonly tree: Tree,
    private readonly options: { adminPassword: string; policy: Policy; now: () => Date },
  ) {}

  /** DN that a simple bind gives; "" for an anonymous one. */
  async bind(dn: string, password: string): Promise<string> {
    if (dn === "") return "";
    if (password === "")
      refuse(CODE.unwillingToPerform, "unauthenticated bind (DN with no password) disallowed");
    if (sameDn(dn, ADMIN_DN))
      return equalSecrets(password, this.options.adminPassword) ? ADMIN_DN : refuse(CODE.invalidCredentials);
    // The same answer for no such entry, no password, a wrong one and a locked one: nothing to guess from.
    const entry = this.tree.get(dn);
    const stored = entry?.values.get("userpassword") ?? [];
    const right = await Promise.all(stored.map((hash) => checkPassword(password, hash)));
    if (!entry || !right.includes(true) || this.lockedOut(entry)) return refuse(CODE.invalidCredentials);
    return entry.dn;
  }

  private lockedOut({ values }: Entry): boolean {
    if (this.options.policy !== "enforced") return false;
    if (values.has("pwdaccountlockedtime")) return true;
    const end = values.get("pwdendtime")?.[0];
    return end !== undefined && parseGeneralizedTime(end) <= this.options.now().getTime();
  }

  /** Password Modify (RFC 3062) by `author`. */
  async modifyPassword(value: Buffer | undefined, author: string): Promise<void> {
    const { dn = author, old, password } = readPasswordModify(value);
    if (!password) return refuse(CODE.unwillingToPerform, "the server generates no passwords");
    if (author === "")
      return refuse(CODE.insufficientAccessRights, "only authenticated users may change passwords");
    if (!sameDn(author, ADMIN_DN) && !sameDn(author, dn)) return refuse(CODE.insufficientAccessRights);
    const entry = this.tree.need(dn);
    if (old !== undefined) await this.bind(dn, old);
    const hash = await this.hash(password);
    const { policy, now } = this.options;
    this.tree.put(entry.dn, {
      userPassword: [hash],
      ...(policy === "absent" ? {} : { pwdAccountLockedTime: [], pwdChangedTime: [generalizedTime(now())] }),
    });
  }

  /** A `userPassword` value as it is kept: hashed, also when a client writes it in clear. */
  async hash(value: string): Promise<string> {
    if (isHashed(value)) return value;
    if (this.options.policy === "enforced" && value.length < MIN_LENGTH)
      refuse(CODE.constraintViolation, "Password fails quality checking policy");
    return hashPassword(value);
  }
}

function readPasswordModify(value: Buffer | undefined): { dn?: string; old?: string; password?: string } {
  if (!value) return {};
  const reader = new BerReader(value);
  if (reader.readSequence() !== 0x30) return refuse(CODE.protocolError, "bad Password Modify value");
  const found: { dn?: string; old?: string; password?: string } = {};
  for (const [tag, field] of [
    [0x80, "dn"],
    [0x81, "old"],
    [0x82, "password"],
  ] as const) {
    if (reader.peek() !== tag) continue;
    const text = reader.readString(tag);
    if (text === null) return refuse(CODE.protocolError, "bad Password Modify value");
    found[field] = text;
  }
  if (reader.remain > 0) return refuse(CODE.protocolError, "bad Password Modify value");
  return found;
}

function equalSecrets(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)];
  return x.length === y.length && timingSafeEqual(x, y);
}
