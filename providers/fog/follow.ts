import type { ImagingConfig } from "../../stacks/config/types";
import type { Run } from "../core/definition";
import { DeadlineError, LabError } from "../core/errors";
import { stopwatch } from "../core/stopwatch";
import type { FogClient, FogHost, FogTask } from "./client";
import { FogError } from "./errors";
import { howToStop, progressText, taskText } from "./progress";

export type FollowRun = Pick<Run, "now" | "signal" | "progress" | "say">;

export interface Following {
  client: FogClient;
  host: Pick<FogHost, "id" | "name">;
  task: FogTask;
  /** For messages: `imaging with rocky9`. */
  what: string;
  limits: Required<Pick<ImagingConfig, "queuedS" | "stallS" | "totalS">>;
  /** Of the row, `5/8 imaging`. */
  step: string;
}

export interface Followed {
  task: FogTask;
  /** When it was last seen unfinished; absent when it had ended before we looked. */
  runningAt?: Date;
}

/** Failures that say nothing about the task: an imaging outlives a server that is away for a while. */
const PASSING: ReadonlySet<string> = new Set(["unreachable", "timeout", "server"]);

/**
 * Follow a task to its end: resolves when the server says that it is complete, and throws what became of it else.
 * FOG itself says nothing of a host that never came or died in the middle, so each has a deadline of our own.
 */
export const followTask = (following: Following, run: FollowRun): Promise<Followed> =>
  tellingWhatGoesOn(following, run, () => follow(following, run));

/** Do `work` while a task is under way; when the engine goes away, say what goes on without it. */
export async function tellingWhatGoesOn<T>(
  { client, host, task, what }: Pick<Following, "client" | "host" | "task" | "what">,
  run: FollowRun,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!run.signal.aborted) throw error;
    const goesOn = `stopped here; the ${what} of "${host.name}" goes on in ${client.server} as task ${task.id}. The next "pulumi up" follows it. ${howToStop(client, host)}`;
    run.say(goesOn, "warning");
    throw new LabError(`${host.name}: ${goesOn}`, { cause: error });
  }
}

async function follow(following: Following, run: FollowRun): Promise<Followed> {
  const { client, host, step, what, limits } = following;
  const watch = stopwatch(run);
  let seen = following.task;
  /** Seconds at which it last went on, and the state that it is in since then. */
  let moved = 0;
  let trouble: FogError | undefined;
  let runningAt: Date | undefined;
  for (;;) {
    run.signal.throwIfAborted();
    const before = run.now();
    const look = await lookAt(following);
    if (look instanceof FogError) trouble = look;
    else {
      trouble = undefined;
      if (look.state === 4) return { task: look, ...(runningAt ? { runningAt } : {}) };
      runningAt = before;
      if (hasMoved(seen, look)) moved = watch.elapsedS();
      seen = look;
    }
    const passed = watch.elapsedS();
    const leftS = Math.min(
      limits.totalS - passed,
      (seen.state === 3 ? limits.stallS : limits.queuedS) + moved - passed,
    );
    if (leftS <= 0) {
      // Waiting for a slot is no failure as long as somebody else uses it.
      if (seen.state === 2 && passed < limits.totalS && (await othersMove(following))) moved = passed;
      else throw tooLate(following, { seen, passed, quiet: passed - moved, trouble });
      continue;
    }
    const doubt = trouble ? `; ${trouble.message}` : "";
    run.progress(`[${step}] ${host.name}: ${what}, ${progressText(seen)}${doubt}`);
    await watch.pause(Math.max(1, Math.min(client.pollMs, leftS * 1_000)));
  }
}

/** The task in the server; a passing failure to look; throws for each bad end. */
async function lookAt({ client, host, task, what }: Following): Promise<FogTask | FogError> {
  let found: FogTask | undefined;
  try {
    found = await client.task(task.id);
  } catch (error) {
    if (error instanceof FogError && PASSING.has(error.reason)) return error;
    throw error;
  }
  if (!found || found.hostId !== host.id || found.type !== task.type)
    throw new LabError(
      `${host.name}: task ${task.id} of its ${what} vanished from ${client.server}, so nobody can say what became of it. Was it deleted there, or the server's database put back? Look at the host's console; "pulumi up" begins anew.`,
    );
  if (found.state === 5)
    throw new LabError(
      `${host.name}: its ${what} was cancelled in ${client.server} by somebody else: ${taskText(found)}, ${found.percent} % done. What is on its disk is not whole. Once that is cleared up, "pulumi up" begins anew.`,
    );
  if (found.state === 6)
    throw new LabError(
      `${host.name}: its ${what} failed, says ${client.server}: ${taskText(found)}, ${found.percent} % done. The host's console and the server's imaging log say why; "pulumi up" begins anew.`,
    );
  return found;
}

const hasMoved = (before: FogTask, now: FogTask): boolean =>
  before.state !== now.state || before.percent !== now.percent || before.copied !== now.copied;

async function othersMove({ client, host }: Following): Promise<boolean> {
  const active = await client.activeTasks().catch(() => []);
  return active.some(({ state, hostId }) => state === 3 && hostId !== host.id);
}

interface Last {
  seen: FogTask;
  passed: number;
  quiet: number;
  trouble: FogError | undefined;
}

function tooLate(following: Following, { seen, passed, quiet, trouble }: Last): DeadlineError {
  const { client, host, what, limits, task } = following;
  const s = (seconds: number) => `${seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds)} s`;
  const last = `Last seen of task ${task.id}: ${progressText(seen)}${trouble ? `; since then the server cannot be asked: ${trouble.message}` : ""}.`;
  const why =
    passed >= limits.totalS
      ? `its ${what} was not done within ${s(limits.totalS)}. ${last} Give it longer by "imaging: { total }", or look at its console.`
      : seen.state === 3
        ? `its ${what} made no progress for ${s(quiet)}. ${last} FOG does not tell of an imaging that failed: the host's console does.`
        : seen.state === 2
          ? `its ${what} got no slot for ${s(quiet)}, and no other host is being imaged. ${last} The server has no slots, or its storage node is disabled: see the node's maximum of clients.`
          : `it did not come to ${client.server} from the network within ${s(quiet)}. ${last} Is it on, is the network first in its boot order, and does its first card reach the server's DHCP and TFTP?`;
  return new DeadlineError(
    `${host.name}: ${why} The task holds the host until it ends, and "pulumi up" follows it. ${howToStop(client, host)} After that "pulumi up" begins anew.`,
    trouble ? { cause: trouble } : {},
  );
}
