import type { Socket } from "node:net";
import { LibvirtError } from "../../providers/libvirt/client";
import { encodePacket, type Packet, PacketSplitter } from "../../providers/libvirt/rpc/framing";
import {
  PROCEDURE,
  PROGRAM,
  type ProcedureName,
  MESSAGE_STATUS as STATUS,
  MESSAGE_TYPE as TYPE,
} from "../../providers/libvirt/rpc/procedures";
import { XdrReader, XdrWriter } from "../../providers/libvirt/rpc/xdr";
import { type FaultRule, Faults } from "../faults";
import { CODE, FROM, refuse } from "./errors";
import { HANDLERS } from "./procedures";
import type { Lab } from "./store/lab";
import { ServerStream } from "./stream";

/** Programs of the keep-alive protocol (virnetprotocol.x): a ping wants a pong. */
const KEEP_ALIVE = { program: 0x6b656570, ping: 1, pong: 2 };
/** What may be called before the driver is open. */
const BEFORE_OPEN: readonly string[] = ["authList", "authPolkit", "connectOpen", "connectClose"];

const NAMES = new Map<number, ProcedureName>(
  Object.entries(PROCEDURE).map(([name, number]) => [number, name as ProcedureName]),
);

/** One client. Calls are answered in turn; streams and events run beside them. */
export class ServerConnection {
  open = false;
  private readonly splitter = new PacketSplitter();
  private readonly streams = new Map<number, ServerStream>();
  private queue: Promise<void> = Promise.resolve();
  private callbacks = new Map<string, () => void>();

