import { BackendError, DeadlineError } from "../../core/errors";
import { readError } from "./errors";
import { MESSAGE_STATUS } from "./procedures";

interface StreamLink {
  label: string;
  /** 0 for ever. */
  deadlineMs: number;
  send: (status: number, body: Buffer) => void;
  drained: () => Promise<void>;
  release: () => void;
}

/**
 * Raw bytes that follow a call: uploads, downloads, consoles.
 * Data packets have status `continue`; an empty one is the end of what the server reads out; `ok` is the handshake at
 * the end, `error` the failure of either side.
 */
export class RpcStream {
  private readonly chunks: Buffer[] = [];
  private ended = false;
  private finished = false;
  private failure: Error | undefined;
  private wake: () => void = () => {};

  constructor(private readonly link: StreamLink) {}

  /** Send one packet of data; resolves when the next may follow. */
  async write(data: Buffer): Promise<void> {
    if (this.failure) throw this.failure;
    this.link.send(MESSAGE_STATUS.continue, data);
    await this.within(this.link.drained(), "took no more data");
    if (this.failure) throw this.failure;
  }

  /** The next data, or undefined at the end. */
  async read(): Promise<Buffer | undefined> {
    while (this.chunks.length === 0 && !this.ended && !this.failure) await this.news("sent no data");
    const chunk = this.chunks.shift();
    if (chunk) return chunk;
    if (this.failure) throw this.failure;
    return undefined;
  }

  /** Tell the server that this is all, and wait until it says that all is done. */
  async finish(): Promise<void> {
    if (this.failure) throw this.failure;
    this.link.send(MESSAGE_STATUS.ok, Buffer.alloc(0));
    while (!this.finished && !this.failure) await this.news("did not confirm the end");
    this.link.release();
    if (this.failure) throw this.failure;
  }

  /** Give it up; harmless when it has ended already. */
  abort(): void {
    if (this.finished || this.failure) return;
    this.tellAbort();
    this.fail(new BackendError(`${this.link.label}: given up by us`));
  }

  /** A packet of this stream, from the connection. */
  receive(status: number, payload: Buffer): void {
    if (status === MESSAGE_STATUS.error) this.fail(readError(payload));
    else if (status === MESSAGE_STATUS.ok) this.finished = true;
    else if (payload.length > 0) this.chunks.push(payload);
    else this.ended = true;
    this.wake();
  }

  fail(error: Error): void {
    this.failure ??= error;
    this.link.release();
    this.wake();
  }

  private tellAbort(): void {
    try {
      this.link.send(MESSAGE_STATUS.error, Buffer.alloc(0));
    } catch {
      // The link is gone, and the stream with it.
    }
  }

  private news(complaint: string): Promise<void> {
    return this.within(
      new Promise((resolve) => {
        this.wake = resolve;
      }),
      complaint,
    );
  }

  private async within(wait: Promise<void>, complaint: string): Promise<void> {
    if (this.link.deadlineMs === 0) return wait;
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.tellAbort();
        const seconds = Math.round(this.link.deadlineMs / 1_000);
        this.fail(
          new DeadlineError(
            `${this.link.label}: the server ${complaint} for ${seconds} s; run again to repeat it.`,
          ),
        );
        resolve();
      }, this.link.deadlineMs);
    });
    await Promise.race([wait, deadline]);
    clearTimeout(timer);
  }
}
