import type { Run } from "../../core/definition";
import { BackendError, DeadlineError, LabError } from "../../core/errors";
import { stopwatch } from "../../core/stopwatch";
import { fetchLog, masked } from "../log";
import { type NodeLink, UserShell } from "../on-node";
import { cloneOf, RUN } from "../places";
import { type PolledRun, poll } from "../poll";
import { ENDS_WITH_LOGIN, EXIT, START, scopeOf } from "../runner";
import type { NodeInputs } from "../types";
import { isFollowed, type Limits, overdue } from "./decide";

export type NodeRun = Pick<Run, "mark" | "now" | "signal" | "progress" | "say" | "random" | "on" | "backend">;

/** What the work on one node needs. */
export interface Work {
  link: NodeLink;
  inputs: NodeInputs;
  run: NodeRun;
  /** Values that no message may hold. */
  secrets: readonly string[];
  /** How the node is told who follows. */
  me: string;
}

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 3_000;
/** Looks at who follows a run, before it is taken over. */
const GUARD_PAUSE_MS = 2_000;

/** Nobody else is on it: a second run says who is, and since when. */
export async function guard(work: Work): Promise<void> {
  const { link, inputs, run, me } = work;
  const watch = stopwatch(run);
  let first: number | undefined;
  for (;;) {
    const polled = await link.repeat((shell) => poll(shell, inputs));
    if (!isFollowed(polled, me)) return;
    const { name, at } = polled.follower as { name: string; at: number };
    first ??= at;
    if (at > first) {
      const { script, begun, phase } = polled.run as PolledRun;
      const since = new Date(begun * 1000).toISOString();
      throw new LabError(
        `"${inputs.name}": ${name} is at it: ${script} runs there since ${since}${phase ? ` (phase ${phase})` : ""}. Nothing is done twice at once; wait for it, or stop it there, and repeat.`,
      );
    }
    run.progress(`[wait] ${name} followed ${polled.run?.script} here until just now`);
    await watch.pause(GUARD_PAUSE_MS);
  }
}

/** Begin one of devstack's scripts there; it goes on whatever becomes of us. Returns its id, or that of one that was quicker. */
export async function start(work: Work, script: string, digest: string): Promise<void> {
  const { link, inputs, run, me } = work;
  const account = new UserShell(link.shell, inputs);
  const id = run.random(6).toString("hex");
  const words = [cloneOf(inputs), script, id, digest, me];
  // Only where it has to be: out of a login, some systems begin one for each sudo.
  const isEnded = (await link.shell.exec(ENDS_WITH_LOGIN)).code === 0;
  const { code } = await account.run(`start ${script}`, START, words, {
    codes: [EXIT.busy],
    ...(isEnded ? { within: scopeOf(id) } : {}),
  });
  if (code === EXIT.busy)
    throw new LabError(
      `"${inputs.name}": another run began one of devstack's scripts there at this very moment. Repeat: what it stacks is followed, or told.`,
    );
}

export interface Following extends Limits {
  /** Begins the progress: `6/8 stack.sh`. */
  step: string;
  script: string;
}

/** A run that is given up in order says that nobody follows any more: the next need not wait for it. */
const LEAVE = `[ "$(cat ${RUN}/follower 2>/dev/null)" != "$1" ] || rm -f ${RUN}/follower`;

export async function follow(work: Work, following: Following): Promise<PolledRun> {
  try {
    return await followed(work, following);
  } finally {
    const { link, inputs, me } = work;
    await new UserShell(link.shell, inputs).exec(LEAVE, [me], { deadlineS: 5 }).catch(() => undefined);
  }
}

/** Follow what runs to its end. Being too long or too silent is an error; it is ended by the next try's undo only. */
async function followed(work: Work, following: Following): Promise<PolledRun> {
  const { link, inputs, run, me } = work;
  const watch = stopwatch(run);
  let id: string | undefined;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 1.3)) {
    const { now, run: seen } = await link.repeat((shell) => poll(shell, inputs, me));
    id ??= seen?.id;
    if (!seen || seen.id !== id || seen.script !== following.script)
      throw new LabError(
        `"${inputs.name}": somebody else began ${seen?.script ?? "nothing"} there meanwhile. Look there who works on it, and repeat.`,
      );
    if (seen.state === "ended") return seen;
    if (seen.state !== "running") throw await failure(work, seen, "was killed there");
    const late = overdue(seen, now, following);
    if (late) throw await tooLate(work, seen, now, late, following);
    run.progress(`[${following.step}] ${progressOf(seen, now, work.secrets)}`);
    await watch.pause(pause);
  }
}

/** `phase install, 1203 lines, 6 min, about 12 min left; last: …` */
export function progressOf(run: PolledRun, now: number, secrets: Iterable<string>): string {
  const seconds = Math.max(0, now - run.begun);
  const left = run.usual === undefined ? undefined : run.usual - seconds;
  const parts = [
    ...(run.phase ? [`phase ${run.phase.replace(/^stack /, "")}`] : []),
    `${run.lines} lines`,
    span(seconds),
    ...(left === undefined
      ? []
      : [left > 0 ? `about ${span(left)} left` : `longer than the ${span(run.usual ?? 0)} of last time`]),
  ];
  const last = run.last.at(-1);
  const text = last === undefined ? "" : `; last: ${clean(masked(last, secrets)).slice(0, 100)}`;
  return `${parts.join(", ")}${text}`;
}

export const span = (seconds: number): string =>
  seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;

/** Logs are full of colours. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
const clean = (text: string): string => text.replace(/\u001b\[[0-9;]*m|[\u0000-\u001f\u007f]/g, " ").trim();

const lastOf = (run: PolledRun, secrets: readonly string[]): string =>
  run.last.map((line) => `  ${clean(masked(line, secrets))}`).join("\n") || "  (it said nothing)";

const inPhase = (run: PolledRun): string =>
  run.phase ? ` in phase ${run.phase.replace(/^stack /, "")}` : "";

/** The error of a script that ended badly, with the end of its log, which is fetched as a whole. */
export async function failure(work: Work, run: PolledRun, how: string): Promise<LabError> {
  const { link, inputs, secrets } = work;
  const path = await link
    .repeat((shell) => fetchLog(new UserShell(shell, inputs), inputs, run.script, secrets, work.run))
    .catch(() => undefined);
  const where = path === undefined ? "" : `The log is in ${path}; on the node it `;
  return new BackendError(
    `"${inputs.name}": ${run.script} ${how}${inPhase(run)} after ${run.lines} lines. It said last:\n${lastOf(run, secrets)}\n${where || "The log "}is ${RUN}/${run.script}.log. "pulumi up" resumes here: it takes back what was begun (unstack.sh), and stacks again.`,
  );
}

async function tooLate(
  work: Work,
  run: PolledRun,
  now: number,
  late: "silent" | "long",
  { timeoutS, silenceS }: Limits,
): Promise<DeadlineError> {
  const told = await failure(work, run, "hangs");
  const why =
    late === "silent"
      ? `it has said nothing for ${span(now - run.heard)} (limit ${span(silenceS)})`
      : `it has run for ${span(now - run.begun)} (limit ${span(timeoutS)})`;
  return new DeadlineError(
    `${told.message}\n${why[0]?.toUpperCase()}${why.slice(1)}. It still runs there: the next "pulumi up" ends it, or goes on following it when the limit is raised.`,
  );
}
