import { EqualityFilter, OrFilter } from "ldapts";
import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { abilitiesOf, END_ATTRIBUTE, fromGeneralizedTime, LOCK_ATTRIBUTE, toGeneralizedTime } from "./access";
import { directoryOf } from "./backend";
import type { Directory, Entry } from "./client";
import { dnKey, parentDn, parseDn, sameDn, sameName } from "./dn";
import { isFailure } from "./errors";
import { isLast, isMember } from "./groups";
import { describeMark, MARK_ATTRIBUTE, markPath, markValue, type Notes, readNotes } from "./marks";
import { heldPassword } from "./password";
import type { UserInputs, UserState } from "./user";
import { dnOf } from "./user.checks";

/** Never the password: its hash says nothing. */
export const READ = [
  "objectClass",
  "uid",
  "cn",
  "sn",
  "givenName",
  "mail",
  MARK_ATTRIBUTE,
  END_ATTRIBUTE,
  LOCK_ATTRIBUTE,
];

/** An entry that carries our mark, and what else we wrote on it. */
export interface Ours {
  entry: Entry;
  notes: Notes;
}

/**
 * Our entry, wherever it is: under the DN that the state names, or by its mark anywhere below the base. An entry of
 * our name without our mark is not it.
 */
export async function findOurs(
  directory: Directory,
  inputs: UserInputs,
  run: Pick<Run, "mark">,
  known: UserState | undefined,
): Promise<Ours | undefined> {
  const paths = [...new Set([markPath(run.mark), ...(known ? [known.mark] : [])])];
  const ours = (entry: Entry): Ours | undefined => {
    const all = readNotes(entry.values(MARK_ATTRIBUTE));
    const notes = paths.map((path) => all.find(({ mark }) => mark === path)).find(Boolean);
    return notes && { entry, notes };
  };
  if (known) {
    const entry = await directory.read(known.dn, READ);
    const found = entry && ours(entry);
    if (found) return found;
  }
  const filters = paths.map(
    (path) => new EqualityFilter({ attribute: MARK_ATTRIBUTE, value: markValue(path) }),
  );
  const search = { scope: "sub", filter: new OrFilter({ filters }), attributes: READ } as const;
  const found: Ours[] = [];
  for (const base of [inputs.base, ...(known && !sameDn(known.base, inputs.base) ? [known.base] : [])]) {
    const entries = await directory.search(base, search).catch((error: unknown) => {
      if (isFailure(error, "missing")) return [];
      throw error;
    });
    found.push(...entries.map(ours).filter((one) => one !== undefined));
    if (found.length > 0) break;
  }
  if (found.length < 2) return found[0];
  const exact = found.find(({ entry }) => sameDn(entry.dn, dnOf(inputs)));
  if (exact) return exact;
  const names = found.map(({ entry }) => entry.dn).join(" and ");
  throw new LabError(
    `${names} carry the same mark ${describeMark(paths[0] as string)}: one was copied from the other. Take the labeledURI values off the copy.`,
  );
}

export async function observeUser(
  inputs: UserInputs,
  run: Run<UserState>,
  known?: UserState,
): Promise<UserState | undefined> {
  const directory = await directoryOf(run);
  const ours = await findOurs(directory, inputs, run, known);
  if (!ours) return undefined;
  const { entry, notes } = ours;
  const held = heldPassword(notes, known);
  const groups = await groupsOf(directory, ours, inputs, known);
  const ended = inputs.expired && (await accessHasEnded(directory, ours, groups));
  const state: UserState = {
    uid: observedName(entry, inputs),
    backend: inputs.backend,
    base: sameDn(parentDn(entry.dn), inputs.base) ? inputs.base : parentDn(entry.dn),
    // An adopted entry may have had them before us.
    objectClasses: objectClassesOf(entry, inputs, notes.adopted ? undefined : known),
    cn: attribute(entry, "cn", inputs.cn) ?? "",
    sn: attribute(entry, "sn", inputs.sn) ?? "",
    ...optional("givenName", attribute(entry, "givenName", inputs.givenName, known?.givenName)),
    ...optional("mail", attribute(entry, "mail", inputs.mail, known?.mail)),
    // Past the end they are all left: that is no drift from the groups that the config names.
    groups: inputs.expired ? union(inputs.groups, groups) : groups,
    ...optional("until", await untilOf(directory, entry, inputs, known)),
    expired: inputs.expired ? ended : notes.lock !== undefined,
    passwordVersion: inputs.expired ? inputs.passwordVersion : (held.version ?? 0),
    ...optional("password", inputs.expired ? inputs.password : held.ref),
    permanent: inputs.permanent,
    ...optional("adopt", inputs.adopt),
    ...optional("onDestroy", inputs.onDestroy),
    dn: entry.dn,
    ...optional("generatedPassword", held.generated),
    ...optional("appliedPasswordVersion", held.version),
    ...optional("passwordSerial", held.serial),
    locked: notes.lock === "done",
    ...(notes.adopted ? { adopted: true } : {}),
    mark: notes.mark,
  };
  return state;
}

