import type { Duplex } from "node:stream";
import { BackendError, DeadlineError } from "../../core/errors";
import { readError } from "./errors";
import { encodePacket, type Packet, PacketSplitter } from "./framing";
import { MESSAGE_STATUS, MESSAGE_TYPE, PROCEDURE, PROGRAM, type ProcedureName } from "./procedures";
import { RpcStream } from "./stream";
import { XdrReader } from "./xdr";

export interface ConnectionOptions {
  /** Whom messages speak of: the URI as configured. */
  label: string;
  /** How long a call may go without an answer. @default 60000 */
  deadlineMs?: number;
  /** Keep the process alive, or not: called when the first call starts and when the last one ends. */
  hold?: (busy: boolean) => void;
  now?: () => number;
}

interface PendingCall {
  name: ProcedureName;
  /** Sent, or later: the last answer to an earlier call, because the server takes calls in turn. */
  since: number;
  deadlineMs: number;
  resolve: (reply: XdrReader) => void;
  reject: (error: Error) => void;
}

type EventListener = (body: XdrReader) => void;

/**
 * Calls over one byte stream, matched by serial and pipelined: any number may be under way.
 * When the stream breaks, everything that waits is rejected with the reason.
 */
export class RpcConnection {
  readonly label: string;
  private readonly deadlineMs: number;
  private readonly now: () => number;
  private readonly hold: (busy: boolean) => void;
  private readonly splitter = new PacketSplitter();
  private readonly calls = new Map<number, PendingCall>();
  private readonly streams = new Map<number, RpcStream>();
  private readonly listeners = new Map<number, Set<EventListener>>();
  private readonly closeListeners = new Set<() => void>();
  private serial = 0;
  private lastHeard: number;
  private failure: Error | undefined;
  private timer: NodeJS.Timeout | undefined;
  private draining: Promise<void> | undefined;
  private held = false;

  constructor(
    private readonly stream: Duplex,
    options: ConnectionOptions,
  ) {
    this.label = options.label;
    this.deadlineMs = options.deadlineMs ?? 60_000;
    this.now = options.now ?? Date.now;
    this.hold = options.hold ?? (() => {});
    this.lastHeard = this.now();
    stream.on("data", (chunk: Buffer) => this.receive(chunk));
    stream.on("error", (error) => this.fail(error.message, error));
    stream.on("end", () => this.fail("the other side ended it"));
    stream.on("close", () => this.fail("it was closed"));
    this.hold(false);
  }

  /** Why nothing can be sent any more, once that is so. */
  get broken(): Error | undefined {
    return this.failure;
  }

  /** Called once when the link is gone; at once when it already is. */
  onClose(listener: () => void): void {
    if (this.failure) listener();
    else this.closeListeners.add(listener);
  }

  call(name: ProcedureName, payload: Buffer = Buffer.alloc(0), deadlineMs?: number): Promise<XdrReader> {
    return this.send(name, payload, ++this.serial, deadlineMs);
  }

  /**
   * A call whose reply is followed by stream packets of the same serial.
   * @param deadlineMs how long the stream may stand still; 0 for ever
   */
  async openStream(name: ProcedureName, payload: Buffer, deadlineMs = this.deadlineMs): Promise<RpcStream> {
    const serial = ++this.serial;
    // Registered before the reply: data may follow it in the same chunk.
    const stream = new RpcStream({
      label: `${this.label}: ${name}`,
      deadlineMs,
      send: (status, body) =>
        this.write({ procedure: PROCEDURE[name], type: MESSAGE_TYPE.stream, serial, status, payload: body }),
      drained: () => this.drained(),
      release: () => {
        this.streams.delete(serial);
        this.updateHold();
      },
    });
    this.streams.set(serial, stream);
    try {
      await this.send(name, payload, serial);
    } catch (error) {
      stream.fail(error as Error);
      throw error;
    }
    return stream;
  }

  /** Events of one procedure number, until the returned function is called. */
  onEvent(procedure: number, listener: EventListener): () => void {
    const set = this.listeners.get(procedure) ?? new Set();
    this.listeners.set(procedure, set.add(listener));
    return () => set.delete(listener);
  }

  /** Says goodbye, briefly, and drops the link. */
  async close(): Promise<void> {
    if (this.failure) return;
    await this.call("connectClose", undefined, 2_000).catch(() => undefined);
    this.fail("it was closed by us");
  }

  /** Drops the link and rejects all that waits. */
  destroy(reason: string): void {
    this.fail(reason);
  }

