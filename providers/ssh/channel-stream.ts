import { Duplex } from "node:stream";
import type { Channel, ClientChannel } from "ssh2";

/**
 * An SSH channel as an ordinary Node stream. ssh2's own `Channel` has no error on a broken connection, swallows
 * writes to a closed channel without calling back, and its `destroy` takes no error.
 */
export class ChannelStream extends Duplex {
  readonly #channel: Channel;
  #waiting: ((error?: Error | null) => void) | undefined;

  /**
   * `verdict` is given for a program: it tells, once the channel is closed, whether that was a bad end. The stream
   * ends only then, so that no reader takes the output of a failed program for complete.
   */
  constructor(channel: Channel | ClientChannel, verdict?: () => Error | undefined) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    // A link that breaks while nobody listens must not end the process; who reads or writes later still hears of it.
    this.on("error", () => {});
    channel.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.on("end", () => {
      if (!verdict) this.push(null);
    });
    channel.on("error", (error: Error) => this.destroy(error));
    // ssh2 emits this after everything was read, or when the connection broke.
    channel.on("close", () => {
      const error = verdict?.() ?? (this.#waiting && new Error("the far side closed the channel"));
      if (error || this.readableEnded) {
        this.destroy(error);
        return;
      }
      this.once("end", () => this.destroy());
      if (verdict) this.push(null);
    });
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (!this.#channel.writable) {
      callback(new Error("the far side closed the channel"));
      return;
    }
    this.#waiting = callback;
    this.#channel.write(chunk, () => {
      if (this.#waiting !== callback) return;
      this.#waiting = undefined;
      callback();
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#channel.writable) this.#channel.end();
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    this.#channel.close();
    // The rest is thrown away, so that the channel's own close is seen.
    this.#channel.resume();
    waiting?.(error ?? new Error("the stream was destroyed"));
    callback(error);
  }
}
