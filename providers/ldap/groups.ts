import { LabError } from "../core/errors";
import type { Directory } from "./client";
import { dnKey } from "./dn";
import { isFailure } from "./errors";

/** Someone in a group: by DN, or by name in a posixGroup. */
export interface Member {
  dn: string;
  uid: string;
}

type MemberAttribute = "uniqueMember" | "member" | "memberUid";

/** The first class that a group has decides; a posixGroup may be a groupOfNames as well. */
const KINDS: readonly [objectClass: string, attribute: MemberAttribute][] = [
  ["groupofuniquenames", "uniqueMember"],
  ["groupofnames", "member"],
  ["posixgroup", "memberUid"],
];

/** A group keeps at least one member, so the last one cannot leave. */
export class LastMemberError extends LabError {
  override readonly name = "LastMemberError";
}

/** What a group's members are kept in; asked once for each group and process. */
const known = new WeakMap<Directory, Map<string, MemberAttribute>>();

/** Attribute of a group's members, or undefined when there is no such group. Throws for an entry that is no group. */
export async function memberAttribute(
  directory: Directory,
  group: string,
): Promise<MemberAttribute | undefined> {
  const cache = known.get(directory) ?? new Map<string, MemberAttribute>();
  known.set(directory, cache);
  const cached = cache.get(dnKey(group));
  if (cached) return cached;
  const entry = await directory.read(group, ["objectClass"]);
  if (!entry) return undefined;
  const classes = entry.values("objectClass").map((name) => name.toLowerCase());
  const kind = KINDS.find(([objectClass]) => classes.includes(objectClass));
  if (!kind)
    throw new LabError(
      `${group} is no group: it is neither a groupOfUniqueNames, nor a groupOfNames, nor a posixGroup. Correct "groups" in labplan:vpn.`,
    );
  cache.set(dnKey(group), kind[1]);
  return kind[1];
}

const valueIn = (attribute: MemberAttribute, member: Member): string =>
  attribute === "memberUid" ? member.uid : member.dn;

export async function isMember(directory: Directory, group: string, member: Member): Promise<boolean> {
  const attribute = await memberAttribute(directory, group);
  return attribute ? directory.compare(group, attribute, valueIn(attribute, member)) : false;
}

/** Add our own value to a group; one that is there already is success. */
export async function join(directory: Directory, group: string, member: Member): Promise<void> {
  const attribute = await memberAttribute(directory, group);
  if (!attribute) throw new LabError(missingGroup(group));
  try {
    await directory.modify(group, [{ operation: "add", attribute, values: [valueIn(attribute, member)] }]);
  } catch (error) {
    if (!isFailure(error, "value-exists")) throw error;
  }
}

/** Take our own value out of a group; no such value and no such group are success. */
export async function leave(directory: Directory, group: string, member: Member): Promise<void> {
  const attribute = await memberAttribute(directory, group);
  if (!attribute) return;
  try {
    await directory.modify(group, [{ operation: "delete", attribute, values: [valueIn(attribute, member)] }]);
  } catch (error) {
    if (isFailure(error, "no-such-value", "missing")) return;
    if (isFailure(error, "schema") && (await memberCount(directory, group, attribute)) === 1)
      throw new LastMemberError(
        `${member.dn} is the last member of ${group}, and a group must keep one. Add another member to it (a placeholder will do), then run this again.`,
        { cause: error },
      );
    throw error;
  }
}

/** True when the member could not leave, because nobody else is in the group. */
export async function isLast(directory: Directory, group: string): Promise<boolean> {
  const attribute = await memberAttribute(directory, group);
  if (!attribute || attribute === "memberUid") return false;
  return (await memberCount(directory, group, attribute)) === 1;
}

export const missingGroup = (group: string): string =>
  `the group ${group} does not exist. Create it with one member, or take it out of "groups" in labplan:vpn.`;

async function memberCount(directory: Directory, group: string, attribute: MemberAttribute): Promise<number> {
  return (await directory.read(group, [attribute]))?.values(attribute).length ?? 0;
}
