import { MAX_RECEIVED_BYTES, MAX_SENT_BYTES, PROGRAM, VERSION } from "./procedures";

/** One message of the remote protocol. Shared by the client and the embedded server. */
export interface Packet {
  procedure: number;
  /** MESSAGE_TYPE */
  type: number;
  serial: number;
  /** MESSAGE_STATUS */
  status: number;
  payload: Buffer;
  /** @default PROGRAM; other programs (keep-alive 0x6b656570) may share the link */
  program?: number;
}

/** Length word and six header words (virNetMessageHeader). */
export const HEADER_BYTES = 28;

/** The byte stream is not what a libvirt speaks; the link is of no use afterwards. */
export class FramingError extends Error {
  override readonly name = "FramingError";
}

/** The packet as bytes. Throws for one that no server takes. */
export function encodePacket(packet: Packet): Buffer {
  const length = HEADER_BYTES + packet.payload.length;
  if (length > MAX_SENT_BYTES) {
    throw new FramingError(`libvirt: a message of ${length} bytes is over the limit of ${MAX_SENT_BYTES}`);
  }
  const header = Buffer.alloc(HEADER_BYTES);
  const words = [
    length,
    packet.program ?? PROGRAM,
    VERSION,
    packet.procedure,
    packet.type,
    packet.serial >>> 0,
    packet.status,
  ];
  for (const [index, word] of words.entries()) header.writeUInt32BE(word, index * 4);
  return Buffer.concat([header, packet.payload]);
}

/**
 * Cuts a byte stream into packets: feed it what arrives, in any slices.
 * A length that cannot be right throws at once, so that a peer that is no libvirt cannot make us wait for 4 GiB.
 */
export class PacketSplitter {
  private chunks: Buffer[] = [];
  private buffered = 0;
  /** Whole length of the packet being received, once its first word is here. */
  private wanted = 4;

  constructor(private readonly maxBytes: number = MAX_RECEIVED_BYTES) {}

  push(chunk: Buffer): Packet[] {
    this.chunks.push(chunk);
    this.buffered += chunk.length;
    const packets: Packet[] = [];
    while (this.buffered >= this.wanted) {
      const buffer = this.chunks.length === 1 ? (this.chunks[0] as Buffer) : Buffer.concat(this.chunks);
      const length = buffer.readUInt32BE(0);
      if (length < HEADER_BYTES || length > this.maxBytes) {
        throw new FramingError(
          `libvirt: the peer announced a message of ${length} bytes; this is not a libvirt`,
        );
      }
      if (buffer.length < length) {
        this.chunks = [buffer];
        this.wanted = length;
        break;
      }
      packets.push(decode(buffer.subarray(0, length)));
      const rest = buffer.subarray(length);
      this.chunks = rest.length > 0 ? [rest] : [];
      this.buffered = rest.length;
      this.wanted = 4;
    }
    return packets;
  }

  /** Bytes of an unfinished packet: not 0 at the end of the stream means it was cut. */
  get pending(): number {
    return this.buffered;
  }
}

function decode(buffer: Buffer): Packet {
  const program = buffer.readUInt32BE(4);
  const version = buffer.readUInt32BE(8);
  if (program === PROGRAM && version !== VERSION) {
    throw new FramingError(
      `libvirt: the peer speaks version ${version} of the remote protocol, we speak ${VERSION}`,
    );
  }
  return {
    program,
    procedure: buffer.readUInt32BE(12),
    type: buffer.readUInt32BE(16),
    serial: buffer.readUInt32BE(20),
    status: buffer.readUInt32BE(24),
    payload: buffer.subarray(HEADER_BYTES),
  };
}
