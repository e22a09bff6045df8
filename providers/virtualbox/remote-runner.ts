import { isDeadline } from "../core/errors";
import type { SshConnection } from "../ssh/client";
import { type Clock, systemClock } from "../ssh/clock";
import { REAL_ELSEWHERE } from "./binary";
import { VBoxManageMissing } from "./errors";
import type { RemoteLink } from "./remote-link";
import { LOCALE, NoAnswer, type Runner, type RunOptions, type RunResult } from "./runner";

/** A look for the program, or at the system. */
const LOOK_DEADLINE_S = 30;
/** Where progress counts, no fixed time does. */
const NO_DEADLINE_S = 7 * 24 * 3_600;
/** The first of its words that can be run, else the one in PATH. */
const FIND = 'for p do [ -x "$p" ] && { echo "$p"; exit; }; done; command -v VBoxManage';

export interface RemoteProgram {
  label: string;
  link: RemoteLink;
  /** Path of VBoxManage there. */
  program?: string | undefined;
  clock?: Clock;
}

/** VBoxManage at another host, over SSH. */
export function remoteRunner({ label, link, program, clock = systemClock }: RemoteProgram): Runner {
  let found: Promise<string> | undefined;
  const locate = (connection: SshConnection): Promise<string> => {
    if (program !== undefined) return Promise.resolve(program);
    found ??= findThere(label, connection).catch((error: unknown) => {
      found = undefined;
      throw error;
    });
    return found;
  };
  return {
    label,
    run: (argv, options) =>
      link.use(async (connection) => {
        const path = await locate(connection);
        const words = ["env", ...Object.entries(LOCALE).map((pair) => pair.join("=")), path, ...argv];
        const run = options.onProgress ? runWatched : runTimed;
        return run(connection, words, options, clock);
      }),
    close: () => link.close(),
  };
}

async function findThere(label: string, connection: SshConnection): Promise<string> {
  const { code, stdout } = await connection.exec(["sh", "-c", FIND, "sh", ...REAL_ELSEWHERE], {
    deadlineS: LOOK_DEADLINE_S,
  });
  const path = stdout.trim();
  if (code !== 0 || path === "")
    throw new VBoxManageMissing(
      `${label}: no VBoxManage there, neither in its usual places nor in PATH. Install VirtualBox, or name the program by vboxManage:`,
    );
  return path;
}

async function runTimed(
  connection: SshConnection,
  words: readonly string[],
  { deadlineMs, signal }: RunOptions,
): Promise<RunResult> {
  try {
    const deadlineS = deadlineMs / 1_000;
    return resultOf(await connection.exec(words, { deadlineS, ...(signal && { signal }) }));
  } catch (error) {
    throw isDeadline(error) ? new NoAnswer(`no answer within ${deadlineMs / 1_000} s`) : error;
  }
}

async function runWatched(
  connection: SshConnection,
  words: readonly string[],
  options: RunOptions,
  clock: Clock,
): Promise<RunResult> {
  const { deadlineMs, onProgress, signal } = options;
  const late = new AbortController();
  let cancel = () => {};
  const wind = () => {
    cancel();
    const reason = new NoAnswer(`no progress for ${deadlineMs / 1_000} s`);
    cancel = clock.timer(deadlineMs, () => late.abort(reason));
  };
  wind();
  try {
    const signals = signal ? [signal, late.signal] : [late.signal];
    const result = await connection.exec(words, {
      deadlineS: NO_DEADLINE_S,
      signal: AbortSignal.any(signals),
      onStderr: (text) => {
        wind();
        onProgress?.(text);
      },
    });
    return resultOf(result);
  } finally {
    cancel();
  }
}

const resultOf = (result: Awaited<ReturnType<SshConnection["exec"]>>): RunResult => ({
  code: result.code ?? 128,
  stdout: result.stdout,
  stderr: result.signal === undefined ? result.stderr : `${result.stderr}\nended by ${result.signal}`,
});
