import { createSocket, type RemoteInfo, type Socket } from "node:dgram";

/** A TFTP client that can be made to lose, repeat and misdirect packets. */
export interface FetchOptions {
  options?: Record<string, string | number>;
  mode?: string;
  /** Called for each data packet; true: as if it was lost. */
  lose?: (block: number, times: number) => boolean;
  /** Acknowledge a window only after so long. */
  slowMs?: number;
  /** Acknowledge each packet twice. */
  twice?: boolean;
  /** Give up with an error packet after the server's answer to the options. */
  abort?: boolean;
  /** From this port, instead of any. */
  port?: number;
}

export interface Fetched {
  content: Buffer;
  /** The server's answer to the options. */
  accepted: Record<string, number>;
  /** Ports that the server sent from. */
  ports: Set<number>;
  /** Data packets that came, copies included. */
  packets: number;
  /** Largest datagram. */
  largest: number;
  aborted: boolean;
}

export class TftpError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export const readRequest = (
  file: string,
  mode = "octet",
  options: Record<string, string | number> = {},
): Buffer =>
  Buffer.from(
    `\0\u0001${[file, mode, ...Object.entries(options).flatMap(([name, value]) => [name, String(value)])].join("\0")}\0`,
    "latin1",
  );

export const ack = (block: number): Buffer => Buffer.from([0, 4, (block >> 8) & 0xff, block & 0xff]);

export function tftpGet(port: number, file: string, settings: FetchOptions = {}): Promise<Fetched> {
  const { options = {}, mode = "octet", lose = () => false, twice, abort, slowMs = 0 } = settings;
  return withSocket(settings.port ?? 0, (socket, resolve: (fetched: Fetched) => void, reject) => {
    const fetched: Fetched = {
      content: Buffer.alloc(0),
      accepted: {},
      ports: new Set(),
      packets: 0,
      largest: 0,
      aborted: false,
    };
    const chunks: Buffer[] = [];
    const seen = new Map<number, number>();
    let blockSize = 512;
    let window = 1;
    let next = 1;
    let inWindow = 0;
    const answer = (packet: Buffer, from: RemoteInfo) => {
      socket.send(packet, from.port, from.address);
      if (twice) socket.send(packet, from.port, from.address);
    };
    socket.on("message", (bytes, from) => {
      fetched.ports.add(from.port);
      fetched.largest = Math.max(fetched.largest, bytes.length);
      const operation = bytes.readUInt16BE(0);
      if (operation === 5)
        return reject(new TftpError(bytes.readUInt16BE(2), bytes.subarray(4, -1).toString("latin1")));
      if (operation === 6) {
        const words = bytes.subarray(2, -1).toString("latin1").split("\0");
        for (let i = 0; i < words.length; i += 2) fetched.accepted[words[i] ?? ""] = Number(words[i + 1]);
        blockSize = fetched.accepted.blksize ?? blockSize;
        window = fetched.accepted.windowsize ?? window;
        if (abort) {
          fetched.aborted = true;
          socket.send(Buffer.from("\0\u0005\0\u0008no thanks\0", "latin1"), from.port, from.address);
          return setTimeout(() => resolve(fetched), 20);
        }
        return answer(ack(0), from);
      }
      const number = bytes.readUInt16BE(2);
      const times = (seen.get(number) ?? 0) + 1;
      seen.set(number, times);
      if (lose(number, times)) return;
      fetched.packets++;
      if (number !== (next & 0xffff)) {
        // Out of order: say again what we have, so that the server begins there.
        if (window > 1) {
          inWindow = 0;
          answer(ack((next - 1) & 0xffff), from);
        }
        return;
      }
      // A number that is used again after the wrap is no copy.
      seen.delete((number + 0x8000) & 0xffff);
      const content = bytes.subarray(4);
      chunks.push(content);
      next++;
      inWindow++;
      const last = content.length < blockSize;
      if (last || inWindow === window) {
        inWindow = 0;
        if (slowMs === 0) answer(ack(number), from);
        else setTimeout(() => answer(ack(number), from), slowMs);
      }
      if (last) {
        fetched.content = Buffer.concat(chunks);
        setTimeout(() => resolve(fetched), twice || slowMs ? 50 + slowMs : 0);
      }
    });
    socket.send(readRequest(file, mode, options), port, "127.0.0.1");
  });
}

/** Send one datagram, and give the answers of the next moments. */
export function tftpSend(port: number, bytes: Buffer, waitMs = 60): Promise<Buffer[]> {
  return withSocket(0, (socket, resolve: (answers: Buffer[]) => void) => {
    const answers: Buffer[] = [];
    socket.on("message", (answer) => answers.push(answer));
    socket.send(bytes, port, "127.0.0.1");
    setTimeout(() => resolve(answers), waitMs);
  });
}

const SILENCE_MS = 10_000;

async function withSocket<T>(
  port: number,
  work: (socket: Socket, resolve: (value: T) => void, reject: (error: Error) => void) => void,
): Promise<T> {
  const socket = createSocket("udp4");
  try {
    await new Promise<void>((resolve) => socket.bind(port, "127.0.0.1", resolve));
    return await new Promise<T>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error("the server fell silent")), SILENCE_MS);
      socket.on("message", () => limit.refresh());
      work(
        socket,
        (value) => {
          clearTimeout(limit);
          resolve(value);
        },
        (error) => {
          clearTimeout(limit);
          reject(error);
        },
      );
    });
  } finally {
    socket.close();
  }
}
