import { same } from "../core/change";
import type { Definition, Run } from "../core/definition";
import { BackendError, LabError } from "../core/errors";
import type { SshConnection } from "../ssh/client";
import { isAway, logInForLook, logInToMachine } from "../ssh/machine-login";
import { RootShell } from "../ssh/root-shell";
import { missing, problemsOf, refusals } from "./endpoint.checks";
import { type Found, flaws, isThere, lookAt, ourLinks, stateOf, who } from "./endpoint.look";
import { ownerOf, scriptPath, unitName, unitPath } from "./endpoint.names";
import * as remote from "./endpoint.remote";
import { endpointChanges, endpointSchema } from "./endpoint.schema";
import { ownerIn, renderScript, renderUnit, settingIn } from "./endpoint.script";
import type { EndpointInputs, EndpointState } from "./types";

/** One end of the overlay on a node. */
export const endpointDefinition: Definition<EndpointInputs, EndpointState> = {
  kind: "overlay:Endpoint",
  schema: endpointSchema,
  changes: endpointChanges,
  expects: {
    active: {
      value: true,
      sentence:
        "its bridge, VXLAN device, address, or what brings them back at a boot, is not as it must be: set right",
    },
  },
  id: ({ name, device }) => `${name}/${device}`,

  async observe(inputs, run) {
    return withShell(inputs, await logInForLook(inputs, run, who(inputs)), async (shell) => {
      const found = await lookAt(shell, inputs, run.signal);
      return isThere(found, run, inputs) ? stateOf(inputs, found, run) : undefined;
    });
  },

  async precheck(inputs, run) {
    const problems = problemsOf(inputs);
    if (problems.length > 0) return problems;
    const connection = await logInForLook(inputs, run, who(inputs)).catch((error: unknown) => {
      if (!isAway(error)) throw error;
      run.say(`${who(inputs)} is not checked: ${error.message}`);
    });
    if (!connection) return [];
    return withShell(inputs, connection, async (shell) => {
      const found = await lookAt(shell, inputs, run.signal);
      for (const { message } of missing(inputs, found)) run.say(message);
      return refusals(inputs, found, run);
    });
  },

  refuse: problemsOf,
  reconcile,
  remove,
};

async function withShell<T>(
  { login }: Pick<EndpointInputs, "login">,
  connection: SshConnection,
  work: (shell: RootShell) => Promise<T>,
): Promise<T> {
  try {
    return await work(new RootShell(connection, login.user));
  } finally {
    await connection.close();
  }
}

const stop = (problems: readonly { message: string }[]): void => {
  if (problems.length > 0) throw new LabError(problems.map(({ message }) => message).join("\n"));
};

async function reconcile(
  inputs: EndpointInputs,
  _observed: EndpointState | undefined,
  run: Run<EndpointState>,
): Promise<EndpointState> {
  stop(problemsOf(inputs));
  const connection = await run.step("1/5 log in", () =>
    logInToMachine(inputs, run, (message) => run.progress(`[1/5 log in] ${message}`), who(inputs)),
  );
  return withShell(inputs, connection, async (shell) => {
    const found = await run.step("2/5 underlay", async () => {
      const seen = await lookAt(shell, inputs, run.signal);
      stop([...missing(inputs, seen), ...refusals(inputs, seen, run)]);
      return seen;
    });
    // From here on something of ours may be there.
    run.checkpoint({ active: false });
    await run.step("3/5 script", () => ensureScript(shell, inputs, found, run));
    await run.step("4/5 devices", () =>
      shell.run(`make the ${who(inputs)}`, remote.RUN, [scriptPath(inputs.device)], { signal: run.signal }),
    );
    await run.step("5/5 unit", () => ensureUnit(shell, inputs, found, run));
    const after = await lookAt(shell, inputs, run.signal);
    const made = stateOf(inputs, after, run);
    const wrong = [...flaws(inputs, after, run), ...otherThan(inputs, made)];
    if (wrong.length > 0)
      throw new LabError(
        `${who(inputs)}: it was made, and ${wrong.join(", ")}. Does something else there manage its devices (NetworkManager, systemd-networkd)? "pulumi up" tries again.`,
      );
    return made;
  });
}

