import type { Run } from "../core/definition";
import type { AccessInputs } from "./access";
import type { SshConnection, SshTarget } from "./client";
import { logInForLook, logInToMachine, machineTarget, type Way } from "./machine-login";

export { isAway, jumpHost } from "./machine-login";

export const who = ({ user, name }: Pick<AccessInputs, "user" | "name">): string =>
  `access of "${user}" on "${name}"`;

/** How the machine is reached, as its own resource found it. */
export const targetOf = (
  inputs: Pick<AccessInputs, "name" | "user" | "login">,
  { on }: Pick<Run, "on" | "signal">,
): SshTarget => machineTarget(inputs, on, who(inputs));

/** Log in for a look. Fails fast. */
export const logInToLook = (inputs: AccessInputs, way: Way): Promise<SshConnection> =>
  logInForLook(inputs, way, who(inputs));

/** Log in for work; waits for a machine that is still coming up. */
export const logIn = (inputs: AccessInputs, run: Run, title: string): Promise<SshConnection> =>
  logInToMachine(inputs, run, (message) => run.progress(`[${title}] ${message}`), who(inputs));
