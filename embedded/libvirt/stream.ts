import type { Writable } from "node:stream";
import { MESSAGE_STATUS as STATUS } from "../../providers/libvirt/rpc/procedures";
import { errorPayload } from "./connection";

/** As libvirtd 9.0.0 cuts them. */
const CHUNK_BYTES = 262_120;

interface Wire {
  send(status: number, payload: Buffer): void;
  drained(): Promise<void>;
  ended(): void;
}

/** The server's end of a stream that a call opened: an upload, a download or a console. */
export class ServerStream {
  private sink: ((data: Buffer) => Promise<void> | void) | undefined;
  private onFinish: (() => Promise<void> | void) | undefined;
  private onAbort: (() => void) | undefined;
  private work: Promise<void> = Promise.resolve();
  private over = false;

  constructor(private readonly wire: Wire) {}

  /** Take data from the client. `finish` is called at its end, before that is confirmed. */
  take(
    sink: (data: Buffer) => Promise<void> | void,
    finish: () => Promise<void> | void,
    abort: () => void,
  ): void {
    this.sink = sink;
    this.onFinish = finish;
    this.onAbort = abort;
  }

  /** Send data to the client until `next` gives undefined. */
  give(next: (bytes: number) => Buffer | undefined, finish: () => void): void {
    this.onAbort = finish;
    this.onFinish = finish;
    this.work = (async () => {
      for (;;) {
        const data = this.over ? undefined : next(CHUNK_BYTES);
        if (!data || data.length === 0) break;
        this.wire.send(STATUS.continue, data);
        await this.wire.drained();
      }
      // An empty packet says that there is no more; the client then says that it is done.
      if (!this.over) this.wire.send(STATUS.continue, Buffer.alloc(0));
    })().catch((error) => this.fail(error));
  }

  /** Push data as it comes, for a console. */
  push(data: Buffer): void {
    if (!this.over) this.wire.send(STATUS.continue, data);
  }
  end(): void {
    if (!this.over) this.wire.send(STATUS.continue, Buffer.alloc(0));
  }
  interactive(input: Writable | undefined, close: () => void): void {
    this.take((data) => void input?.write(data), close, close);
  }

  receive(status: number, payload: Buffer): void {
    this.work = this.work.then(() => this.accept(status, payload)).catch((error) => this.fail(error));
  }

  private async accept(status: number, payload: Buffer): Promise<void> {
    if (this.over) return;
    if (status === STATUS.continue) {
      await this.sink?.(payload);
      return;
    }
    if (status === STATUS.ok) await this.onFinish?.();
    else this.onAbort?.();
    this.close();
    this.wire.send(STATUS.ok, Buffer.alloc(0));
  }

  /** The link is gone. */
  abort(): void {
    if (this.over) return;
    this.onAbort?.();
    this.close();
  }

  fail(error: unknown): void {
    if (this.over) return;
    this.onAbort?.();
    this.close();
    this.wire.send(STATUS.error, errorPayload(error));
  }

  private close(): void {
    this.over = true;
    this.wire.ended();
  }
}
