import type { Definition, Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { AccessInputs, AccessState } from "./access";
import { Account } from "./access.account";
import { ensureKeys, tellOfSshd } from "./access.keys";
import { isAway, logIn, logInToLook, who } from "./access.login";
import {
  foreignMessage,
  heldOf,
  isThere,
  lookAt,
  missingMessage,
  problemsOf,
  refuseForeign,
  stateOf,
} from "./access.look";
import { ensureMarker, ensurePassword } from "./access.password";
import { removeAccess } from "./access.remove";
import { accessChanges, accessSchema } from "./access.schema";

/** Who can log in to a machine as one of its users: the user's own file of keys, and the password. */
export const accessDefinition: Definition<AccessInputs, AccessState> = {
  kind: "ssh:Access",
  schema: accessSchema,
  changes: accessChanges,
  expects: {
    intact: {
      value: true,
      sentence: "others can write to the file of keys, so sshd does not believe it: its rights are set right",
    },
  },
  secretOutputs: ["generatedPassword"],
  id: ({ name, user }) => `${name}/${user}`,

  async observe(inputs, run, known) {
    const connection = await logInToLook(inputs, run);
    try {
      const account = await Account.find(connection, inputs.login.user, inputs.user);
      if (!account.exists) return undefined;
      const found = await lookAt(account, inputs, run, known);
      return isThere(found) ? stateOf(inputs, found, account, heldOf(found, known)) : undefined;
    } finally {
      await connection.close();
    }
  },

  async precheck(inputs, run) {
    const problems = problemsOf(inputs);
    if (problems.length > 0) return problems;
    const connection = await logInToLook(inputs, run).catch((error: unknown) => {
      if (!isAway(error)) throw error;
      run.say(`${who(inputs)} is not checked: ${error.message}`);
    });
    if (!connection) return [];
    try {
      const account = await Account.find(connection, inputs.login.user, inputs.user);
      if (!account.exists) return [{ field: "user", message: missingMessage(inputs) }];
      const message = foreignMessage(inputs, await lookAt(account, inputs, run));
      return message === undefined ? [] : [{ field: "user", message }];
    } finally {
      await connection.close();
    }
  },

  refuse: problemsOf,

  notes(inputs, state) {
    if (!inputs.exclusive || !state.keepsLoginKey) return [];
    return [
      `${who(inputs)}: the key that we log in with is not listed and stays, because without it nobody of us could get in again; list it, or log in as another user`,
    ];
  },

  reconcile,
  remove: removeAccess,
};

async function reconcile(
  inputs: AccessInputs,
  observed: AccessState | undefined,
  run: Run<AccessState>,
): Promise<AccessState> {
  const [problem] = problemsOf(inputs);
  if (problem) throw new LabError(problem.message);
  const connection = await run.step("1/4 log in", () => logIn(inputs, run, "1/4 log in"));
  try {
    const account = await Account.find(connection, inputs.login.user, inputs.user);
    if (!account.exists) throw new LabError(missingMessage(inputs));
    const found = await lookAt(account, inputs, run, observed);
    refuseForeign(inputs, found);

    const after = await run.step("2/4 keys", async () => {
      await tellOfSshd(account, inputs, run);
      return ensureKeys(account, inputs, found, run, observed);
    });
    run.checkpoint({ intact: true });
    const held = await run.step("3/4 password", () => ensurePassword(account, inputs, found, observed, run));
    await run.step("4/4 marker", () => ensureMarker(account, inputs, found, held, run));
    return stateOf(inputs, { ...after, marker: undefined }, account, held);
  } finally {
    await connection.close();
  }
}
