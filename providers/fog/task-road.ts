import type { ImagingConfig } from "../../stacks/config/types";
import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { Wanted } from "./claim";
import type { FogClient, FogHost, FogTask } from "./client";
import { type Followed, followTask, tellingWhatGoesOn } from "./follow";
import { type Notes, readMark, withMark } from "./marks";
import { howToStop } from "./progress";
import { type Switched, withPower } from "./switch";

const CAPTURE = 2;

/** A task on a host from its start to its end. */
export interface TaskRoad {
  client: FogClient;
  host: FogHost;
  wanted: Wanted;
  /** As found from an earlier run. */
  pending: FogTask | undefined;
  /** For messages: `imaging with rocky9`. */
  what: string;
  limits: Required<ImagingConfig>;
  machine: Switched;
  /** Titles of the three steps. */
  steps: { task: string; boot: string; follow: string };
  /** Told as soon as the task is there. */
  onTask?(task: FogTask): void;
}

/** Start it where no earlier run did, boot the host from the network for it, and follow it to its end. */
export async function runTask(road: TaskRoad, run: Run): Promise<Followed> {
  const { client, host, wanted, what, limits, steps, machine } = road;
  const task = await run.step(steps.task, async () => {
    // On the record itself, and before anything is begun: a run that is killed leaves nothing else of what it knows.
    if (!road.pending && wanted.type !== CAPTURE) await writeNotes(client, host.id, () => ({ task: 0 }));
    const begun = road.pending ?? (await client.startTask(host, wanted.type, wanted.name));
    road.onTask?.(begun);
    await writeNotes(client, host.id, (notes) =>
      wanted.type === CAPTURE ? { ...notes, capture: begun.id } : { task: begun.id },
    );
    return begun;
  });
  // Said before, for the engine lets nobody speak any more when it is stopped.
  run.say(
    `${host.name}: its ${what} is task ${task.id} of ${client.server}; when this run is stopped (Ctrl-C twice) it goes on there, and the next "pulumi up" follows it. ${howToStop(client, host)}`,
  );
  await run.step(steps.boot, () =>
    tellingWhatGoesOn({ client, host, task, what }, run, async () => {
      // From state 2 on the host has come for it: another boot would cut off what is under way.
      if (((await client.task(task.id)) ?? task).state !== 1) return;
      try {
        await withPower(machine, run, async (power) => {
          await power.bootOnce("network");
          await power.cycle();
        });
      } catch (error) {
        if (run.signal.aborted) throw error;
        const reason = error instanceof Error ? error.message : String(error);
        throw new LabError(
          `${host.name}: it could not be booted from the network for its ${what}: ${reason} Its task ${task.id} waits in ${client.server}, and "pulumi up" follows it. ${howToStop(client, host)}`,
          { cause: error },
        );
      }
    }),
  );
  return run.step(steps.follow, () =>
    followTask({ client, host, task, what, limits, step: steps.follow }, run),
  );
}

/** Write down in the host's record what is under way; `change` is given what stands there. */
export async function writeNotes(
  client: FogClient,
  hostId: number,
  change: (notes: Notes) => Notes,
): Promise<void> {
  const host = await client.host(hostId);
  const mark = host && readMark(host.description);
  if (!host || !mark) return;
  const { text, adopted, ...notes } = mark;
  const description = withMark(host.description, { text, adopted, ...change(notes) });
  if (description !== host.description) await client.editHost(hostId, { description });
}
