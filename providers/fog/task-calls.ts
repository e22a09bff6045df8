import type { Calls } from "./calls";
import type { FogHost, FogTask, FogTaskType } from "./client";
import { FogError, isFog, isInDoubt } from "./errors";
import { hostPath, host as readHost } from "./host-look";
import { hostIdOf, idOf, sameName, squeezed, taskOf } from "./parse";

/** Before each look for a new task: it is there at once, and a busy server may take longer to show it. */
export const FIND_PAUSES_MS: readonly number[] = [0, 200, 500, 1_000, 2_000];
/** A task is asked for once more when it was certainly not made. */
const ATTEMPTS = 2;

const TYPES: Record<number, string> = {
  1: "deploy",
  2: "capture",
  8: "multicast",
  10: "inventory",
  14: "wake-up",
  17: "deploy without snapins",
  18: "fast wipe",
  19: "normal wipe",
  20: "full wipe",
};

export const taskText = ({ id, name, type, createdBy }: FogTask): string =>
  `task ${id} "${squeezed(name)}" (${TYPES[type] ?? `type ${type}`}${createdBy ? `, started by ${createdBy}` : ""})`;

/** In any state: the list of the active ones says nothing of how a task ended. */
export async function task(calls: Calls, id: number): Promise<FogTask | undefined> {
  const row = await calls.record(`/task/${idOf(id, "a task")}`);
  return row && taskOf(row);
}

export async function activeTasks(calls: Calls, hostId?: number): Promise<FogTask[]> {
  const rows = await calls.list("/task/active", "tasks");
  return rows
    .filter((row) => (hostId === undefined ? hostIdOf(row) !== undefined : hostIdOf(row) === hostId))
    .map(taskOf)
    .filter((one) => one.state <= 3)
    .sort((a, b) => a.id - b.id);
}

/** FOG adds the host's name to what it is given. */
const isCalled = (one: FogTask, name: string): boolean =>
  sameName(one.name, name) ||
  squeezed(one.name)
    .toLowerCase()
    .startsWith(`${squeezed(name).toLowerCase()} - `);

export interface StartTask {
  calls: Calls;
  host: FogHost;
  type: FogTaskType;
  name: string;
  pausesMs: readonly number[];
}

/**
 * The call is not atomic, gives no id, and can be answered with 200 and make nothing, or with an error and make a
 * task. So the truth is what the active tasks say, before and after.
 */
export async function startTask(start: StartTask): Promise<FogTask> {
  const { calls, host, type, name } = start;
  const known = await oursOrNone(start);
  if (known) return known;
  await refuseUnlessSame(calls, host);
  // The machine restarts by itself afterwards, and power is ours.
  const body = {
    taskTypeID: type,
    taskName: name,
    shutdown: false,
    debug: false,
    deploySnapins: false,
    wol: false,
  };
  for (let attempt = 1; ; attempt++) {
    let trouble: FogError | undefined;
    try {
      await calls.write("POST", `${hostPath(host.id)}/task`, body);
    } catch (error) {
      if (!isInDoubt(error) && !isMember(error)) throw error;
      trouble = error;
    }
    const made = await find(start);
    if (made) return made;
    if (!trouble)
      throw new FogError(
        "refused",
        `${calls.label}: it answered that the task of host "${host.name}" is made, and has none. Look at its log (FOG Configuration, Log Viewer), and run it again.`,
      );
    // What did not answer in time may still be at it: a second one would make a second task.
    if (attempt === ATTEMPTS || trouble.reason === "timeout") throw trouble;
  }
}

const isMember = (error: unknown): error is FogError =>
  isFog(error, "conflict") && /already a member/i.test(error.said);

async function find(start: StartTask): Promise<FogTask | undefined> {
  for (const pause of start.pausesMs) {
    if (pause > 0) await start.calls.pause(pause);
    const made = await oursOrNone(start);
    if (made) return made;
  }
  return undefined;
}

/** Our active task of that type. Any other one of the host is an error: FOG would cancel some without a word. */
async function oursOrNone({ calls, host, type, name }: StartTask): Promise<FogTask | undefined> {
  const active = await activeTasks(calls, host.id);
  const ours = active.filter((one) => one.type === type && isCalled(one, name));
  const other = active.find((one) => !ours.includes(one));
  if (other)
    throw new FogError(
      "conflict",
      `${calls.label}: ${taskText(other)} is under way on host "${host.name}". Let it end, or cancel it there, and run it again.`,
    );
  const [first, ...more] = ours;
  if (first && more.length > 0)
    calls.warn(
      `host "${host.name}" has ${ours.length} tasks of ours in the FOG server (${ours.map(({ id }) => id).join(", ")}): ${first.id} is followed`,
    );
  return first;
}

/** A number that was given to another host since: its disk is not ours to touch. */
async function refuseUnlessSame(calls: Calls, { id, name }: Pick<FogHost, "id" | "name">): Promise<void> {
  const now = await readHost(calls, id);
  if (!now)
    throw new FogError("not-found", `${calls.label}: host "${name}" (${id}) does not exist any more.`);
  if (!sameName(now.name, name))
    throw new FogError(
      "conflict",
      `${calls.label}: host ${id} is called "${now.name}" now, not "${name}". Nothing was done to it.`,
    );
}

/**
 * Only ever by the host: the same call for a task cancels every active task of the server when its id names none
 * (recorded).
 */
export async function cancelTasks(calls: Calls, host: Pick<FogHost, "id" | "name">): Promise<void> {
  let active = await activeTasks(calls, host.id);
  if (active.length === 0) return;
  await refuseUnlessSame(calls, host);
  // One call ends one task.
  for (let left = active.length + 1; active.length > 0; left--) {
    let trouble: unknown;
    try {
      await calls.write("DELETE", `${hostPath(host.id)}/cancel`);
    } catch (error) {
      // With nothing active it answers 500 or 409, and that is what is wanted.
      if (!isInDoubt(error) && !isFog(error, "conflict", "refused")) throw error;
      trouble = error;
    }
    active = await activeTasks(calls, host.id);
    if (active[0] && left <= 1)
      throw (
        trouble ??
        new FogError(
          "refused",
          `${calls.label}: it answered that the tasks of host "${host.name}" are cancelled, and ${taskText(active[0])} is still active.`,
        )
      );
  }
}
