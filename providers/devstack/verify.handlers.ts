import type { Definition, Run } from "../core/definition";
import { BackendError, isDeadline, LabError } from "../core/errors";
import type { Facts } from "./checks/hypervisors";
import { hostsOf, hypervisorFacts, offeredBy } from "./checks/hypervisors";
import { removeLeftovers } from "./checks/leftovers";
import { pairsWrong } from "./checks/overlay";
import { bootServers } from "./checks/servers";
import { serviceCount, servicesWrong } from "./checks/services";
import { type Controller, type ControllerInputs, isAway, notStacked, withController } from "./cloud";
import type { VerifyInputs, VerifyState } from "./types";
import { type Patience, patient, until } from "./until";
import { type Measure, measureOverNodes, Nodes } from "./verify.nodes";
import { verifyChanges, verifySchema } from "./verify.schema";

type VerifyRun = Run<VerifyState>;

export interface VerifyOptions {
  patience: Patience;
  measure: Measure;
  /** False where servers are records only (nova's fake driver). */
  reaches: boolean;
}

const who = ({ name }: Pick<VerifyInputs, "name">): string => `devstack "${name}"`;

const controllerOf = (inputs: VerifyInputs): ControllerInputs => ({
  ...{ who: who(inputs), backend: inputs.backend, login: inputs.login },
  ...{ user: inputs.user ?? "stack", home: inputs.home ?? "/opt/stack" },
});

/** Facts of a layout, each of which must be so; all that are not are told at once. */
export const verifyWith = (options: VerifyOptions): Definition<VerifyInputs, VerifyState> => ({
  kind: "devstack:Verify",
  schema: verifySchema,
  changes: verifyChanges,
  expects: {
    wrong: { value: [], sentence: "not all of it is as it was verified: it is verified again" },
  },
  id: ({ name }) => name,

  async observe(inputs, run, known) {
    // What was verified is known by the state alone.
    if (!known) return undefined;
    return withController(controllerOf(inputs), run, { forLook: true }, async (controller) => {
      if (!controller) return { ...known, wrong: [notStacked(who(inputs)).message] };
      const [services, hypervisors] = await Promise.all([
        lookAtServices(inputs, controller),
        lookAtHypervisors(inputs, controller, run, true),
      ]);
      return { ...known, wrong: [...services.wrong, ...hypervisors.wrong] };
    });
  },

  notes: (_inputs, { wrong = [] }) => [...wrong],

  reconcile: (inputs, _observed, run) =>
    withController(controllerOf(inputs), run, { title: "1/5 overlay" }, async (controller) => {
      if (!controller) throw notStacked(who(inputs));
      return verify(inputs, controller, run, options);
    }),

  remove: (state, run) => removeVerify(state, run, options.patience),
});

export const verifyDefinition = verifyWith({
  patience: patient(),
  measure: measureOverNodes,
  reaches: true,
});

async function verify(
  inputs: VerifyInputs,
  controller: Controller,
  run: VerifyRun,
  options: VerifyOptions,
): Promise<VerifyState> {
  const nodes = new Nodes(inputs, run);
  try {
    const matrix = await run.step("1/5 overlay", () => options.measure(nodes, inputs, run, "1/5 overlay"));
    const pairs = pairsWrong(matrix, inputs.mtu ?? 0);
    if (matrix.length > 0) run.progress(`[1/5 overlay] ${matrix.length - pairs.length} of ${matrix.length}`);

    const count = serviceCount(inputs.services);
    const services = await run.step("2/5 services", () =>
      settled(options.patience, run, "2/5 services", count, () => lookAtServices(inputs, controller)),
    );
    const hosts = hostsOf(inputs.cells).length;
    const found = await run.step("3/5 hypervisors", () =>
      settled(options.patience, run, "3/5 hypervisors", hosts, () =>
        lookAtHypervisors(inputs, controller, run, false),
      ),
    );
    const servers = await checkServers(inputs, found.rows, controller, nodes, run, options);
    const wrong = [...pairs, ...services.wrong, ...found.wrong, ...servers];
    const state: VerifyState = {
      ...inputs,
      verifiedAt: wrong.length > 0 ? "" : run.now().toISOString(),
      matrix,
      hypervisors: found.rows,
      wrong,
    };
    if (wrong.length === 0) return state;
    run.checkpoint(state);
    throw notSo(inputs, wrong);
  } finally {
    await nodes.close();
  }
}

