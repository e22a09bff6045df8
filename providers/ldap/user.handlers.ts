import type { Definition, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { generatePassword } from "../core/generated-password";
import {
  abilitiesOf,
  END_ATTRIBUTE,
  LOCK_ATTRIBUTE,
  LOCKED_FOR_GOOD,
  toGeneralizedTime,
  trySet,
} from "./access";
import { directoryOf } from "./backend";
import type { Directory } from "./client";
import { sameDn } from "./dn";
import { join, LastMemberError, leave } from "./groups";
import { type Notes, noteValues } from "./marks";
import { heldPassword, setPassword } from "./password";
import { isPermanent, permanentNames } from "./permanent";
import type { UserInputs, UserState } from "./user";
import { dnOf, precheckUser, refuseProblems } from "./user.checks";
import { editOurs, ensureAttributes, ensureEntry, ensureName } from "./user.entry";
import { findOurs, memberOf, type Ours, observeUser } from "./user.observe";
import { removeUser } from "./user.remove";
import { userChanges, userSchema } from "./user.schema";

/** An entry that lets a person in by VPN, with an end date. */
export const userDefinition: Definition<UserInputs, UserState> = {
  kind: "ldap:User",
  schema: userSchema,
  changes: userChanges,
  secretOutputs: ["generatedPassword"],
  id: dnOf,
  observe: observeUser,
  precheck: precheckUser,
  reconcile,
  remove: removeUser,
};

async function reconcile(
  inputs: UserInputs,
  observed: UserState | undefined,
  run: Run<UserState>,
): Promise<UserState> {
  refuseProblems(inputs, run.mark.name);
  if (observed && isPermanent(permanentNames(inputs.permanent), observed.uid))
    throw new LabError(`${observed.dn} is the entry of a permanent user, which is never changed`);
  const directory = await directoryOf(run);

  const ours = await run.step("1/7 entry", async () => {
    const found = observed && (await findOurs(directory, inputs, run, observed));
    return found ?? ensureEntry(directory, inputs, run);
  });
  await run.step("2/7 name", () => ensureName(directory, inputs, ours));
  await run.step("3/7 attributes", () => ensureAttributes(directory, inputs, observed, run, ours));
  run.checkpoint({ dn: ours.entry.dn, mark: ours.notes.mark });
  const password = await run.step("4/7 password", () =>
    inputs.expired
      ? endPassword(directory, run, ours)
      : ensurePassword(directory, inputs, observed, run, ours),
  );
  await run.step("5/7 end of access", () => ensureEnd(directory, inputs, observed, run, ours));
  const groups = await run.step("6/7 groups", () => ensureGroups(directory, inputs, observed, run, ours));
  await run.step("7/7 notes", () => finish(directory, inputs, ours, groups));

  return {
    ...inputs,
    dn: ours.entry.dn,
    ...password,
    locked: inputs.expired,
    ...(ours.notes.adopted ? { adopted: true } : {}),
    mark: ours.notes.mark,
  };
}

type PasswordState = Pick<UserState, "generatedPassword" | "appliedPasswordVersion" | "passwordSerial">;

/** Set the password when its version, its source or its serial is not the one in force. */
async function ensurePassword(
  directory: Directory,
  inputs: UserInputs,
  observed: UserState | undefined,
  run: Run<UserState>,
  ours: Ours,
): Promise<PasswordState> {
  const held = heldPassword(ours.notes, observed);
  const own = ours.notes.adopted && !held.serial && !inputs.password;
  const sourced = inputs.password
    ? held.serial !== undefined && JSON.stringify(held.ref) === JSON.stringify(inputs.password)
    : own || (held.generated !== undefined && held.ref === undefined);
  if (held.version === inputs.passwordVersion && sourced)
    return {
      appliedPasswordVersion: held.version,
      ...(held.generated === undefined ? {} : { generatedPassword: held.generated }),
      ...(held.serial === undefined ? {} : { passwordSerial: held.serial }),
    };

  const password = inputs.password ? run.secret(inputs.password) : generatePassword(run.random);
  if (!password) throw new LabError(`${inputs.uid}: the secret that holds its password is empty`);
  const serial = run.random(6).toString("hex");
  // Before the change, and with the first step of lifting a lock: whatever stops us now, the next run sets it again.
  await editOurs(directory, ours, {
    passwordSerial: serial,
    ...(ours.notes.lock ? { lock: "pending" } : {}),
  });
  await setPassword(directory, ours.entry.dn, password, run.random);
  const state: PasswordState = {
    appliedPasswordVersion: inputs.passwordVersion,
    passwordSerial: serial,
    ...(inputs.password ? {} : { generatedPassword: password }),
  };
  run.checkpoint(state);
  return state;
}

/**
 * After the end of access nobody knows the password: it holds where the server ignores its password policy, and is
 * not undone by someone who takes the lock off.
 */
async function endPassword(directory: Directory, run: Run<UserState>, ours: Ours): Promise<PasswordState> {
  if (ours.notes.lock === "done") return {};
  await editOurs(directory, ours, { passwordSerial: run.random(6).toString("hex"), lock: "pending" });
  await setPassword(directory, ours.entry.dn, generatePassword(run.random), run.random);
  return {};
}

/** The end date, and the lock once it has passed. After the password: setting one takes a lock off (measured). */
async function ensureEnd(
  directory: Directory,
  inputs: UserInputs,
  observed: UserState | undefined,
  run: Run<UserState>,
  ours: Ours,
): Promise<void> {
  const { dn } = ours.entry;
  const { uid, until } = inputs;
  if (until !== undefined && observed?.until !== until) {
    const kept = await trySet(directory, dn, END_ATTRIBUTE, [toGeneralizedTime(until)]);
    if (!inputs.expired && !(kept && (await abilitiesOf(directory)).policy))
      run.say(
        `${uid}: ${directory.endpoint.url} shows no password policy that would end access at ${until} by itself; the next "up" after it locks the entry`,
        "warning",
      );
  } else if (until === undefined && observed?.until) {
    await trySet(directory, dn, END_ATTRIBUTE, []);
  }
  if (inputs.expired) {
    if (ours.entry.values(LOCK_ATTRIBUTE).length === 0 || ours.notes.lock !== "done")
      await trySet(directory, dn, LOCK_ATTRIBUTE, [LOCKED_FOR_GOOD]);
    if (ours.notes.lock === "done") return;
    run.say(
      `${uid}: access ended${until ? ` at ${until}` : ""}; the entry is locked. A VPN session that is up now can go on until its renegotiation.`,
    );
  } else if (ours.notes.lock && ours.entry.values(LOCK_ATTRIBUTE).length > 0) {
    await trySet(directory, dn, LOCK_ATTRIBUTE, []);
  }
}

/**
 * Be in the groups asked for, and in none of those of before. Only our own value is ever touched.
 * Returns the groups that the entry is in.
 */
async function ensureGroups(
  directory: Directory,
  inputs: UserInputs,
  observed: UserState | undefined,
  run: Run<UserState>,
  ours: Ours,
): Promise<string[]> {
  const now = memberOf(ours.entry.dn);
  const { formerDn } = ours.notes;
  const former = formerDn && !sameDn(formerDn, now.dn) ? memberOf(formerDn) : undefined;
  const wanted = inputs.expired ? [] : inputs.groups;
  const isIn = (list: readonly string[], group: string) => list.some((one) => sameDn(one, group));
  const before = [...(observed?.groups ?? []), ...ours.notes.groups];
  const stays = wanted.filter((group) => !former && isIn(observed?.groups ?? [], group));

  // Written down before it is done: a killed run must not leave a membership that nobody knows of.
  const noted = wanted.filter((group) => !isIn(ours.notes.groups, group));
  if (noted.length > 0) await editOurs(directory, ours, { groups: [...ours.notes.groups, ...noted] });
  for (const group of wanted) if (!isIn(stays, group)) await join(directory, group, now);
  // The new name is in before the old one goes: a group keeps a member all the time.
  if (former) for (const group of wanted) await leave(directory, group, former);
  const kept = [...wanted];
  for (const group of inputs.expired ? [...before, ...inputs.groups] : before) {
    if (isIn(kept, group)) continue;
    try {
      for (const member of former ? [former, now] : [now]) await leave(directory, group, member);
    } catch (error) {
      // Past the end it cannot log in any more; a membership without a login lets nobody in.
      if (!(inputs.expired && error instanceof LastMemberError)) throw error;
      run.say(error.message, "warning");
      kept.push(group);
    }
  }
  return kept;
}

/** Take off the notes of what is finished. */
async function finish(directory: Directory, inputs: UserInputs, ours: Ours, groups: string[]): Promise<void> {
  const { notes } = ours;
  const next: Notes = { ...notes, groups, lock: inputs.expired ? "done" : undefined, formerDn: undefined };
  if (noteValues(next).sort().join() !== noteValues(notes).sort().join())
    await editOurs(directory, ours, next);
}
