import { EqualityFilter } from "ldapts";
import type { Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { directoryOf } from "./backend";
import type { Directory, Entry } from "./client";
import { childDn, foldValue, parseDn, sameDn } from "./dn";
import { memberAttribute, missingGroup } from "./groups";
import { describeMark, MARK_ATTRIBUTE, markPath, readNotes } from "./marks";
import { isPermanent, permanentNames } from "./permanent";
import type { UserInputs } from "./user";

export const dnOf = (inputs: Pick<UserInputs, "uid" | "base">): string =>
  childDn("uid", inputs.uid, inputs.base);

/** Classes of other structural chains than inetOrgPerson's, that people try to combine with it. */
const OTHER_CHAINS = new Set([
  "account",
  "organizationalunit",
  "organizationalrole",
  "device",
  "groupofnames",
]);
/** Classes that require attributes which are not planned. */
const NEEDS_MORE: Record<string, string> = {
  posixaccount: "uidNumber, gidNumber and homeDirectory",
  simplesecurityobject: "a userPassword at birth",
};

/** What is wrong with the inputs by themselves. */
export function problemsOf(inputs: UserInputs, name: string): Problem[] {
  const problems: Problem[] = [];
  const add = (field: keyof UserInputs, message: string) => problems.push({ field, message });
  const { uid, base, permanent } = inputs;
  if (isPermanent(permanentNames(permanent), uid, name))
    add(
      "uid",
      `${uid} is one of the permanent users, which are never created, changed, adopted or deleted. Take it out of "users" or out of "permanent" in labplan:vpn.`,
    );
  if (uid.includes("\0") || foldValue(uid) === "") add("uid", `"${uid}" cannot be a user's name`);
  try {
    if (parseDn(base).length === 0) add("base", "the base is empty; it is the DN of the users' parent entry");
  } catch {
    add("base", `"${base}" is no DN`);
  }
  for (const group of inputs.groups) {
    try {
      parseDn(group);
    } catch {
      add("groups", `"${group}" is no DN`);
    }
  }
  if (inputs.until !== undefined && Number.isNaN(Date.parse(inputs.until)))
    add("until", `"${inputs.until}" is no instant; write it as "2026-12-24T18:00Z"`);

  const classes = inputs.objectClasses.map((one) => one.toLowerCase());
  if (!classes.includes("inetorgperson"))
    add(
      "objectClasses",
      `${uid}: "objectClasses" must name inetOrgPerson, which allows uid and labeledURI; the VPN finds users by it`,
    );
  for (const one of inputs.objectClasses) {
    const more = NEEDS_MORE[one.toLowerCase()];
    if (more)
      add(
        "objectClasses",
        `${uid}: ${one} requires ${more}, which labplan does not plan. Take it out of "objectClasses".`,
      );
    if (OTHER_CHAINS.has(one.toLowerCase()))
      add(
        "objectClasses",
        `${uid}: ${one} and inetOrgPerson are both structural, and an entry has exactly one structural chain. Keep one.`,
      );
  }
  return problems;
}

/** Stop before anything is touched. */
export function refuseProblems(inputs: UserInputs, name: string): void {
  const [first] = problemsOf(inputs, name);
  if (first) throw new LabError(first.message);
}

/** What only a look at the directory can refuse. Reads, never writes. */
export async function precheckUser(inputs: UserInputs, run: Run): Promise<Problem[]> {
  const problems = problemsOf(inputs, run.mark.name);
  if (problems.length > 0) return problems;
  const directory = await directoryOf(run);
  const parent = await directory.read(inputs.base, ["objectClass"]);
  if (!parent)
    return [
      {
        field: "base",
        message: `${inputs.base}: no such entry in ${directory.endpoint.url}. Create it, or correct "base" in labplan:vpn.`,
      },
    ];
  const taken = await takenBy(directory, inputs, run);
  if (taken) problems.push({ field: "uid", message: taken });
  for (const group of inputs.groups) {
    const message = await memberAttribute(directory, group).then(
      (attribute) => (attribute ? undefined : missingGroup(group)),
      (error: unknown) => {
        if (error instanceof LabError) return error.message;
        throw error;
      },
    );
    if (message) problems.push({ field: "groups", message });
  }
  return problems;
}

const withUid = (directory: Directory, { uid, base }: UserInputs): Promise<Entry[]> =>
  directory.search(base, {
    scope: "sub",
    filter: new EqualityFilter({ attribute: "uid", value: uid }),
    attributes: ["uid", "objectClass", MARK_ATTRIBUTE],
  });

const sharedUid = (uid: string, dn: string): string =>
  `${uid}: ${dn} has this uid already, and a VPN that looks for it would find two entries. Choose another name.`;

/** Why an entry cannot be renamed to the planned name: somewhere below the base another has it. */
export async function namesake(
  directory: Directory,
  inputs: UserInputs,
  ownDn: string,
): Promise<string | undefined> {
  const other = (await withUid(directory, inputs)).find((entry) => !sameDn(entry.dn, ownDn));
  return other && sharedUid(inputs.uid, other.dn);
}

/** Whoever has the name already: at our DN, or elsewhere below the base, where the VPN would find both. */
async function takenBy(directory: Directory, inputs: UserInputs, run: Run): Promise<string | undefined> {
  const target = dnOf(inputs);
  for (const entry of await withUid(directory, inputs)) {
    if (readNotes(entry.values(MARK_ATTRIBUTE)).some(({ mark }) => mark === markPath(run.mark))) continue;
    if (!sameDn(entry.dn, target)) return sharedUid(inputs.uid, entry.dn);
    const refusal = refusalToAdopt(entry, inputs, run);
    if (refusal) return refusal;
    run.say(`adopts the existing entry ${entry.dn}`);
  }
  return undefined;
}

/** Why an entry that stands at our DN without our mark is not taken over; undefined when it may be. */
export function refusalToAdopt(entry: Entry, inputs: UserInputs, run: Pick<Run, "mark">): string | undefined {
  const [other] = readNotes(entry.values(MARK_ATTRIBUTE)).filter(({ mark }) => mark !== markPath(run.mark));
  if (other)
    return `${entry.dn} belongs to another labplan resource (${describeMark(other.mark)}). Choose another name, or remove it there first.`;
  if (!inputs.adopt)
    return `${entry.dn} exists and was not made by this stack; it is not touched. Choose another name, or set "adopt: true" to take it over.`;
  const classes = entry.values("objectClass").map((one) => one.toLowerCase());
  if (!classes.includes("inetorgperson") && !classes.includes("labeleduriobject"))
    return `${entry.dn} cannot be adopted: its object classes allow no labeledURI to carry the mark. Add the auxiliary class labeledURIObject to it first.`;
  return undefined;
}