  constructor(
    private readonly socket: Socket,
    readonly lab: Lab,
    private readonly faults: Faults,
  ) {
    socket.on("data", (chunk) => this.receive(chunk as Buffer));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.ended());
  }

  /** A subscription of this client; it ends with the connection. */
  subscribe(key: string, cancel: () => void): void {
    this.callbacks.set(key, cancel);
  }
  unsubscribe(key: string): boolean {
    this.callbacks.get(key)?.();
    return this.callbacks.delete(key);
  }
  subscribed(key: string): boolean {
    return this.callbacks.has(key);
  }

  sendEvent(name: ProcedureName, body: XdrWriter): void {
    // Serial 1 as libvirt 9.0.0 sends it, although that is also the number of a call.
    this.send({
      procedure: PROCEDURE[name],
      type: TYPE.event,
      serial: 1,
      status: STATUS.ok,
      payload: body.bytes(),
    });
  }

  /** Stream packets of the call with this serial go to and come from here. */
  openStream(procedure: ProcedureName, serial: number): ServerStream {
    const stream = new ServerStream({
      send: (status, payload) =>
        this.send({ procedure: PROCEDURE[procedure], type: TYPE.stream, serial, status, payload }),
      drained: () => this.drained(),
      ended: () => this.streams.delete(serial),
    });
    this.streams.set(serial, stream);
    return stream;
  }

  private receive(chunk: Buffer): void {
    let packets: Packet[];
    try {
      packets = this.splitter.push(chunk);
    } catch (error) {
      this.lab.log(`libvirt: a client was dropped: ${(error as Error).message}`);
      this.socket.destroy();
      return;
    }
    for (const packet of packets) this.dispatch(packet);
  }

  private dispatch(packet: Packet): void {
    if (packet.program === KEEP_ALIVE.program) {
      if (packet.procedure !== KEEP_ALIVE.ping) return;
      const pong = { program: KEEP_ALIVE.program, procedure: KEEP_ALIVE.pong, type: TYPE.event };
      this.send({ ...pong, serial: 0, status: STATUS.ok, payload: Buffer.alloc(0) });
    } else if (packet.program !== PROGRAM) {
      this.reject(packet, refuse(CODE.rpc, FROM.rpc, `Cannot find program ${packet.program} version 1`));
    } else if (packet.type === TYPE.stream) {
      this.streams.get(packet.serial)?.receive(packet.status, Buffer.from(packet.payload));
    } else if (packet.type === TYPE.call) {
      this.queue = this.queue.then(() => this.answer(packet));
    }
  }

  private async answer(packet: Packet): Promise<void> {
    if (this.socket.destroyed) return;
    const name = NAMES.get(packet.procedure);
    if (!name) {
      this.reject(packet, refuse(CODE.rpc, FROM.rpc, `unknown procedure: ${packet.procedure}`));
      return;
    }
    try {
      if (!this.open && !BEFORE_OPEN.includes(name)) {
        throw refuse(CODE.internal, FROM.rpc, "hypervisor connection not open");
      }
      const fault = this.faults.next(name);
      if (fault && (await this.fail(packet, fault, name))) return;
      const { body, afterReply } = await this.perform(packet, name);
      if (fault?.after) {
        await this.failAfter(packet, fault);
        return;
      }
      this.reply(packet, body);
      afterReply?.();
    } catch (error) {
      this.reject(packet, error);
    }
  }

  private async perform(
    packet: Packet,
    name: ProcedureName,
  ): Promise<{ body: Buffer; afterReply?: () => void }> {
    const args = new XdrReader(packet.payload);
    let after: (() => void) | undefined;
    const call = {
      connection: this,
      lab: this.lab,
      serial: packet.serial,
      afterReply: (work: () => void) => {
        after = work;
      },
    };
    try {
      const body = (await HANDLERS[name](args, call)) ?? new XdrWriter();
      return { body: body.bytes(), ...(after === undefined ? {} : { afterReply: after }) };
    } catch (error) {
      if (error instanceof RangeError) throw refuse(CODE.rpc, FROM.rpc, "Unable to decode message payload");
      throw error;
    }
  }

  /** Act out a fault that comes instead of the work. True when the call is done with. */
  private async fail(packet: Packet, fault: FaultRule, name: ProcedureName): Promise<boolean> {
    if (fault.do === "slow") {
      await Faults.pause(fault);
      return false;
    }
    if (fault.after) return false;
    if (fault.do === "lie") this.reply(packet, Buffer.alloc(0));
    else if (fault.do === "close") this.socket.destroy();
    else if (fault.do === "error") this.reject(packet, scripted(fault, name));
    return true;
  }

  private async failAfter(packet: Packet, fault: FaultRule): Promise<void> {
    if (fault.do === "close") this.socket.destroy();
    else if (fault.do === "error") this.reject(packet, scripted(fault, "call"));
  }

  private reply(packet: Packet, payload: Buffer): void {
    const { procedure, serial } = packet;
    this.send({ procedure, type: TYPE.reply, serial, status: STATUS.ok, payload });
  }

  private reject(packet: Packet, error: unknown): void {
    if (!(error instanceof LibvirtError)) {
      this.lab.log(`procedure ${packet.procedure}: ${(error as Error).stack ?? error}`);
    }
    const { procedure, serial } = packet;
    this.send({ procedure, type: TYPE.reply, serial, status: STATUS.error, payload: errorPayload(error) });
  }

  private send(packet: Packet): void {
    if (!this.socket.destroyed && this.socket.writable) this.socket.write(encodePacket(packet));
  }

  private drained(): Promise<void> {
    if (this.socket.destroyed || !this.socket.writableNeedDrain) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        this.socket.off("drain", done).off("close", done);
        resolve();
      };
      this.socket.once("drain", done).once("close", done);
    });
  }

  /** libvirtd closes the link after it has answered connectClose. */
  end(): void {
    this.socket.end();
  }

  private ended(): void {
    for (const cancel of this.callbacks.values()) cancel();
    this.callbacks.clear();
    for (const stream of [...this.streams.values()]) stream.abort();
  }
}

const scripted = (fault: FaultRule, name: string): LibvirtError =>
  new LibvirtError(fault.code ?? CODE.system, FROM.rpc, fault.message ?? `scripted fault in ${name}`);

/** remote_error of remote_protocol.x. */
export function errorPayload(error: unknown): Buffer {
  const known =
    error instanceof LibvirtError
      ? error
      : refuse(CODE.internal, FROM.none, error instanceof Error ? error.message : String(error));
  return new XdrWriter()
    .i32(known.code)
    .i32(known.domain)
    .optionalString(known.message)
    .i32(2) // level: error
    .u32(0) // no domain
    .optionalString("%s")
    .optionalString(known.message)
    .optionalString(undefined)
    .i32(-1)
    .i32(-1)
    .u32(0) // no network
    .bytes();
}
