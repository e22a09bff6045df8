import { type Mark, markText, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { FogClient, FogHost, FogTask, FogTaskType } from "./client";
import { type Following, followTask } from "./follow";
import { isOfStack, readMark, sameFogName } from "./marks";
import { howToStop, taskText } from "./progress";

/** What we call a task: whoever is killed finds it again by this. FOG adds the host's name. */
export const taskName = (mark: Mark, what: string): string => `labplan ${markText(mark)} ${what}`;

/** The task that is wanted on a host. */
export interface Wanted {
  type: FogTaskType;
  name: string;
}

const isWanted = (task: FogTask, { type, name }: Wanted, host: Pick<FogHost, "name">): boolean =>
  task.type === type && (sameFogName(task.name, name) || sameFogName(task.name, `${name} - ${host.name}`));

/** Any of this stack's: of before an edit, or of another resource. */
function isOfOurs(task: FogTask, mark: Mark): boolean {
  const text = /^labplan (\S+)/.exec(task.name)?.[1];
  return isOfStack(text === undefined ? undefined : { text, adopted: false }, mark);
}

/** Why nothing can be done to a host now, where somebody else's task runs on it. */
export async function othersTask(client: FogClient, host: FogHost, mark: Mark): Promise<string | undefined> {
  const task = (await client.activeTasks(host.id)).find((one) => !isOfOurs(one, mark));
  return (
    task &&
    `${host.name}: ${taskText(task)} is under way on it, and is not ours: it is left alone, and nothing else is done to the host. Let it end and run again. ${howToStop(client, host)}`
  );
}

/**
 * The wanted task as an earlier run began it: one that is under way, or one of `known` (ids that were written down)
 * that was completed while nobody looked.
 */
export async function pendingTask(
  client: FogClient,
  host: FogHost,
  wanted: Wanted,
  known: readonly (number | undefined)[],
  run: Pick<Run, "say">,
  which: "active" | "ended too" = "ended too",
): Promise<FogTask | undefined> {
  const active = (await client.activeTasks(host.id)).find((task) => isWanted(task, wanted, host));
  if (active) run.say(`${host.name}: ${taskText(active)} of an earlier run is under way: it is followed`);
  if (active || which === "active") return active;
  const notes = readMark(host.description);
  for (const id of new Set([notes?.task, notes?.capture, ...known])) {
    const task = id ? await client.task(id) : undefined;
    if (!task || task.hostId !== host.id || !isWanted(task, wanted, host)) continue;
    if (task.state === 4) return task;
    run.say(
      `${host.name}: ${taskText(task)} of an earlier run was ${task.state === 5 ? "cancelled" : "failed"} in ${client.server}: a new one is started`,
      "warning",
    );
  }
  return undefined;
}

/**
 * Resolves when no task is active on the host. One of this stack with another aim is waited for; somebody else's is an
 * error. None is ever cancelled.
 */
export async function clearWay(
  client: FogClient,
  host: FogHost,
  following: Pick<Following, "limits" | "step">,
  run: Pick<Run, "mark" | "now" | "signal" | "progress" | "say">,
): Promise<void> {
  const foreign = await othersTask(client, host, run.mark);
  if (foreign) throw new LabError(foreign);
  for (const task of await client.activeTasks(host.id)) {
    run.say(`${host.name}: ${taskText(task)} of an earlier run is under way; its end is waited for`);
    try {
      await followTask({ ...following, client, host, task, what: "earlier task" }, run);
    } catch (error) {
      // Ended, whichever way: the host is free.
      if (run.signal.aborted || (await client.activeTasks(host.id)).length > 0) throw error;
    }
  }
}
