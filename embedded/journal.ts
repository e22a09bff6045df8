import * as fs from "node:fs";
import * as path from "node:path";

/** One line of the journal: the new value of a record, or null for "gone". */
interface Line {
  key: string;
  value: unknown;
}

/** How much journal may gather before it is folded into the snapshot. */
const FOLD_BYTES = 16 * 1024 * 1024;
/** A killed process loses nothing that was written; a power cut at most this much time. */
const SYNC_AFTER_MS = 200;

/**
 * Records on disk, by key: a snapshot and a journal of changes since. A change is in the journal before its call is
 * answered, so that a killed daemon forgets nothing that it has confirmed. A torn last line is dropped.
 */
export class Journal {
  private readonly records = new Map<string, string>();
  private generation = 0;
  private file = -1;
  private bytes = 0;
  private sync: NodeJS.Timeout | undefined;

  constructor(private readonly folder: string) {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.load();
    this.fold();
  }

  /** All records whose key begins with `prefix`. */
  all<T>(prefix: string): T[] {
    const found: T[] = [];
    for (const [key, json] of this.records) if (key.startsWith(prefix)) found.push(JSON.parse(json) as T);
    return found;
  }

  set(key: string, value: object): void {
    this.append(key, JSON.stringify(value));
  }

  delete(key: string): void {
    if (this.records.has(key)) this.append(key, undefined);
  }

  close(): void {
    if (this.file < 0) return;
    this.fold();
    clearTimeout(this.sync);
    fs.closeSync(this.file);
    this.file = -1;
  }

  private append(key: string, json: string | undefined): void {
    if (json === undefined) this.records.delete(key);
    else if (this.records.get(key) === json) return;
    else this.records.set(key, json);
    const line = `{"key":${JSON.stringify(key)},"value":${json ?? "null"}}\n`;
    fs.writeSync(this.file, line);
    this.bytes += line.length;
    this.sync ??= setTimeout(() => {
      this.sync = undefined;
      if (this.file >= 0) fs.fdatasync(this.file, () => {});
    }, SYNC_AFTER_MS).unref();
    if (this.bytes > FOLD_BYTES) this.fold();
  }

  private get snapshotPath(): string {
    return path.join(this.folder, "snapshot.json");
  }
  private journalPath(generation: number): string {
    return path.join(this.folder, `journal.${generation}`);
  }

  private load(): void {
    let snapshot: { generation: number; records: Record<string, unknown> };
    try {
      snapshot = JSON.parse(fs.readFileSync(this.snapshotPath, "utf8")) as typeof snapshot;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      throw error;
    }
    this.generation = snapshot.generation;
    for (const [key, value] of Object.entries(snapshot.records)) this.records.set(key, JSON.stringify(value));
    const journal = this.journalPath(this.generation);
    if (!fs.existsSync(journal)) return;
    for (const text of fs.readFileSync(journal, "utf8").split("\n")) {
      const line = parseLine(text);
      // What follows a torn line was never confirmed.
      if (!line) break;
      if (line.value === null) this.records.delete(line.key);
      else this.records.set(line.key, JSON.stringify(line.value));
    }
  }

  /** Write all records into a new snapshot and begin a new journal. Either the old pair or the new one is whole. */
  private fold(): void {
    const next = this.generation + 1;
    const journal = fs.openSync(this.journalPath(next), "w", 0o600);
    const body = [...this.records].map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(",\n");
    writeFileAtomically(this.snapshotPath, `{"generation":${next},"records":{${body}}}\n`);
    if (this.file >= 0) fs.closeSync(this.file);
    this.file = journal;
    this.bytes = 0;
    this.generation = next;
    for (const name of fs.readdirSync(this.folder)) {
      const match = /^journal\.(\d+)$/.exec(name);
      if (match && Number(match[1]) !== next) fs.rmSync(path.join(this.folder, name), { force: true });
    }
  }
}

function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Partial<Line>;
    return typeof line.key === "string" && "value" in line ? (line as Line) : undefined;
  } catch {
    return undefined;
  }
}

/** Replace a file's text: the old one or the new one is there at every moment, also after a power cut. */
export function writeFileAtomically(file: string, content: string | Buffer, mode = 0o600): void {
  const temporary = `${file}.${process.pid}.new`;
  const handle = fs.openSync(temporary, "w", mode);
  try {
    fs.writeFileSync(handle, content);
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(temporary, file);
  try {
    const folder = fs.openSync(path.dirname(file), "r");
    fs.fsyncSync(folder);
    fs.closeSync(folder);
  } catch {
    // Not every platform lets a folder be synced; the rename itself is atomic.
  }
}
