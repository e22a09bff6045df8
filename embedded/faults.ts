import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** One scripted fault. */
export interface FaultRule {
  /** Name of the remote procedure (`volumeUpload`), `*` for any, or `connect` for the connection itself. */
  procedure: string;
  /** Only the k-th matching call since the script was read, from 1. Absent: each. */
  nth?: number;
  /**
   * - `hang`: no answer ever
   * - `error`: an error reply with `code` and `message`
   * - `close`: the connection ends
   * - `slow`: the answer comes after `ms`
   * - `lie`: success is told and nothing done (calls with an empty reply only)
   */
  do: "hang" | "error" | "close" | "slow" | "lie";
  /** Do the work first, and lose only the answer. */
  after?: boolean;
  /** @default 38, a system error */
  code?: number;
  message?: string;
  /** @default 1000 */
  ms?: number;
}

/**
 * Faults by script: a file that is read again when it changes, or the text of an environment variable.
 * Counting starts anew with each change.
 */
export class Faults {
  private rules: { rule: FaultRule; seen: number }[] = [];
  private stamp = "";

  constructor(
    private readonly file: string,
    private readonly fixed: string | undefined = process.env.LABPLAN_EMBEDDED_FAULTS,
    private readonly log: (line: string) => void = () => {},
  ) {}

  /** The fault for this call, if any. Counts the call. */
  next(procedure: string): FaultRule | undefined {
    this.reload();
    let chosen: FaultRule | undefined;
    for (const entry of this.rules) {
      if (entry.rule.procedure !== procedure && entry.rule.procedure !== "*") continue;
      entry.seen++;
      if (entry.rule.nth === undefined || entry.rule.nth === entry.seen) chosen ??= entry.rule;
    }
    if (chosen) this.log(`fault: ${procedure}: ${chosen.do}${chosen.after ? " after" : ""}`);
    return chosen;
  }

  /** For `slow`. */
  static pause(rule: FaultRule): Promise<void> {
    return sleep(rule.ms ?? 1_000);
  }

  private reload(): void {
    let stamp = "none";
    try {
      const { mtimeMs, size, ino } = fs.statSync(this.file);
      stamp = `${mtimeMs} ${size} ${ino}`;
    } catch {
      // No file, no faults.
    }
    if (stamp === this.stamp) return;
    this.stamp = stamp;
    this.rules = [];
    for (const source of [this.fixed, stamp === "none" ? undefined : fs.readFileSync(this.file, "utf8")]) {
      if (!source) continue;
      try {
        this.rules.push(...(JSON.parse(source) as FaultRule[]).map((rule) => ({ rule, seen: 0 })));
      } catch (error) {
        this.log(`the fault script is no JSON: ${(error as Error).message}`);
      }
    }
  }
}
