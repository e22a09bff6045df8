import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { generatePassword } from "../core/generated-password";
import { LOCK_ATTRIBUTE, LOCKED_FOR_GOOD, trySet } from "./access";
import { directoryOf } from "./backend";
import type { Directory } from "./client";
import { LastMemberError, leave, type Member } from "./groups";
import { MARK_ATTRIBUTE, noteValues } from "./marks";
import { setPassword } from "./password";
import { isPermanent, permanentNames } from "./permanent";
import type { UserState } from "./user";
import { editOurs } from "./user.entry";
import { findOurs, memberOf, type Ours } from "./user.observe";

/** Remove our entry, or release it when it was there before us. What does not carry our mark stays as it is. */
export async function removeUser(state: UserState, run: Run<UserState>): Promise<void> {
  const permanent = permanentNames(state.permanent);
  const left = (dn: string) => run.say(`${dn} is the entry of a permanent user: left as it is`, "warning");
  if (isPermanent(permanent, state.uid, run.mark.name)) return left(state.dn);
  const directory = await directoryOf(run);
  const ours = await findOurs(directory, state, run, state);
  if (!ours) {
    await run.step("1/3 groups", () => forget(directory, state, run));
    return;
  }
  if (isPermanent(permanent, memberOf(ours.entry.dn).uid)) return left(ours.entry.dn);

  if (ours.notes.adopted && state.onDestroy !== "delete") {
    await run.step("1/1 release", () => release(directory, ours, run));
    return;
  }
  await run.step("1/3 groups", () => leaveGroups(directory, state, run, ours));
  await run.step("2/3 mark", () => editOurs(directory, ours, {}));
  await run.step("3/3 entry", async () => {
    await directory.delete(ours.entry.dn);
  });
}

/** Groups first: a name left in a group would let in whoever gets that name later. */
async function leaveGroups(
  directory: Directory,
  state: UserState,
  run: Run<UserState>,
  ours: Ours,
): Promise<void> {
  const { formerDn, groups } = ours.notes;
  for (const member of [ours.entry.dn, ...(formerDn ? [formerDn] : [])].map(memberOf))
    for (const group of [...state.groups, ...groups]) {
      try {
        await leave(directory, group, member);
      } catch (error) {
        if (!(error instanceof LastMemberError)) throw error;
        await cutOff(directory, run, ours);
        throw new LabError(`${error.message} Until then ${ours.entry.dn} stays, and cannot log in.`, {
          cause: error,
        });
      }
    }
}

/** An entry that cannot be deleted yet must not let anyone in. */
async function cutOff(directory: Directory, run: Run<UserState>, ours: Ours): Promise<void> {
  await editOurs(directory, ours, { passwordSerial: run.random(6).toString("hex"), lock: "pending" });
  await setPassword(directory, ours.entry.dn, generatePassword(run.random), run.random);
  await trySet(directory, ours.entry.dn, LOCK_ATTRIBUTE, [LOCKED_FOR_GOOD]);
}

/** Our notes off, everything else as it is. */
async function release(directory: Directory, { entry, notes }: Ours, run: Run<UserState>): Promise<void> {
  await directory.modify(entry.dn, [
    { operation: "delete", attribute: MARK_ATTRIBUTE, values: noteValues(notes) },
  ]);
  run.say(`${entry.dn} was there before this stack: released, with its settings as they are`);
}

/** Our entry is gone; its name may still be in our groups. When someone else has the name now, it is theirs. */
async function forget(directory: Directory, state: UserState, run: Run<UserState>): Promise<void> {
  const other = await directory.read(state.dn, ["objectClass"]);
  if (other) {
    run.say(`${state.dn} does not carry our mark: left as it is`, "warning");
    return;
  }
  const member: Member = memberOf(state.dn);
  for (const group of state.groups) {
    try {
      await leave(directory, group, member);
    } catch (error) {
      if (!(error instanceof LastMemberError)) throw error;
      run.say(error.message, "warning");
    }
  }
}
