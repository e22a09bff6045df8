/** TFTP's packets (RFC 1350; options RFC 2347-2349 and 7440). */

export const ERROR = { undefined: 0, notFound: 1, access: 2, illegal: 4, unknownId: 5, options: 8 } as const;

export interface ReadRequest {
  kind: "read";
  file: string;
  mode: string;
  /** Names in lower case. */
  options: Map<string, string>;
}

export type Packet =
  | ReadRequest
  | { kind: "write" }
  | { kind: "ack"; block: number }
  | { kind: "error"; code: number; message: string };

/** Undefined for what is no packet that a client may send. */
export function parsePacket(bytes: Buffer): Packet | undefined {
  if (bytes.length < 4) return undefined;
  const operation = bytes.readUInt16BE(0);
  if (operation === 1) return parseRequest(bytes.subarray(2));
  if (operation === 2) return { kind: "write" };
  if (operation === 4) return { kind: "ack", block: bytes.readUInt16BE(2) };
  if (operation === 5)
    return {
      kind: "error",
      code: bytes.readUInt16BE(2),
      message: text(bytes.subarray(4)).split("\0", 1)[0] ?? "",
    };
  return undefined;
}

function parseRequest(bytes: Buffer): ReadRequest | undefined {
  // Each word ends with a zero byte, the last one, too.
  if (bytes.at(-1) !== 0) return undefined;
  const words = text(bytes.subarray(0, -1)).split("\0");
  const [file, mode, ...rest] = words;
  if (!file || mode === undefined) return undefined;
  const options = new Map<string, string>();
  for (let i = 0; i + 1 < rest.length; i += 2) options.set((rest[i] ?? "").toLowerCase(), rest[i + 1] ?? "");
  return { kind: "read", file, mode: mode.toLowerCase(), options };
}

export function dataPacket(block: number, content: Buffer): Buffer {
  const packet = Buffer.allocUnsafe(4 + content.length);
  packet.writeUInt16BE(3, 0);
  // Two bytes only: large files begin again at 0.
  packet.writeUInt16BE(block & 0xffff, 2);
  content.copy(packet, 4);
  return packet;
}

export function errorPacket(code: number, message: string): Buffer {
  const packet = Buffer.alloc(5 + Buffer.byteLength(message));
  packet.writeUInt16BE(5, 0);
  packet.writeUInt16BE(code, 2);
  packet.write(message, 4);
  return packet;
}

export const optionsPacket = (options: readonly (readonly [string, number])[]): Buffer =>
  Buffer.concat([
    Buffer.from([0, 6]),
    Buffer.from(options.map(([name, value]) => `${name}\0${value}\0`).join("")),
  ]);

const text = (bytes: Buffer): string => bytes.toString("latin1");
