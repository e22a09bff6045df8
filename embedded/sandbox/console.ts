import { PassThrough, type Readable } from "node:stream";

/** As much of a boot's output as is kept for who opens the console late. */
const KEPT_BYTES = 64 * 1024;

/** The serial console of one machine: what it has said since power on, and what it says next. */
export class SerialConsole {
  private kept = "";
  private readonly readers = new Set<PassThrough>();

  write(text: string): void {
    const lines = text.replace(/\r?\n/g, "\r\n");
    this.kept = (this.kept + lines).slice(-KEPT_BYTES);
    for (const reader of this.readers) reader.write(lines);
  }

  open(): Readable {
    const reader = new PassThrough();
    if (this.kept) reader.write(this.kept);
    this.readers.add(reader);
    reader.on("close", () => this.readers.delete(reader));
    return reader;
  }

  /** Power off: readers see the end. */
  end(): void {
    for (const reader of this.readers) reader.end();
    this.readers.clear();
    this.kept = "";
  }
}
