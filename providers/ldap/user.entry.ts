import type { Run } from "../core/definition";
import { ForeignObjectError } from "../core/errors";
import type { Attributes, Directory, Edit } from "./client";
import { sameDn } from "./dn";
import { isFailure } from "./errors";
import { MARK_ATTRIBUTE, markPath, type Notes, noteValues } from "./marks";
import type { UserInputs, UserState } from "./user";
import { dnOf, namesake, refusalToAdopt } from "./user.checks";
import { type Ours, READ } from "./user.observe";

/**
 * Edit our entry and its notes at once. The mark is taken off and put on in the same request, so that the server
 * itself refuses the edit when the entry is no longer ours.
 */
export async function editOurs(
  directory: Directory,
  ours: Ours,
  changed: Partial<Notes>,
  edits: Edit[] = [],
): Promise<void> {
  const { entry, notes } = ours;
  const next: Notes = { ...notes, ...changed };
  const [before, after] = [noteValues(notes), noteValues(next)];
  const off = before.filter((value, index) => index === 0 || !after.includes(value));
  const on = after.filter((value, index) => index === 0 || !before.includes(value));
  try {
    await directory.modify(entry.dn, [
      { operation: "delete", attribute: MARK_ATTRIBUTE, values: off },
      { operation: "add", attribute: MARK_ATTRIBUTE, values: on },
      ...edits,
    ]);
  } catch (error) {
    if (isFailure(error, "no-such-value", "missing"))
      throw new ForeignObjectError(
        `${entry.dn} lost its mark while it was changed: someone else works on it. Nothing was changed; run it again.`,
        { cause: error },
      );
    throw error;
  }
  ours.notes = next;
}

/** Our entry: found, added without a password, or adopted. */
export async function ensureEntry(
  directory: Directory,
  inputs: UserInputs,
  run: Run<UserState>,
): Promise<Ours> {
  const dn = dnOf(inputs);
  const notes: Notes = {
    mark: markPath(run.mark),
    adopted: false,
    groups: inputs.expired ? [] : inputs.groups,
  };
  const { uid, cn, sn, givenName, mail, objectClasses } = inputs;
  const attributes: Attributes = {
    objectClass: objectClasses,
    uid: [uid],
    cn: [cn],
    sn: [sn],
    ...(givenName === undefined ? {} : { givenName: [givenName] }),
    ...(mail === undefined ? {} : { mail: [mail] }),
    // The mark is there from the first moment: a killed run leaves nothing behind that is nobody's.
    [MARK_ATTRIBUTE]: noteValues(notes),
  };
  const begun = () => run.checkpoint({ dn, mark: notes.mark, locked: false });
  try {
    await directory.add(dn, attributes);
  } catch (error) {
    // It may have been added although no answer came: keep it in the state.
    if (isFailure(error, "late", "unreachable")) begun();
    if (!isFailure(error, "taken")) throw error;
    const adopted = await adopt(directory, inputs, run);
    run.checkpoint({ dn, mark: notes.mark, locked: false, adopted: true });
    return adopted;
  }
  begun();
  return readOurs(directory, dn, notes);
}

async function adopt(directory: Directory, inputs: UserInputs, run: Run<UserState>): Promise<Ours> {
  const notes: Notes = { mark: markPath(run.mark), adopted: true, groups: [] };
  const entry = await directory.read(dnOf(inputs), READ);
  if (!entry)
    throw new ForeignObjectError(`${dnOf(inputs)} is taken by an entry that ${run.mark.name} may not see`);
  const refusal = refusalToAdopt(entry, inputs, run);
  if (refusal) throw new ForeignObjectError(refusal);
  try {
    await directory.modify(entry.dn, [
      { operation: "add", attribute: MARK_ATTRIBUTE, values: noteValues(notes) },
    ]);
  } catch (error) {
    if (!isFailure(error, "value-exists")) throw error;
  }
  run.say(`adopted ${entry.dn}; it keeps its password until passwordVersion is raised`);
  return { entry, notes };
}

async function readOurs(directory: Directory, dn: string, notes: Notes): Promise<Ours> {
  const entry = await directory.read(dn, READ);
  if (!entry) throw new ForeignObjectError(`${dn} vanished right after it was added; run it again`);
  return { entry, notes };
}

/** Give the entry its name and parent. Its former DN stays in a note until the groups are right. */
export async function ensureName(directory: Directory, inputs: UserInputs, ours: Ours): Promise<void> {
  const target = dnOf(inputs);
  if (sameDn(ours.entry.dn, target)) return;
  const other = await namesake(directory, inputs, ours.entry.dn);
  if (other) throw new ForeignObjectError(other);
  await editOurs(directory, ours, { formerDn: ours.entry.dn });
  try {
    await directory.rename(ours.entry.dn, target);
  } catch (error) {
    if (!isFailure(error, "taken")) throw error;
    throw new ForeignObjectError(
      `${ours.entry.dn} cannot be renamed to ${target}: an entry of that name exists. Choose another name.`,
      { cause: error },
    );
  }
  ours.entry = { ...ours.entry, dn: target };
}

/** Names, mail, classes, and the mark of a resource whose logical name changed. */
export async function ensureAttributes(
  directory: Directory,
  inputs: UserInputs,
  observed: UserState | undefined,
  run: Run<UserState>,
  ours: Ours,
): Promise<void> {
  const edits: Edit[] = [];
  for (const name of ["cn", "sn", "givenName", "mail"] as const) {
    const wanted = inputs[name];
    const present = ours.entry.values(name);
    if (wanted !== undefined && !present.includes(wanted))
      edits.push({ operation: "replace", attribute: name, values: [wanted] });
    const before = observed?.[name];
    if (wanted === undefined && before !== undefined && present.includes(before))
      edits.push({ operation: "delete", attribute: name, values: [before] });
  }
  const has = (list: readonly string[], name: string) =>
    list.some((one) => one.toLowerCase() === name.toLowerCase());
  const implied = ["top", "person", "organizationalPerson"];
  const present = ours.entry.values("objectClass");
  const missing = inputs.objectClasses.filter((name) => !has(present, name) && !has(implied, name));
  if (missing.length > 0) edits.push({ operation: "add", attribute: "objectClass", values: missing });
  const surplus = (observed?.objectClasses ?? []).filter((name) => !has(inputs.objectClasses, name));
  if (surplus.length > 0) edits.push({ operation: "delete", attribute: "objectClass", values: surplus });

  const mark = markPath(run.mark);
  if (edits.length > 0 || ours.notes.mark !== mark) await editOurs(directory, ours, { mark }, edits);
}
