import type { Run } from "../core/definition";
import { BackendError, isDeadline, LabError } from "../core/errors";
import { isAway } from "../ssh/machine-login";
import { isConflict, type ServiceRecord } from "./api";
import { type Controller, isUnstacked, withController } from "./cloud";
import { ensureStarted, ensureStopped } from "./compute-unit";
import { controllerOf, disabledText, type Found, isDisabledByUs, lookAt, who } from "./join.look";
import { cannotLeave } from "./occupied";
import type { JoinState } from "./types";

type JoinRun = Run<JoinState>;

/**
 * Take a compute out of the cloud. Nothing is done while servers are on it: it is enabled again then, where we had
 * disabled it, so that nothing stays half done.
 */
export async function removeJoin(state: JoinState, run: JoinRun): Promise<void> {
  const unknown = (why: string) =>
    run.say(`${who(state)}: ${why}, so it is not taken out of that cloud`, "warning");
  if (run.on?.address === undefined) return unknown("its controller is nowhere to be found any more");
  // As with a node: a controller that is lost must not keep anybody from destroying the lab.
  let isReached = false;
  try {
    await withController(controllerOf(state), run, { title: "1/5 disable" }, async (controller) => {
      isReached = true;
      if (!controller) return unknown("nothing is stacked on the controller any more");
      try {
        await leave(state, controller, run);
      } catch (error) {
        if (run.signal.aborted || !(error instanceof BackendError)) throw error;
        if (!(await isUnstacked(controller))) throw error;
        unknown(`nothing is stacked on the controller any more (${error.message})`);
      }
    });
  } catch (error) {
    if (isReached || run.signal.aborted || !(isAway(error) || isDeadline(error))) throw error;
    unknown(`its controller does not answer (${error.message})`);
  }
}

async function leave(state: JoinState, controller: Controller, run: JoinRun): Promise<void> {
  const { api, manage } = controller;
  const found = await run.step("1/5 disable", async () => {
    const seen = await lookAt(state, controller, run, false);
    if (seen.service?.isEnabled) await api.disable(seen.service.id, disabledText(run.mark));
    return seen;
  });
  await run.step("2/5 empty", async () => {
    const servers = await api.servers({ host: state.hostName });
    if (servers.length === 0) return;
    await putBack(found, controller, run);
    throw new LabError(cannotLeave(who(state), servers));
  });
  await run.step("3/5 stop", async () => {
    try {
      await ensureStopped(state, run);
    } catch (error) {
      if (!isAway(error)) throw error;
      run.say(
        `${who(state)} cannot be reached, so its nova-compute is not stopped: should it come back, it registers itself again. ${error.message}`,
        "warning",
      );
    }
  });
  await run.step("4/5 records", async () => {
    for (const { id, host } of await api.services({ binary: "nova-compute", host: state.hostName }))
      if (host === state.hostName) await removeRecord(state, id, found, controller, run);
  });
  await run.step("5/5 mapping", async () => {
    const mapping = (await manage.hosts(run.signal)).find(({ host }) => host === state.hostName);
    if (mapping) await manage.deleteHost(mapping, run.signal);
    await removeProvider(state, found, controller);
  });
}

/** As it was before we came. */
async function putBack({ service }: Found, { lasting }: Controller, run: JoinRun): Promise<void> {
  if (service && (service.isEnabled || isDisabledByUs(service, run.mark))) await lasting.enable(service.id);
}

/** Only nova-compute's: a controller that computes as well has other services on the same host. */
async function removeRecord(
  state: JoinState,
  id: ServiceRecord["id"],
  found: Found,
  controller: Controller,
  run: JoinRun,
): Promise<void> {
  try {
    await controller.api.removeService(id);
  } catch (error) {
    if (!isConflict(error)) throw error;
    const why = error instanceof Error ? error.message : String(error);
    await ensureStarted(state, run).catch((trouble: unknown) => {
      run.say(
        `${who(state)}: its nova-compute is stopped, and could not be started again: ${trouble}`,
        "warning",
      );
    });
    await putBack(found, controller, run);
    throw new LabError(
      `${who(state)} cannot leave: nova says that a server is on it, or on its way to or from it: ${why} Wait for that or move it, and repeat. It is as it was before.`,
    );
  }
}

/** Nova removes the provider with the service. One that stayed would keep the host from ever registering again. */
async function removeProvider(state: JoinState, { hypervisor }: Found, { api }: Controller): Promise<void> {
  const id = hypervisor?.id ?? state.providerId;
  const name = hypervisor?.name ?? state.providerName ?? state.hostName;
  const left = (id ? await api.provider({ id }) : undefined) ?? (await api.provider({ name }));
  if (!left) return;
  try {
    await api.removeProvider(left.id);
  } catch (error) {
    if (!isConflict(error)) throw error;
    throw new LabError(
      `${who(state)}: its resource provider "${left.name}" (${left.id}) in placement still has allocations, so it stays, and the host could not register again. Look: openstack resource provider show --allocations ${left.id}; once they are gone, repeat.`,
    );
  }
}