/** The rows get what became of their servers; the rest is what is wrong. */
async function checkServers(
  inputs: VerifyInputs,
  rows: Facts["rows"],
  controller: Controller,
  nodes: Nodes,
  run: VerifyRun,
  { patience, reaches }: VerifyOptions,
): Promise<string[]> {
  const { boot } = inputs;
  const { api, lasting } = controller;
  if (boot === false) return [];
  const wrong: string[] = [];
  try {
    await run.step("4/5 servers", async () => {
      const left = await removeLeftovers(api, run, patience);
      if (left > 0) run.say(`${who(inputs)}: ${left} test servers of a run that was cut off were deleted`);
      // Nothing can be scheduled to the others, and that is told already.
      const hosts = rows.filter(({ state }) => state === "up").map(({ host }) => host);
      if (hosts.length === 0) return;
      const reach = reaches ? nodes.reach : undefined;
      const booted = await bootServers(hosts, { api, lasting, boot, reach, patience }, run, "4/5 servers");
      for (const row of rows) {
        const { server, wrong: why } = booted.get(row.host) ?? {};
        if (server) row.server = server;
        if (why !== undefined) wrong.push(why);
      }
    });
  } catch (error) {
    if (run.signal.aborted || !isFact(error)) {
      // It has a moment, and what stays is found by its mark.
      const signal = AbortSignal.timeout(STOPPED_MS);
      await removeLeftovers(lasting, { mark: run.mark, signal }, patience).catch(() => {});
      throw error;
    }
    wrong.push(`no test servers: ${error.message}`);
  }
  await run.step("5/5 clean up", async () => {
    try {
      await removeLeftovers(lasting, run, patience);
    } catch (error) {
      if (run.signal.aborted || !(error instanceof LabError)) throw error;
      wrong.push(`test servers stay: ${error.message}`);
    }
  });
  return wrong;
}

const STOPPED_MS = 10_000;

const isFact = (error: unknown): error is LabError =>
  error instanceof LabError && !(error instanceof BackendError);

async function lookAtServices({ services }: VerifyInputs, { api }: Controller): Promise<{ wrong: string[] }> {
  if (Object.values(services).flat().length === 0) return { wrong: [] };
  return { wrong: servicesWrong(services, await api.services()) };
}

async function lookAtHypervisors(
  { cells }: VerifyInputs,
  { api, manage }: Controller,
  run: Pick<Run, "signal">,
  isLook: boolean,
): Promise<Facts> {
  const wanted = new Set(hostsOf(cells).map(({ host }) => host));
  if (wanted.size === 0) return { rows: [], wrong: [] };
  const [services, mappings, all] = await Promise.all([
    api.services({ binary: "nova-compute" }),
    isLook ? manage.hostsShared(run.signal) : manage.hosts(run.signal),
    api.hypervisors(),
  ]);
  const hypervisors = all.filter(({ host }) => wanted.has(host));
  return hypervisorFacts(cells, {
    services,
    mappings,
    hypervisors,
    vcpus: await offeredBy(api, hypervisors),
  });
}

/** Services report each 10 s: what is wrong right after stacking may come right by itself. */
async function settled<T extends { wrong: string[] }>(
  patience: Patience,
  run: VerifyRun,
  title: string,
  count: number,
  look: () => Promise<T>,
): Promise<T> {
  const { settleS: timeoutS } = patience;
  let last: T | undefined;
  const late = () => new LabError("told by the facts themselves");
  const told = () =>
    run.progress(`[${title}] ${Math.max(0, count - (last?.wrong.length ?? count))} of ${count}`);
  try {
    return await until({ patience, timeoutS, signal: run.signal, late, onWait: told }, async () => {
      last = await look();
      return last.wrong.length === 0 ? last : undefined;
    });
  } catch (error) {
    if (run.signal.aborted || last === undefined) throw error;
    return last;
  }
}

/** All of them at once, each by its name. */
const notSo = (inputs: VerifyInputs, wrong: readonly string[]): LabError =>
  new LabError(
    [
      `${who(inputs)}: ${wrong.length === 1 ? "one fact is" : `${wrong.length} facts are`} not as it must be:`,
      ...wrong.map((line) => `  ${line}`),
      'Put that right, then "pulumi up" verifies again.',
    ].join("\n"),
  );

/** Nothing of it stays but test servers of a run that was cut off. */
async function removeVerify(state: VerifyState, run: VerifyRun, patience: Patience): Promise<void> {
  await run.step("1/1 clean up", async () => {
    if (run.on?.address === undefined) {
      run.say(
        `${who(state)}: not looked for test servers of a run that was cut off: its controller is nowhere to be found any more`,
        "warning",
      );
      return;
    }
    try {
      await withController(controllerOf(state), run, { forLook: true }, async (controller) => {
        if (controller && state.boot !== false) await removeLeftovers(controller.api, run, patience);
      });
    } catch (error) {
      if (run.signal.aborted || !(error instanceof BackendError || isDeadline(error) || isAway(error)))
        throw error;
      run.say(
        `${who(state)}: not looked for test servers of a run that was cut off: ${error.message}`,
        "warning",
      );
    }
  });
}
