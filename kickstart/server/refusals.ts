import type { BootLog } from "./log";

export interface Stranger {
  address: string;
  /** As it claims. */
  mac?: string;
  /** Only for a machine of ours that asks at the wrong time. */
  machine?: string;
}

/** The same caller with the same reason is told again after this long. */
const REPEAT_MS = 60_000;
/** Lines at once, and how long until there is room for one more. */
const BURST = 60;
const REFILL_MS = 2_000;
/** All refusals of one log together. */
const MOST_BYTES = 4 << 20;
/** Callers that are remembered. */
const MOST_KEYS = 1_000;
const DETAIL_LENGTH = 300;

/** Tells of callers that were refused, but never so often that they could fill the disk. */
export class Refusals {
  readonly #log: BootLog;
  readonly #now: () => number;
  readonly #note: (line: string) => void;
  readonly #told = new Map<string, { at: number; more: number }>();
  #room = BURST;
  #refilledAt: number;
  #bytes: number | undefined;

  constructor(log: BootLog, note: (line: string) => void, now: () => number = Date.now) {
    this.#log = log;
    this.#note = note;
    this.#now = now;
    this.#refilledAt = now();
  }

  /** One line in the log, or a count for the next one. */
  tell(stranger: Stranger, reason: string): void {
    const now = this.#now();
    const key = [stranger.address, stranger.mac, reason].join(" ");
    const last = this.#told.get(key);
    if (last && now - last.at < REPEAT_MS) {
      last.more++;
      return;
    }
    if (!this.#takeRoom(now)) return;
    const more = last?.more ? ` (and ${last.more} more like it before)` : "";
    const detail = `${reason}${more}`.slice(0, DETAIL_LENGTH);
    const length = detail.length + 200;
    this.#bytes ??= this.#bytesSoFar();
    if (this.#bytes + length > MOST_BYTES) return;
    this.#bytes += length;
    this.#told.delete(key);
    this.#told.set(key, { at: now, more: 0 });
    const [oldest] = this.#told.keys();
    if (this.#told.size > MOST_KEYS && oldest !== undefined) this.#told.delete(oldest);
    this.#note(`refused ${stranger.mac ?? ""}${stranger.mac ? " " : ""}at ${stranger.address}: ${detail}`);
    this.#log.append({ stage: "refused", ...stranger, detail }).catch((error: unknown) => {
      this.#note(`the boot log cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  #takeRoom(now: number): boolean {
    const refills = Math.floor((now - this.#refilledAt) / REFILL_MS);
    if (refills > 0) {
      this.#room = Math.min(BURST, this.#room + refills);
      this.#refilledAt += refills * REFILL_MS;
    }
    if (this.#room === 0) return false;
    this.#room--;
    return true;
  }

  #bytesSoFar(): number {
    return this.#log
      .read()
      .filter(({ stage }) => stage === "refused")
      .reduce((sum, { detail }) => sum + (detail?.length ?? 0) + 200, 0);
  }
}
