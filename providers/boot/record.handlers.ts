import * as fs from "node:fs";
import { bootHome, ensureBootHome } from "../../kickstart/server/home";
import { BootLog } from "../../kickstart/server/log";
import { Registry } from "../../kickstart/server/registry";
import type { BootEvent, Registration } from "../../kickstart/server/types";
import type { ChangeTable, Definition, Run } from "../core/definition";
import { DeadlineError, LabError } from "../core/errors";
import { pruned } from "../core/reported";
import { stopwatch } from "../core/stopwatch";
import { tailOf } from "./progress";
import type { RecordInputs, RecordState } from "./record";
import { recordSchema } from "./schema";
import { withServer } from "./server";

const POLL_MS = 500;

const recordChanges: ChangeTable<RecordInputs> = {
  name: { class: "live", reason: "only the name that it is told by" },
  backend: { class: "recreate", reason: "it is another machine that calls home" },
  uuid: { class: "recreate", reason: "it is another machine that calls home" },
  mac: { class: "recreate", reason: "a machine is known by its MAC when it calls home" },
  hostName: { class: "live", reason: "only told with it" },
  hostKey: { class: "live", reason: "only says which host key is believed" },
  server: { class: "live", reason: "only says where it is listened" },
  timeoutS: { class: "live", reason: "only says how long is waited" },
};

const who = ({ name }: Pick<RecordInputs, "name">) => `machine "${name}"`;

interface Heard {
  registration: Registration | undefined;
  /** Of this registration, oldest first. */
  events: BootEvent[];
  /** The last caller with this MAC that was turned away. */
  refused: BootEvent | undefined;
}

/** What the folder knows of the machine. Makes nothing: also for a preview. */
function heardOf({ mac }: Pick<RecordInputs, "mac">, folder: string): Heard {
  if (!fs.existsSync(folder)) return { registration: undefined, events: [], refused: undefined };
  const registration = new Registry(folder).current(mac);
  const all = new BootLog(folder).read();
  return {
    registration,
    events: registration ? all.filter(({ build }) => build === registration.build) : [],
    refused: all.findLast((event) => event.stage === "refused" && event.mac === mac),
  };
}

const lastBooted = (events: readonly BootEvent[]): BootEvent | undefined =>
  events.findLast(({ stage }) => stage === "booted");

const stateOf = (inputs: RecordInputs, booted: BootEvent, before?: RecordState): RecordState =>
  pruned<RecordState>({
    ...inputs,
    bootId: booted.bootId ?? before?.bootId ?? "",
    address: booted.address,
    sshHostKey: booted.sshHostKey ?? before?.sshHostKey,
    bootedAt: booted.at,
  });

export const recordDefinition: Definition<RecordInputs, RecordState> = {
  kind: "boot:Record",
  schema: recordSchema,
  changes: recordChanges,
  id: ({ name }) => name,

  async observe(inputs, _run, known) {
    if (!known) return undefined;
    // An old record is no drift: a machine that has not booted since is as good as one that has.
    const booted = lastBooted(heardOf(inputs, bootHome()).events);
    return booted ? stateOf(inputs, booted, known) : known;
  },

  async reconcile(inputs, observed, run) {
    const folder = ensureBootHome();
    if (observed?.bootId) return checked(inputs, { ...observed, ...inputs }, folder);
    return withServer(inputs.server, folder, run, async () => {
      const booted = await run.step("1/1 wait", () => waitForBoot(inputs, folder, run));
      return checked(inputs, stateOf(inputs, booted), folder);
    });
  },

  async remove(state) {
    const folder = bootHome();
    if (!fs.existsSync(folder)) return;
    const registry = new Registry(folder);
    const found = registry.current(state.mac);
    if (found?.purpose === "record") registry.end(state.mac, found.build);
  },
};

/** The key that we made for it is the only proof that it is the machine that we made. */
function checked(inputs: RecordInputs, state: RecordState, folder: string): RecordState {
  const hostKey = inputs.hostKey ?? new Registry(folder).current(inputs.mac)?.hostKey;
  if (hostKey === undefined || state.sshHostKey === undefined || bare(hostKey) === bare(state.sshHostKey))
    return state;
  throw new LabError(
    `${who(inputs)} called home from ${state.address} with its own token, and has another SSH host key than planned: it has ${bare(state.sshHostKey)}, planned ${bare(hostKey)}. Its seed was not applied (is cloud-init in the image, and did it run?), or its keys were made anew since; nobody should log in there until that is known.`,
  );
}

const bare = (key: string): string => key.trim().split(/\s+/).slice(0, 2).join(" ");

async function waitForBoot(inputs: RecordInputs, folder: string, run: Run<RecordState>): Promise<BootEvent> {
  const { timeoutS, server } = inputs;
  const watch = stopwatch(run);
  for (;;) {
    const heard = heardOf(inputs, folder);
    if (heard.registration?.purpose !== "record") throw new LabError(unregistered(inputs, heard));
    const booted = lastBooted(heard.events);
    const failed = heard.events.findLast(({ stage }) => stage === "failed");
    if (failed && (!booted || failed.at > booted.at))
      throw new LabError(
        `${who(inputs)} said that it failed${failed.detail ? `:\n${tailOf(failed.detail)}\n` : ". "}"pulumi up" waits for it again once that is mended.`,
      );
    if (booted) return booted;
    const passed = Math.round(watch.elapsedS());
    if (passed >= timeoutS) throw new DeadlineError(silence(inputs, heard));
    run.progress(
      `[1/1 wait] for ${inputs.name} to call home at ${server.url}, ${passed} of ${timeoutS} s${hint(heard)}`,
    );
    await watch.pause(POLL_MS);
  }
}

const hint = ({ refused, registration }: Heard): string =>
  refused && registration && refused.at >= registration.begun
    ? `; a caller with its MAC was refused: ${refused.detail ?? "no reason kept"}`
    : "";

function silence(inputs: RecordInputs, heard: Heard): string {
  const last = heard.events.at(-1);
  const seen = last ? `last stage seen: ${last.stage} at ${last.at}` : "nothing was heard from it";
  return `${who(inputs)} did not call home within ${inputs.timeoutS} s; ${seen}${hint(heard)}. Look at its console: did it boot, did cloud-init run (cloud-init status --long), what says "systemctl status labplan-booted"? It must reach ${inputs.server.url} (a firewall of this machine?). "pulumi up" resumes here.`;
}

const unregistered = (inputs: RecordInputs, { registration }: Heard): string =>
  registration
    ? `${who(inputs)}: its MAC ${inputs.mac} is registered for an installation of "${registration.machine}", so it cannot call home; give one of them another MAC`
    : `${who(inputs)} is not registered at this lab's boot server, so it cannot call home: its seed was made by another checkout, or its registration was removed. Bring LABPLAN_BOOT_HOME's folder over, or have the machine made anew by "pulumi up --replace" with its URN.`;
