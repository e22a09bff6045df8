import type { Definition, Run } from "../core/definition";
import { DeadlineError, LabError } from "../core/errors";
import { type Controller, notStacked, withController } from "./cloud";
import { ensureStarted, restart, UNIT } from "./compute-unit";
import { controllerOf, isDisabledByUs, lookAt, stateOf, who } from "./join.look";
import { removeJoin } from "./join.remove";
import { joinChanges, joinSchema } from "./join.schema";
import type { JoinInputs, JoinState } from "./types";
import { type Patience, patient, until } from "./until";

type JoinRun = Run<JoinState>;

/** A compute that the cloud knows, in its cell, and that servers can be scheduled to. */
export const joinWith = (patience: Patience): Definition<JoinInputs, JoinState> => ({
  kind: "devstack:Join",
  schema: joinSchema,
  changes: joinChanges,
  expects: {
    enabled: {
      value: true,
      sentence: "nova has no enabled service of it: it is registered, or enabled again where we disabled it",
    },
    mapped: { value: true, sentence: "it is in no cell, so that nothing is scheduled to it: it is mapped" },
  },
  id: ({ name }) => name,

  observe: (inputs, run, known) =>
    withController(controllerOf(inputs), run, { forLook: true }, async (controller) => {
      if (!controller) return undefined;
      const found = await lookAt(inputs, controller, run, true);
      return found.service || found.mapping ? stateOf(inputs, found, run, known) : undefined;
    }),

  notes: (inputs, { heldBack }) =>
    heldBack === undefined
      ? []
      : [
          `${who(inputs)} was disabled by hand ("${heldBack}") and stays so; to have it back: openstack compute service set --enable ${inputs.hostName} nova-compute`,
        ],

  reconcile: (inputs, observed, run) =>
    withController(controllerOf(inputs), run, { title: "1/4 register" }, async (controller) => {
      if (!controller) throw notStacked(who(inputs));
      return join(inputs, observed, controller, run, patience);
    }),

  remove: (state, run) => removeJoin(state, run),
});

export const joinDefinition = joinWith(patient());

async function join(
  inputs: JoinInputs,
  observed: JoinState | undefined,
  controller: Controller,
  run: JoinRun,
  patience: Patience,
): Promise<JoinState> {
  const { api, manage } = controller;
  const { hostName } = inputs;
  const registered = await run.step("1/4 register", () => register(inputs, controller, run, patience));
  run.checkpoint({ serviceId: registered.id, enabled: registered.isEnabled, mapped: false });

  await run.step("2/4 discover", () => manage.discover(hostName, run.signal));

  const { hypervisor } = await run.step("3/4 map", () => ensureMapped(inputs, controller, run, patience));
  run.checkpoint({ mapped: true, providerId: hypervisor.id, providerName: hypervisor.name });

  await run.step("4/4 enable", async () => {
    const [service = registered] = await api.services({ binary: "nova-compute", host: hostName });
    if (service.isEnabled) return;
    if (isDisabledByUs(service, run.mark)) await api.enable(service.id);
    else
      run.say(
        `${who(inputs)} was disabled by hand ("${service.reason ?? "no reason given"}"), and stays so: nothing is scheduled to it. To have it back: openstack compute service set --enable ${hostName} nova-compute`,
        "warning",
      );
  });
  return stateOf(inputs, await lookAt(inputs, controller, run, false), run, observed);
}

/** A compute registers by itself, some time after its stack.sh is done: there is nothing to discover before. */
async function register(inputs: JoinInputs, { api }: Controller, run: JoinRun, patience: Patience) {
  const { hostName, timeoutS } = inputs;
  let seen = "is not in the list of compute services";
  let unit: string | undefined;
  let isRestarted = false;
  const start = patience.clock.now();
  const late = () =>
    new DeadlineError(
      `${who(inputs)}: nova-compute on "${hostName}" ${seen} after ${timeoutS} s${unit === undefined ? "" : ` (${unit})`}. Look there: journalctl -u ${UNIT}. "pulumi up" resumes here.`,
    );
  const onWait = (seconds: number) =>
    run.progress(`[1/4 register] nova-compute ${seen}, ${seconds} of ${timeoutS} s`);
  return until({ patience, timeoutS, signal: run.signal, late, onWait }, async () => {
    const services = await api.services({ binary: "nova-compute", host: hostName });
    const service = services.find(({ host }) => host === hostName);
    if (service?.isUp) return service;
    seen = service ? "is down" : "is not in the list of compute services";
    unit ??= await tried(run, async () => `its unit was ${await ensureStarted(inputs, run)}`);
    const isSilent = !service && patience.clock.now() - start >= patience.restartS * 1_000;
    if (isSilent && !isRestarted) {
      // The controller was stacked anew, and nova's records with it.
      isRestarted = true;
      unit = await tried(run, async () => {
        await restart(inputs, run);
        return "its unit was restarted";
      });
    }
    return undefined;
  });
}

/** What an earlier removal stopped is started again; a compute that cannot be reached may register all the same. */
async function tried(run: JoinRun, work: () => Promise<string>): Promise<string> {
  try {
    return await work();
  } catch (error) {
    if (run.signal.aborted) throw error;
    return `its unit could not be looked at: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function ensureMapped(inputs: JoinInputs, controller: Controller, run: JoinRun, patience: Patience) {
  const { hostName, cell, timeoutS } = inputs;
  let seen = "is mapped to no cell";
  const late = () =>
    new DeadlineError(
      `${who(inputs)}: it ${seen} after ${timeoutS} s. On the controller, as "${inputs.user}": nova-manage cell_v2 list_hosts, and journalctl -u devstack@placement-api. "pulumi up" resumes here.`,
    );
  const onWait = (seconds: number) => run.progress(`[3/4 map] ${seen}, ${seconds} of ${timeoutS} s`);
  return until({ patience, timeoutS, signal: run.signal, late, onWait }, async () => {
    const { mapping, hypervisor } = await lookAt(inputs, controller, run, false);
    if (!mapping) {
      seen = "is mapped to no cell";
      await controller.manage.discover(hostName, run.signal);
      return undefined;
    }
    if (mapping.cell !== cell)
      throw new LabError(
        `${who(inputs)} is mapped to cell "${mapping.cell}", and the plan says "${cell}". It reports to the message queue of that cell: look at its local.conf, or say the cell in the layout that it is in.`,
      );
    if (!hypervisor) {
      seen = "has no hypervisor";
      return undefined;
    }
    if (!(await controller.api.provider({ id: hypervisor.id }))) {
      seen = "has no resource provider in placement";
      return undefined;
    }
    return { mapping, hypervisor };
  });
}
