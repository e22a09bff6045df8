import type { Run } from "../core/definition";
import { BackendError } from "../core/errors";
import type { AccessState } from "./access";
import { Account } from "./access.account";
import { replaceKeys } from "./access.keys";
import { logInToLook, who } from "./access.login";
import { expectedKeys, isThere, lookAt, passwordIsOurs } from "./access.look";
import { markerPath } from "./access.marker";
import { keysMark, readKeys, strangers, withoutBlock } from "./authorized-keys";
import type { SshConnection } from "./client";

/**
 * Take away what we gave: our password, our keys, our note. All of it, even where nobody can log in any more
 * afterwards: access must never outlive what it was given for. The keys go last, so that a run that was stopped
 * finds its way in again.
 */
export async function removeAccess(state: AccessState, run: Run<AccessState>): Promise<void> {
  const connection = await open(state, run);
  try {
    const account = await Account.find(connection, state.login.user, state.user);
    const marker = markerPath(state.user);
    if (!account.exists) {
      // Its note would be taken for one about the next user of that name.
      if (state.passwordSerial !== undefined)
        await run.step("1/1 marker", () => account.removeMarker(marker));
      return;
    }
    const found = await lookAt(account, state, run, state);
    if (!isThere(found)) {
      if (found.foreign.length > 0)
        run.say(`${who(state)} is looked after by somebody else now: left as it is`, "warning");
      return;
    }
    const closes = passwordIsOurs(found);
    await run.step("1/3 password", async () => {
      if (closes) await account.closePassword();
      else if (found.marker && found.password?.set)
        run.say(`${who(state)}: its password was changed by somebody else since, and is left as it is`);
    });
    await run.step("2/3 marker", async () => {
      if (found.marker) await account.removeMarker(marker);
    });
    await run.step("3/3 keys", () =>
      replaceKeys(account, found.file, (text) => withoutBlock(text, keysMark(run.mark), expectedKeys(state))),
    );
    const left = [found.file, ...(found.more ? [found.more] : [])];
    if (closes && left.every(({ text }) => strangers(readKeys(text), undefined).length === 0))
      run.say(
        `${who(state)}: no key is left and its password is closed, so nobody logs in as "${state.user}"`,
      );
  } finally {
    await connection.close();
  }
}

async function open(state: AccessState, run: Run<AccessState>): Promise<SshConnection> {
  try {
    return await logInToLook(state, run);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BackendError(
      `${who(state)} could not be taken away, so its keys and its password may still let people in: ${why}\nBring the machine up, or let us in again, and repeat. If it is gone for good or is about to be wiped, take this out of the state: "pulumi state delete <URN>"; "pulumi stack --show-urns" lists the URNs.`,
      { cause },
    );
  }
}
