import { Duplex } from "node:stream";
import { encodePacket, type Packet, PacketSplitter } from "../../../../../providers/libvirt/rpc/framing";
import { MESSAGE_STATUS, MESSAGE_TYPE, PROCEDURE } from "../../../../../providers/libvirt/rpc/procedures";
import { XdrWriter } from "../../../../../providers/libvirt/rpc/xdr";

/** The far end of a link, played by a test: what came in, and the means to answer. */
export class FakeServer {
  readonly received: Packet[] = [];
  /** For the client. */
  readonly stream: Duplex;
  /** Called for each packet. */
  onPacket: (packet: Packet) => void = () => {};
  /** While false the client's writes are not taken. */
  reading = true;
  private readonly splitter = new PacketSplitter();
  private stalled: (() => void) | undefined;

  constructor(highWaterMark = 16 * 1024) {
    this.stream = new Duplex({
      writableHighWaterMark: highWaterMark,
      read() {},
      write: (chunk: Buffer, _, done) => {
        for (const packet of this.splitter.push(chunk)) {
          this.received.push(packet);
          this.onPacket(packet);
        }
        if (this.reading) done();
        else this.stalled = done;
      },
    });
  }

  resume(): void {
    this.reading = true;
    const done = this.stalled;
    this.stalled = undefined;
    done?.();
  }

  send(packet: Partial<Packet>): void {
    this.stream.push(encodePacket(whole(packet)));
  }

  reply(to: Packet, write: (body: XdrWriter) => unknown = () => {}): void {
    const { procedure, serial } = to;
    this.send({ procedure, serial, type: MESSAGE_TYPE.reply, payload: body(write) });
  }

  refuse(to: Packet, code: number, message: string, type: number = MESSAGE_TYPE.reply): void {
    const { procedure, serial } = to;
    this.send({ procedure, serial, type, status: MESSAGE_STATUS.error, payload: errorBody(code, message) });
  }

  /** Answer calls by name; what is not in the table gets an empty reply. */
  answer(table: Partial<Record<keyof typeof PROCEDURE, (call: Packet) => void>>): void {
    const byNumber = new Map(
      Object.entries(table).map(([name, act]) => [PROCEDURE[name as keyof typeof PROCEDURE], act]),
    );
    this.onPacket = (packet) => {
      if (packet.type !== MESSAGE_TYPE.call) return;
      const act = byNumber.get(packet.procedure as never);
      if (act) act(packet);
      else this.reply(packet);
    };
  }
}

export const whole = (packet: Partial<Packet>): Packet => ({
  procedure: 0,
  type: MESSAGE_TYPE.reply,
  serial: 0,
  status: MESSAGE_STATUS.ok,
  payload: Buffer.alloc(0),
  ...packet,
});

export function body(write: (body: XdrWriter) => unknown): Buffer {
  const writer = new XdrWriter();
  write(writer);
  return writer.bytes();
}

/** As libvirtd sends it: with the fields that nobody reads. */
export const errorBody = (code: number, message: string): Buffer =>
  body((writer) =>
    writer
      .i32(code)
      .i32(10)
      .optionalString(message)
      .i32(2)
      .u32(0)
      .u32(0)
      .u32(0)
      .u32(0)
      .i32(-1)
      .i32(-1)
      .u32(0),
  );
