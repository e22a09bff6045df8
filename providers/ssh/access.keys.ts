import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { AccessInputs, AccessState } from "./access";
import type { Account, KeysText } from "./access.account";
import { who } from "./access.login";
import { asBytes, expectedKeys, type Found } from "./access.look";
import { needsRoot } from "./access.marker";
import { keysMark, withBlock, withoutStrangers } from "./authorized-keys";

/** Somebody who edits the file all the time is not waited for. */
const ATTEMPTS = 5;

/** Our lines as wanted, all else as it is; nothing else than ours where the list is exclusive. Returns what is there then. */
export async function ensureKeys(
  account: Account,
  inputs: AccessInputs,
  found: Found,
  run: Pick<Run<AccessState>, "mark" | "say">,
  known: AccessState | undefined,
): Promise<Found> {
  const { loginKey } = account;
  // Which key opened the door is not known: any of them may be the one that we need again.
  const exclusive = inputs.exclusive && (loginKey !== undefined || inputs.login.user !== inputs.user);
  const mark = keysMark(run.mark);
  const file = await replaceKeys(account, found.file, (text) =>
    withBlock(text, {
      mark,
      machine: inputs.name,
      keys: inputs.authorizedKeys.map(asBytes),
      exclusive,
      loginKey,
      stale: found.stale,
      expected: expectedKeys(inputs, known),
    }),
  );
  const more =
    exclusive && found.more?.exists
      ? await replaceKeys(account, found.more, (text) => withoutStrangers(text, loginKey))
      : found.more;
  if (!found.file.rights.home)
    run.say(
      `${who(inputs)}: others can write to ${account.home}, so sshd refuses its keys (StrictModes). There: chmod go-w ${account.home}`,
      "warning",
    );
  const keys = inputs.authorizedKeys.map((line) => line.trim());
  return { ...found, file, more, block: { mark, machine: inputs.name, keys } };
}

/** Read, change and replace a file of keys, again when somebody else was faster. */
export async function replaceKeys(
  account: Account,
  first: KeysText,
  change: (text: string) => string,
): Promise<KeysText> {
  let file = first;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const text = change(file.text);
    if (text === file.text && file.rights.file) return file;
    if (await account.writeKeys(file, text))
      return { ...file, exists: text !== "", text, rights: { ...file.rights, file: true } };
    file = await account.readKeys(file.path);
  }
  throw new LabError(
    `${file.path} was changed by somebody else each time that it was about to be replaced. Run "pulumi up" again when that is over.`,
  );
}

/** What is set up here and sshd there would not heed: keys that it takes from elsewhere, a password that it refuses. */
export async function tellOfSshd(
  account: Account,
  inputs: AccessInputs,
  run: Pick<Run, "say">,
): Promise<void> {
  if (inputs.login.user !== "root" && !needsRoot(inputs)) return;
  const { keyFiles, noPassword } = await account.sshd();
  if (keyFiles.length > 0 && !keyFiles.includes(account.keysPath))
    run.say(
      `${who(inputs)}: sshd there takes the keys of "${inputs.user}" from ${keyFiles.join(" and ")}, and not from ${account.keysPath}, where they are kept in order. Set AuthorizedKeysFile in its sshd_config to .ssh/authorized_keys, or leave "access" out.`,
      "warning",
    );
  if (noPassword !== undefined && inputs.password !== "none")
    run.say(
      `${who(inputs)}: its password opens the console and not SSH, because sshd there says "${noPassword}"`,
    );
}