const otherThan = (inputs: EndpointInputs, made: EndpointState): string[] =>
  (Object.keys(inputs) as (keyof EndpointInputs)[])
    .filter((field) => !same(inputs[field], made[field]))
    .map((field) => `${field} is ${JSON.stringify(made[field])}`);

async function write(
  shell: RootShell,
  path: string,
  text: string,
  mode: string,
  run: Pick<Run, "signal">,
): Promise<void> {
  const bytes = Buffer.from(text, "utf8");
  await shell.run(`write ${path}`, remote.WRITE, [path, `${bytes.length}`, mode], {
    stdin: bytes,
    signal: run.signal,
  });
}

/** The script names what was set up last: what it named before is undone first. */
async function ensureScript(
  shell: RootShell,
  inputs: EndpointInputs,
  found: Found,
  run: Pick<Run, "mark" | "signal">,
): Promise<void> {
  const { device, address } = inputs;
  const text = renderScript(inputs, run.mark);
  if (found.script === text) return;
  const before = settingIn(found.script, "address");
  if (before !== undefined && before !== address)
    await shell.run(`take ${before} away`, remote.REMOVE_ADDRESS, [before, device], { signal: run.signal });
  await write(shell, scriptPath(device), text, "700", run);
}

async function ensureUnit(
  shell: RootShell,
  inputs: EndpointInputs,
  found: Found,
  run: Pick<Run<EndpointState>, "mark" | "signal" | "say">,
): Promise<void> {
  const { device } = inputs;
  if (found.enabled === undefined) {
    run.say(
      `${who(inputs)}: there is no systemd to bring it back at a boot. Let the system's own way of starting things run ${scriptPath(device)}; else "pulumi up" brings it back.`,
      "warning",
    );
    return;
  }
  const text = renderUnit(device, run.mark);
  if (found.enabled && found.unit === text) return;
  await write(shell, unitPath(device), text, "644", run);
  await shell.run(`enable ${unitName(device)}`, remote.ENABLE, [unitName(device)], { signal: run.signal });
}

/** Remove what carries our mark; the script goes last, because it says what a stopped run had begun. */
async function remove(state: EndpointState, run: Run<EndpointState>): Promise<void> {
  const connection = await logInForLook(state, run, who(state)).catch((cause: unknown) => {
    throw new BackendError(
      `${who(state)} could not be taken away: ${cause instanceof Error ? cause.message : String(cause)}\nBring the machine up and repeat. If it is gone for good, take this out of the state: "pulumi state delete <URN>"; "pulumi stack --show-urns" lists the URNs.`,
      { cause },
    );
  });
  await withShell(state, connection, async (shell) => {
    const { device } = state;
    const found = await lookAt(shell, state, run.signal);
    const owner = ownerOf(run.mark);
    const signal = run.signal;
    await run.step("1/3 unit", async () => {
      if (ownerIn(found.unit) === owner)
        await shell.run(
          `remove ${unitName(device)}`,
          remote.REMOVE_UNIT,
          [unitName(device), unitPath(device)],
          {
            signal,
          },
        );
    });
    await run.step("2/3 devices", async () => {
      const { silent } = found.ovs ?? {};
      if (silent !== undefined)
        run.say(
          `${who(state)}: Open vSwitch does not answer there (${silent}), so nothing is taken out of its database. Should it ever run again there: ovs-vsctl --if-exists del-br ${device}`,
          "warning",
        );
      else if (found.ovs?.owner === owner)
        await shell.run(`remove bridge ${device}`, remote.REMOVE_OVS, [device], { signal });
      const links = ourLinks(found, run, state)
        .map(({ name }) => name)
        // The bridge of Open vSwitch is its own to remove.
        .filter((name) => state.bridge === "linux" || name !== device);
      if (links.length > 0)
        await shell.run(`remove ${links.join(", ")}`, remote.REMOVE_LINKS, links, { signal });
    });
    await run.step("3/3 script", async () => {
      if (ownerIn(found.script) === owner)
        await shell.run(`remove ${scriptPath(device)}`, remote.REMOVE_SCRIPT, [scriptPath(device)], {
          signal,
        });
    });
  });
}
