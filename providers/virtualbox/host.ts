import { type Clock, systemClock } from "../ssh/clock";
import { failureOf, withoutWarning } from "./classify";
import { VirtualBoxHangs } from "./errors";
import type { HostFiles } from "./files";
import { Line } from "./line";
import type { HostLock } from "./lock";
import { percentReader } from "./progress";
import { retried } from "./retry";
import { NoAnswer, type Runner, type RunOptions, type RunResult } from "./runner";

export interface HostParts {
  runner: Runner;
  files: HostFiles;
  lock: Pick<HostLock, "take" | "yield" | "release">;
  clock?: Clock;
  random?: () => number;
  /** Milliseconds that a call may take; of a long operation, milliseconds without progress. @default 60000 */
  deadlineMs?: number;
}

export interface Call {
  signal?: AbortSignal | undefined;
  tell: (message: string) => void;
  /** A long operation, whose progress counts against the deadline. */
  long?: boolean;
  onPercent?: ((percent: number) => void) | undefined;
}

/** Enough for a VBoxSVC that has to start first on a busy machine. */
const PROBE_DEADLINE_MS = 5_000;
const PROBE = ["list", "runningvms"];
/** Commands that change nothing. */
const LOOKS: ReadonlySet<string> = new Set(["list", "showvminfo", "showmediuminfo", "getextradata"]);
/**
 * Of clients that come one after another, about one in a hundred does not get VBoxSVC's first answer and asks again
 * after 10 s, while another client is answered at once (measured on 7.2.22, in a plain shell loop as well). A look can
 * be begun anew; what writes cannot.
 */
const LOOK_SLICES_MS = [1_000, 4_000];

/** VirtualBox of one host: every call of this process goes through here. */
export class Host {
  readonly label: string;
  readonly files: HostFiles;
  readonly #runner: Runner;
  readonly #line: Line;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #deadlineMs: number;
  /** Whether the first call was made: it starts VBoxSVC. */
  #warm = false;
  #hung = false;

  constructor(parts: HostParts) {
    this.#runner = parts.runner;
    this.label = parts.runner.label;
    this.files = parts.files;
    this.#line = new Line(parts.lock);
    this.#clock = parts.clock ?? systemClock;
    this.#random = parts.random ?? Math.random;
    this.#deadlineMs = parts.deadlineMs ?? 60_000;
  }

  /** What VBoxManage wrote to stdout; its failure is thrown. Passing failures are repeated. */
  call(argv: readonly string[], call: Call): Promise<string> {
    const { signal, tell } = call;
    return this.#line.enter({
      signal,
      tell,
      work: async () => {
        await this.#ready(signal);
        const tools = { clock: this.#clock, random: this.#random, signal };
        return retried(() => this.#attempt(argv, call), tools);
      },
    });
  }

  close(): Promise<void> {
    return this.#runner.close();
  }

  /**
   * A first call by itself starts VBoxSVC, whose start can fail in passing. After one that did not answer, a short look
   * tells whether it does again: else each call in the line would wait for its whole deadline.
   */
  async #ready(signal: AbortSignal | undefined): Promise<void> {
    if (this.#warm && !this.#hung) return;
    const deadlineMs = this.#hung ? Math.min(PROBE_DEADLINE_MS, this.#deadlineMs) : this.#deadlineMs;
    const tools = { clock: this.#clock, random: this.#random, signal };
    await retried(async () => {
      const failure = failureOf(this.label, PROBE, await this.#run(PROBE, { deadlineMs, signal }));
      if (failure) throw failure;
    }, tools);
    this.#warm = true;
    this.#hung = false;
  }

  async #attempt(argv: readonly string[], call: Call): Promise<string> {
    const { signal, long, onPercent } = call;
    const result = await this.#run(argv, {
      deadlineMs: this.#deadlineMs,
      signal,
      ...(long && { onProgress: percentReader(onPercent ?? (() => {})) }),
    });
    const failure = failureOf(this.label, argv, result);
    if (failure) throw failure;
    return withoutWarning(result.stdout);
  }

  async #run(argv: readonly string[], options: RunOptions): Promise<RunResult> {
    const { deadlineMs } = options;
    let left = deadlineMs;
    try {
      for (const slice of LOOKS.has(argv[0] ?? "") ? LOOK_SLICES_MS : []) {
        if (left < 2 * slice) break;
        const result = await this.#unlessLate(argv, { ...options, deadlineMs: slice });
        if (result) return result;
        left -= slice;
      }
      return await this.#runner.run(argv, { ...options, deadlineMs: left });
    } catch (error) {
      if (!(error instanceof NoAnswer)) throw error;
      this.#hung = true;
      throw new VirtualBoxHangs(
        `${this.label}: VBoxSVC does not answer (VBoxManage ${argv[0]}: nothing for ${deadlineMs / 1_000} s). It is left as it is, because running machines depend on it. Shut them down, end VBoxSVC, and run again.`,
        { cause: error },
      );
    }
  }

  async #unlessLate(argv: readonly string[], options: RunOptions): Promise<RunResult | undefined> {
    try {
      return await this.#runner.run(argv, options);
    } catch (error) {
      if (error instanceof NoAnswer) return undefined;
      throw error;
    }
  }
}