  private send(
    name: ProcedureName,
    payload: Buffer,
    serial: number,
    deadlineMs?: number,
  ): Promise<XdrReader> {
    return new Promise((resolve, reject) => {
      if (this.failure) {
        reject(this.failure);
        return;
      }
      const call = { name, since: this.now(), deadlineMs: deadlineMs ?? this.deadlineMs, resolve, reject };
      try {
        this.calls.set(serial, call);
        this.write({
          procedure: PROCEDURE[name],
          type: MESSAGE_TYPE.call,
          serial,
          status: MESSAGE_STATUS.ok,
          payload,
        });
      } catch (error) {
        this.calls.delete(serial);
        reject(error as Error);
      }
      this.updateHold();
    });
  }

  private write(packet: Packet): void {
    if (this.failure) throw this.failure;
    const bytes = encodePacket(packet);
    if (this.stream.write(bytes) || this.draining) return;
    this.draining = new Promise((resolve) => {
      const done = () => {
        this.draining = undefined;
        this.stream.off("drain", done).off("close", done);
        resolve();
      };
      this.stream.once("drain", done).once("close", done);
    });
  }

  /** When the stream takes more bytes; one wait shared by all who write. */
  private drained(): Promise<void> {
    return this.draining ?? Promise.resolve();
  }

  private receive(chunk: Buffer): void {
    if (this.failure) return;
    this.lastHeard = this.now();
    try {
      for (const packet of this.splitter.push(chunk)) this.dispatch(packet);
    } catch (error) {
      this.fail((error as Error).message, error as Error);
    }
  }

  /** By type before serial: events carry serial 1 (libvirt 9.0.0), which is also the first call's. */
  private dispatch(packet: Packet): void {
    if (packet.program !== PROGRAM) return;
    if (packet.type === MESSAGE_TYPE.event) {
      for (const listener of this.listeners.get(packet.procedure) ?? [])
        listener(new XdrReader(packet.payload));
    } else if (packet.type === MESSAGE_TYPE.stream) {
      this.streams.get(packet.serial)?.receive(packet.status, packet.payload);
    } else if (packet.type === MESSAGE_TYPE.reply) {
      const call = this.calls.get(packet.serial);
      // None: it ran into its deadline, and the answer comes late.
      if (!call) return;
      this.calls.delete(packet.serial);
      for (const [serial, other] of this.calls) if (serial > packet.serial) other.since = this.lastHeard;
      if (packet.status === MESSAGE_STATUS.ok) call.resolve(new XdrReader(packet.payload));
      else call.reject(readError(packet.payload));
      this.updateHold();
    }
  }

  private fail(reason: string, cause?: Error): void {
    if (this.failure) return;
    const waiting = [...this.calls.values()].map((call) => call.name);
    const during = waiting.length > 0 ? ` while ${waiting.slice(0, 3).join(", ")} had no answer` : "";
    this.failure = new BackendError(
      `${this.label}: the libvirt connection broke${during}: ${reason}. Whether a call under way took effect is not known; run again, and it carries on from what exists.`,
      { cause },
    );
    this.stream.destroy();
    for (const call of this.calls.values()) call.reject(this.failure);
    this.calls.clear();
    for (const stream of [...this.streams.values()]) stream.fail(this.failure);
    this.streams.clear();
    this.listeners.clear();
    this.updateHold();
    for (const listener of this.closeListeners) listener();
    this.closeListeners.clear();
  }

  private updateHold(): void {
    const busy = this.calls.size > 0 || this.streams.size > 0;
    if (busy !== this.held) this.hold(busy);
    this.held = busy;
    if (this.calls.size === 0) {
      clearTimeout(this.timer);
      this.timer = undefined;
    } else {
      this.timer ??= setTimeout(() => this.checkDeadlines(), Math.min(1_000, this.deadlineMs / 4));
    }
  }

  private checkDeadlines(): void {
    this.timer = undefined;
    const now = this.now();
    for (const [serial, call] of this.calls) {
      if (now - call.since < call.deadlineMs) continue;
      this.calls.delete(serial);
      const seconds = Math.round((now - call.since) / 1_000);
      call.reject(
        new DeadlineError(
          `${this.label}: ${call.name} had no answer for ${seconds} s. Look whether libvirtd on that host hangs (its log, "systemctl status libvirtd"); run again when it answers.`,
        ),
      );
      // Not a word for as long as that: the link itself is dead.
      if (now - this.lastHeard >= call.deadlineMs) this.fail(`nothing was heard for ${seconds} s`);
    }
    this.updateHold();
  }
}
