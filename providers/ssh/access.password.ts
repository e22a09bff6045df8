import { same } from "../core/change";
import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { generatePassword } from "../core/generated-password";
import type { AccessInputs, AccessState } from "./access";
import type { Account } from "./access.account";
import { who } from "./access.login";
import { type Found, heldOf, passwordIsOurs } from "./access.look";
import { type Held, type Marker, markerPath, markerText } from "./access.marker";
import { keysMark } from "./authorized-keys";

type PasswordRun = Pick<Run<AccessState>, "mark" | "random" | "secret" | "checkpoint">;

const markerOf = (inputs: AccessInputs, run: Pick<Run, "mark">, serial: string): Marker => ({
  mark: keysMark(run.mark),
  machine: inputs.name,
  user: inputs.user,
  version: inputs.passwordVersion,
  serial,
});

/**
 * Set the password when its version, its source or its serial is not the one in force. Undefined where none of ours
 * is wanted; one that we had set is closed then.
 */
export async function ensurePassword(
  account: Account,
  inputs: AccessInputs,
  found: Found,
  observed: AccessState | undefined,
  run: PasswordRun,
): Promise<Held | undefined> {
  if (inputs.password === "none") {
    if (passwordIsOurs(found)) await account.closePassword();
    return undefined;
  }
  const held = heldOf(found, observed);
  if (held?.version === inputs.passwordVersion && same(held.source, inputs.password)) return held;

  const { password: source, passwordVersion: version } = inputs;
  const isGenerated = source === "generated";
  const password = isGenerated ? generatePassword(run.random) : usable(inputs, run.secret(source));
  const serial = run.random(8).toString("hex");
  const { password: theirs } = found;
  // Before the change: whatever stops us now, the next run sees a serial that it does not know, and sets it again.
  const marker: Marker = {
    ...markerOf(inputs, run, serial),
    ...(theirs && !passwordIsOurs(found) ? { before: theirs.digest } : {}),
  };
  await account.writeMarker(markerPath(inputs.user), markerText(marker));
  const { set, digest } = await account.setPassword(password);
  if (!set)
    throw new LabError(
      `${who(inputs)}: its password was set, and the account has none. Does something there keep /etc/shadow as it is?`,
    );
  run.checkpoint({
    passwordSerial: serial,
    passwordSource: source,
    ...(isGenerated ? { generatedPassword: password } : {}),
  });
  return { version, serial, source, digest, ...(isGenerated ? { generated: password } : {}) };
}

/** Note on the machine which password is in force; nothing where none is ours. */
export async function ensureMarker(
  account: Account,
  inputs: AccessInputs,
  found: Found,
  held: Held | undefined,
  run: Pick<Run, "mark">,
): Promise<void> {
  const path = markerPath(inputs.user);
  if (!held) {
    if (found.marker) await account.removeMarker(path);
    return;
  }
  if (found.marker?.serial === held.serial) return;
  await account.writeMarker(path, markerText({ ...markerOf(inputs, run, held.serial), digest: held.digest }));
}

/** chpasswd reads lines: anything else would set another password than the one meant. */
function usable(inputs: AccessInputs, password: string): string {
  if (password === "") throw new LabError(`${who(inputs)}: the secret that holds its password is empty`);
  if (/[\r\n\0]/.test(password))
    throw new LabError(`${who(inputs)}: the secret that holds its password is more than one line`);
  return password;
}
