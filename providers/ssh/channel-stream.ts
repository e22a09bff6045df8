import { Duplex } from "node:stream";
import type { Channel, ClientChannel } from "ssh2";

/**
 * An SSH channel as an ordinary Node stream. ssh2's own `Channel` has no error on a broken connection, swallows
 * writes to a closed channel without calling back, and its `destroy` takes no error.
 */
export class ChannelStream extends Duplex {
  readonly #channel: Channel;
  #waiting: ((error?: Error | null) => void) | undefined;

  /** `failure` is asked when the channel closes: an error if that was not a good end. */
  constructor(channel: Channel | ClientChannel, failure: () => Error | undefined = () => undefined) {
    super({ allowHalfOpen: true });
    this.#channel = channel;
    channel.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) channel.pause();
    });
    channel.on("end", () => this.push(null));
    channel.on("error", (error: Error) => this.destroy(error));
    // ssh2 emits this after everything was read, or when the connection broke.
    channel.on("close", () => {
      const error = failure() ?? (this.#waiting && new Error("the far side closed the channel"));
      if (error || this.readableEnded) this.destroy(error);
      else this.once("end", () => this.destroy());
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