const optional = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { [P in K]?: V };

/** Names are compared without case: `Alice` for `alice` is no rename. */
function observedName(entry: Entry, inputs: UserInputs): string {
  const [rdn] = parseDn(entry.dn);
  const name = rdn?.find(({ type }) => /^(uid|userid)$/iu.test(type))?.value ?? rdn?.[0]?.value ?? "";
  return sameName(name, inputs.uid) ? inputs.uid : name;
}

/**
 * Value of an attribute that the user set, "" when it is gone; what we set before and must take away. Undefined for
 * what nobody asked for: that is not ours to look at (rule 6).
 */
function attribute(entry: Entry, name: string, wanted?: string, before?: string): string | undefined {
  const values = entry.values(name);
  if (wanted !== undefined) return values.includes(wanted) ? wanted : (values[0] ?? "");
  return before !== undefined && values.includes(before) ? before : undefined;
}

/** The classes asked for that are there, in the order asked for, and those of before that must go. */
function objectClassesOf(entry: Entry, inputs: UserInputs, known?: UserState): string[] {
  const present = (name: string) =>
    entry.values("objectClass").some((one) => one.toLowerCase() === name.toLowerCase());
  // The server need not list the superclasses of a class that is there.
  const implied = new Set(["top", "person", "organizationalperson"]);
  return union(
    inputs.objectClasses.filter((name) => implied.has(name.toLowerCase()) || present(name)),
    (known?.objectClasses ?? []).filter((name) => !implied.has(name.toLowerCase()) && present(name)),
    (name) => name.toLowerCase(),
  );
}

/** Those of our groups, now and before, that the entry is in; under its former name too while a rename goes on. */
async function groupsOf(
  directory: Directory,
  { entry, notes }: Ours,
  inputs: UserInputs,
  known?: UserState,
): Promise<string[]> {
  const members = [entry.dn, ...(notes.formerDn ? [notes.formerDn] : [])].map(memberOf);
  const found: string[] = [];
  for (const group of union(inputs.groups, [...(known?.groups ?? []), ...notes.groups]))
    for (const member of members)
      if (!found.includes(group) && (await isMember(directory, group, member))) found.push(group);
  return found;
}

export const memberOf = (dn: string): { dn: string; uid: string } => ({
  dn,
  uid: parseDn(dn)[0]?.find(({ type }) => /^(uid|userid)$/iu.test(type))?.value ?? "",
});

/** Locked in full, and in no group that can be left. */
async function accessHasEnded(
  directory: Directory,
  { entry, notes }: Ours,
  groups: readonly string[],
): Promise<boolean> {
  if (notes.lock !== "done") return false;
  if (entry.values(LOCK_ATTRIBUTE).length === 0 && (await abilitiesOf(directory)).known) return false;
  for (const group of groups) if (!(await isLast(directory, group))) return false;
  return true;
}

/** The end as the server has it; as planned where the server cannot keep one. */
async function untilOf(
  directory: Directory,
  entry: Entry,
  inputs: UserInputs,
  known?: UserState,
): Promise<string | undefined> {
  const asked = inputs.until ?? known?.until;
  if (asked === undefined) return undefined;
  const [end] = entry.values(END_ATTRIBUTE);
  if (end === undefined)
    return inputs.until !== undefined && (await abilitiesOf(directory)).known ? "" : inputs.until;
  return (
    [inputs.until, known?.until].find((one) => one && toGeneralizedTime(one) === end) ??
    fromGeneralizedTime(end)
  );
}

function union(a: readonly string[], b: readonly string[], key: (text: string) => string = dnKey): string[] {
  const seen = new Set(a.map(key));
  return [...a, ...b.filter((one) => !seen.has(key(one)))];
}
