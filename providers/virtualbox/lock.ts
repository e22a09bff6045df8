import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { breakDead, tryLink } from "../../embedded/lock";
import { DeadlineError, LabError } from "../core/errors";
import { isAlive, startOf } from "../core/processes";
import { type Clock, sleep } from "../ssh/clock";

/** Who holds a lock, as its file tells. */
interface Holder {
  pid: number;
  /** When that process started, which with its pid names it for good. */
  started?: string | undefined;
  /** Its working directory. */
  folder: string;
  /** ISO 8601. */
  since: string;
}

export interface LockOptions {
  file: string;
  /** For messages: `VirtualBox on this machine`. */
  label: string;
  clock: Clock;
  /** Seconds until the wait for another run is given up. @default 600 */
  waitS?: number;
}

const POLL_MS = 20;
/** How often a run that waits says so. */
const TELL_MS = 5_000;
const FIRST_TELL_MS = 1_000;

/**
 * One run at a time of those on this machine that use the same VirtualBox: two at once make VBoxSVC fail or hang. Held
 * while there is something to do, and handed over between two calls when another process waits.
 */
export class HostLock {
  readonly #options: LockOptions;
  #held = false;

  constructor(options: LockOptions) {
    this.#options = options;
  }

  /** Returns once it is ours. `tell` hears who has it, if somebody does for long. */
  async take(signal: AbortSignal | undefined, tell: (message: string) => void): Promise<void> {
    if (this.#held) return;
    const { file, label, clock, waitS = 600 } = this.#options;
    // Its being there is how the holder knows that somebody waits.
    const own = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    const started = clock.now();
    let tellAt = started + FIRST_TELL_MS;
    fs.writeFileSync(own, JSON.stringify(ourselves()), { mode: 0o600 });
    try {
      while (!tryLink(own, file)) {
        breakDead(file);
        const now = clock.now();
        if (now >= tellAt) {
          tell(`waiting for ${label}: ${describe(holderOf(file))}`);
          tellAt = now + TELL_MS;
        }
        if (now - started > waitS * 1_000)
          throw new DeadlineError(
            `${label}: another run has used it for more than ${waitS} s: ${describe(holderOf(file))}. Wait for its end, or end it, and run again (lock file ${file}).`,
          );
        await sleep(clock, POLL_MS, signal);
      }
      this.#held = true;
    } finally {
      fs.rmSync(own, { force: true });
    }
  }

  /** Let another process have it that waits, where one does. */
  async yield(): Promise<void> {
    if (!this.#held || !this.#isWanted()) return;
    this.release();
    await sleep(this.#options.clock, 3 * POLL_MS);
  }

  release(): void {
    if (!this.#held) return;
    this.#held = false;
    fs.rmSync(this.#options.file, { force: true });
  }

  #isWanted(): boolean {
    const { file } = this.#options;
    const prefix = `${path.basename(file)}.`;
    return fs.readdirSync(path.dirname(file)).some((name) => {
      if (!name.startsWith(prefix)) return false;
      const pid = Number(name.slice(prefix.length).split(".")[0]);
      if (isAlive(pid)) return true;
      // Left by a run that was killed while it waited.
      fs.rmSync(path.join(path.dirname(file), name), { force: true });
      return false;
    });
  }
}

function ourselves(): Holder {
  return {
    pid: process.pid,
    started: startOf(process.pid),
    folder: process.cwd(),
    since: new Date().toISOString(),
  };
}

function holderOf(file: string): Holder | undefined {
  try {
    return JSON.parse(fs.readFileSync(file, "utf8")) as Holder;
  } catch {
    return undefined;
  }
}

const describe = (holder: Holder | undefined): string =>
  holder === undefined
    ? "another run has just had it"
    : `process ${holder.pid} in ${holder.folder} has it since ${holder.since.slice(11, 19)} UTC`;

/** Folder of this user for the lock files: the same for all runs, whatever their TMPDIR or session is. */
export function lockFolder(): string {
  const uid = process.getuid?.();
  const folder = uid === undefined ? path.join(os.tmpdir(), "labplan") : `/tmp/labplan-${uid}`;
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const status = fs.lstatSync(folder);
  if (!status.isDirectory() || (uid !== undefined && (status.uid !== uid || (status.mode & 0o077) !== 0)))
    throw new LabError(`${folder} belongs to someone else or is open to others. Remove it, and run again.`);
  return folder;
}
