import * as fs from "node:fs";
import { open } from "node:fs/promises";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fsyncFolder } from "./durable";
import { type BootEvent, STAGES } from "./types";

export const BOOT_LOG = "boot-log.jsonl";

const POLL_MS = 200;
const NEWLINE = 0x0a;
const STAGE_WORDS: ReadonlySet<unknown> = new Set([...STAGES, "refused"]);

interface Waiting {
  line: string;
  done: () => void;
  failed: (error: unknown) => void;
}

/**
 * What happened, one JSON object a line, appended and never changed. A line that `append` has returned for is on the
 * disk. A process killed while it wrote leaves at most one torn line, which readers skip and the next append ends.
 */
export class BootLog {
  readonly file: string;
  readonly #now: () => number;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | undefined;

  /** `folder` is the boot server's; made when it is not there. */
  constructor(folder: string, options: { now?: () => number } = {}) {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.file = path.join(folder, BOOT_LOG);
    this.#now = options.now ?? Date.now;
  }

  /** Resolves once the event is on the disk. Events of several callers at once share one write. */
  append(event: Omit<BootEvent, "at">): Promise<BootEvent> {
    const whole: BootEvent = { at: new Date(this.#now()).toISOString(), ...event };
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        line: `${JSON.stringify(whole)}\n`,
        done: () => resolve(whole),
        failed: reject,
      });
      this.#writing ??= this.#writeAll();
    });
  }

  /** All events so far, oldest first. */
  read(): BootEvent[] {
    let bytes: Buffer;
    try {
      bytes = fs.readFileSync(this.file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
    return parseLines(bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1));
  }

  /**
   * Events as they come, those there are already first; with `since: "now"` only new ones. Ends without an error when
   * the signal aborts. Events written by other processes are seen, too.
   */
  async *follow(
    signal: AbortSignal,
    options: { since?: "start" | "now" } = {},
  ): AsyncGenerator<BootEvent, void> {
    let offset = options.since === "now" ? this.#size() : 0;
    while (!signal.aborted) {
      const size = this.#size();
      // Somebody took the file away: begin with the new one.
      if (size < offset) offset = 0;
      const bytes = size > offset ? readRange(this.file, offset, size) : Buffer.alloc(0);
      const whole = bytes.lastIndexOf(NEWLINE) + 1;
      offset += whole;
      for (const event of parseLines(bytes.subarray(0, whole))) {
        if (signal.aborted) return;
        yield event;
      }
      if (whole > 0) continue;
      try {
        await sleep(POLL_MS, undefined, { signal });
      } catch {
        return;
      }
    }
  }

  /** Resolves once all that was appended so far is on the disk, or has failed. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  #size(): number {
    return fs.statSync(this.file, { throwIfNoEntry: false })?.size ?? 0;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0);
      try {
        await this.#write(Buffer.from(batch.map(({ line }) => line).join("")));
        for (const { done } of batch) done();
      } catch (error) {
        for (const { failed } of batch) failed(error);
      }
    }
    this.#writing = undefined;
  }

  async #write(lines: Buffer): Promise<void> {
    const isNew = !fs.existsSync(this.file);
    // O_APPEND: two processes' lines may follow each other, and never mix.
    const handle = await open(this.file, "a+", 0o600);
    try {
      const { size } = await handle.stat();
      const last = Buffer.alloc(1);
      if (size > 0) await handle.read(last, 0, 1, size - 1);
      // End the torn line of a process that was killed, so that ours is one of its own.
      const torn = size > 0 && last[0] !== NEWLINE;
      await handle.appendFile(torn ? Buffer.concat([Buffer.from("\n"), lines]) : lines);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    if (isNew) fsyncFolder(path.dirname(this.file));
  }
}

function readRange(file: string, from: number, to: number): Buffer {
  const handle = fs.openSync(file, "r");
  try {
    const bytes = Buffer.alloc(to - from);
    const read = fs.readSync(handle, bytes, 0, bytes.length, from);
    return bytes.subarray(0, read);
  } finally {
    fs.closeSync(handle);
  }
}

function parseLines(bytes: Buffer): BootEvent[] {
  return bytes
    .toString("utf8")
    .split("\n")
    .flatMap((line) => parseLine(line) ?? []);
}

/** Undefined for a torn line, and for what is no event of ours. */
function parseLine(line: string): BootEvent | undefined {
  if (line === "") return undefined;
  try {
    const read = JSON.parse(line) as Partial<BootEvent> | null;
    const good =
      typeof read?.at === "string" && typeof read.address === "string" && STAGE_WORDS.has(read.stage);
    return good ? (read as BootEvent) : undefined;
  } catch {
    return undefined;
  }
}
