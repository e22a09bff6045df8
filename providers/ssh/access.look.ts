import { same } from "../core/change";
import type { Problem, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import type { AccessInputs, AccessState } from "./access";
import type { Account, KeysText, Password } from "./access.account";
import { who } from "./access.login";
import {
  type Held,
  heldPassword,
  isOurs,
  type Marker,
  markerPath,
  needsRoot,
  readMarker,
} from "./access.marker";
import { type Block, describeKeysMark, keyProblem, keysMark, readKeys, strangers } from "./authorized-keys";

/** What was found of a user's access. */
export interface Found {
  file: KeysText;
  /** sshd's second file; only of interest where the list is exclusive. */
  more: KeysText | undefined;
  block: Block | undefined;
  /** Marks of ours from the machine that this one was copied from, by an image that was taken of it. */
  stale: string[];
  /** Marks of somebody else's, or `damaged`. */
  foreign: string[];
  marker: Marker | undefined;
  password: Password | undefined;
}

/** Files are bytes; see `KeysText`. */
export const asBytes = (line: string): string => Buffer.from(line, "utf8").toString("latin1");
const asText = (line: string): string => Buffer.from(line, "latin1").toString("utf8");

type Whose = "ours" | "stale" | "foreign";

/**
 * A mark of this very stack that names another machine came along with an image that was captured there: nobody
 * keeps it in order here.
 */
function whose(
  found: { mark: string; machine: string },
  inputs: AccessInputs,
  run: Pick<Run, "mark">,
): Whose {
  if (found.mark === keysMark(run.mark)) return "ours";
  const stack = keysMark({ ...run.mark, name: "" });
  return found.mark.startsWith(stack) && found.machine !== inputs.name ? "stale" : "foreign";
}

export async function lookAt(
  account: Account,
  inputs: AccessInputs,
  run: Pick<Run, "mark">,
  known?: AccessState,
): Promise<Found> {
  const asRoot = inputs.login.user === "root" || needsRoot(inputs, known);
  const [file, more, told] = await Promise.all([
    account.readKeys(account.keysPath),
    inputs.exclusive ? account.readKeys(account.moreKeysPath) : undefined,
    asRoot ? account.readPassword(markerPath(inputs.user)) : undefined,
  ]);
  const found: Found = {
    file,
    more,
    block: undefined,
    stale: [],
    foreign: [],
    marker: undefined,
    password: told?.password,
  };
  for (const block of readKeys(file.text, expectedKeys(inputs, known)).blocks) {
    const owner = whose(block, inputs, run);
    if (owner === "ours") found.block ??= { ...block, keys: block.keys.map(asText) };
    else found[owner].push(block.mark);
  }
  const marker = told?.marker === undefined ? undefined : readMarker(told.marker);
  if (marker === "damaged") found.foreign.push(marker);
  else if (marker && whose(marker, inputs, run) === "foreign") found.foreign.push(marker.mark);
  else if (marker && whose(marker, inputs, run) === "ours") found.marker = marker;
  return found;
}

/** Lines that may be ours, old and new. */
export const expectedKeys = (inputs: AccessInputs, known?: AccessState): string[] =>
  [...inputs.authorizedKeys, ...(known?.authorizedKeys ?? [])].map(asBytes);

export const isThere = ({ block, marker }: Found): boolean => block !== undefined || marker !== undefined;

/** Keys outside of our block that let people in, and that an exclusive list takes away. */
const strangersOf = ({ file, more }: Found, loginKey: string | undefined): string[] =>
  [file, ...(more ? [more] : [])].flatMap(({ text }) => strangers(readKeys(text), loginKey)).map(asText);

/** The key that we log in with is there without being listed. */
function keepsLoginKey(inputs: AccessInputs, { file, more }: Found, loginKey: string | undefined): boolean {
  if (!inputs.exclusive || loginKey === undefined) return false;
  const body = loginKey.split(" ")[1] ?? loginKey;
  const has = (lines: readonly string[]) => lines.some((line) => line.includes(body));
  return !has(inputs.authorizedKeys) && has([file, more].flatMap((one) => readKeys(one?.text ?? "").others));
}

export function stateOf(
  inputs: AccessInputs,
  found: Found,
  account: Pick<Account, "loginKey">,
  held: Held | undefined,
): AccessState {
  const keys = [
    ...(found.block?.keys ?? []),
    ...(inputs.exclusive ? strangersOf(found, account.loginKey) : []),
  ];
  const wanted = inputs.authorizedKeys.map((line) => line.trim());
  // A password that we had set is still to be closed.
  const isLeft = inputs.password === "none" && found.marker !== undefined;
  return pruned<AccessState>({
    ...inputs,
    authorizedKeys: found.block && same(keys, wanted) ? inputs.authorizedKeys : keys,
    password: held?.source ?? (isLeft ? "generated" : inputs.password),
    passwordVersion: inputs.password === "none" ? inputs.passwordVersion : (held?.version ?? 0),
    generatedPassword: held?.source === "generated" ? held.generated : undefined,
    passwordSerial: held?.serial,
    passwordSource: held?.source,
    intact: found.block !== undefined && found.file.rights.file,
    keepsLoginKey: keepsLoginKey(inputs, found, account.loginKey) || undefined,
  });
}

export const heldOf = (found: Found, known: AccessState | undefined): Held | undefined =>
  heldPassword(found.marker, found.password, known);

export const passwordIsOurs = (found: Found): boolean => isOurs(found.marker, found.password);

/** What is wrong with the inputs by themselves. */
export function problemsOf(inputs: AccessInputs): Problem[] {
  return inputs.authorizedKeys.flatMap((line, index) => {
    const problem = keyProblem(line);
    return problem === undefined
      ? []
      : [{ field: "authorizedKeys", message: `${who(inputs)}: key ${index + 1} of the list: ${problem}` }];
  });
}

/** Why access is not ours to change, or undefined. */
export function foreignMessage(inputs: AccessInputs, { foreign }: Found): string | undefined {
  const [mark] = foreign;
  if (mark === undefined) return undefined;
  const { user } = inputs;
  if (mark === "damaged")
    return `${who(inputs)}: the note ${markerPath(user)} there cannot be read, so nobody can tell whose password it is about. Remove that file if no other stack looks after the machine.`;
  return `${who(inputs)}: another labplan resource (${describeKeysMark(mark)}) looks after this user there, and it is left alone. Take it out of that stack, or name another user. If the machine is a copy of one that that stack had, remove the lines between "# labplan begin" and "# labplan end" from ~${user}/.ssh/authorized_keys and the file ${markerPath(user)} there.`;
}

export const missingMessage = (inputs: AccessInputs): string =>
  `${who(inputs)}: there is no user "${inputs.user}" there. Make it (useradd -m ${inputs.user}) or have the image or cloud-init make it, or name another in "user".`;

export function refuseForeign(inputs: AccessInputs, found: Found): void {
  const message = foreignMessage(inputs, found);
  if (message !== undefined) throw new LabError(message);
}
