import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { type FileHandle, open } from "node:fs/promises";
import { dataPacket, ERROR, errorPacket, optionsPacket, parsePacket, type ReadRequest } from "./tftp-packet";

/** What is sent: a text, or the path of a file. */
export type TftpContent = Buffer | string;

export interface TransferEnd {
  outcome: "sent" | "aborted" | "lost";
  bytes: number;
  ms: number;
  /** The client's own words when it gave up. */
  message?: string;
}

export interface TransferOptions {
  bind: string;
  peer: RemoteInfo;
  request: ReadRequest;
  content: TftpContent;
  /** First pause before something is sent again; doubles. @default 1000 */
  retryMs?: number;
  /** Ends it without a word: the client began anew, or the server stops. */
  signal?: AbortSignal;
}

/** What goes into one Ethernet frame without being taken apart. */
const MOST_BLOCK = 1_468;
const MOST_WINDOW = 16;
const MOST_RETRIES = 6;
const MOST_PAUSE_MS = 4_000;
const READ_AHEAD = 64 << 10;

/** Send one file to one client, from a port of its own: that port is how the client knows the transfer (RFC 1350, 4). */
export async function transfer(options: TransferOptions): Promise<TransferEnd> {
  const source = await openSource(options.content);
  try {
    return await new Transfer(options, source).run(options.signal);
  } finally {
    await source.close();
  }
}

class Transfer {
  readonly #peer: RemoteInfo;
  readonly #bind: string;
  readonly #source: Source;
  readonly #retryMs: number;
  readonly #answer: (readonly [string, number])[] = [];
  readonly #started = performance.now();
  #blockSize = 512;
  #window = 1;
  /** Number of the last block, from 1: the first that is not full, and so possibly an empty one. */
  readonly #last: number;
  /** First block that is not acknowledged. */
  #base = 1;
  #socket!: Socket;
  #timer: NodeJS.Timeout | undefined;
  #end!: (end: TransferEnd) => void;
  #fail!: (error: unknown) => void;
  #done = false;

  constructor({ bind, peer, request, retryMs = 1_000 }: TransferOptions, source: Source) {
    this.#peer = peer;
    this.#bind = bind;
    this.#source = source;
    this.#retryMs = retryMs;
    this.#negotiate(request.options);
    this.#last = Math.floor(source.size / this.#blockSize) + 1;
  }

  run(signal?: AbortSignal): Promise<TransferEnd> {
    const stop = () => this.#finish("aborted");
    return new Promise<TransferEnd>((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
      this.#socket = createSocket(this.#peer.family === "IPv6" ? "udp6" : "udp4");
      this.#socket.on("error", reject);
      this.#socket.on("message", (bytes, from) => this.#take(bytes, from));
      signal?.addEventListener("abort", stop, { once: true });
      this.#socket.bind(0, this.#bind, () => {
        if (signal?.aborted) return stop();
        if (this.#answer.length > 0) this.#repeat(async () => this.#send(optionsPacket(this.#answer)));
        else this.#repeat(() => this.#burst());
      });
    }).finally(() => {
      this.#done = true;
      clearTimeout(this.#timer);
      signal?.removeEventListener("abort", stop);
      this.#socket.close();
    });
  }

  /** Take what we can of what the client offers; what is no number, or unknown, is left out of the answer. */
  #negotiate(options: Map<string, string>): void {
    const number = (name: string, least: number, most: number): number | undefined => {
      const value = Number(options.get(name));
      return options.has(name) && Number.isInteger(value) && value >= least
        ? Math.min(value, most)
        : undefined;
    };
    const blockSize = number("blksize", 8, MOST_BLOCK);
    if (blockSize !== undefined) this.#answer.push(["blksize", blockSize]);
    this.#blockSize = blockSize ?? this.#blockSize;
    if (options.has("tsize")) this.#answer.push(["tsize", this.#source.size]);
    const window = number("windowsize", 1, MOST_WINDOW);
    if (window !== undefined) this.#answer.push(["windowsize", window]);
    this.#window = window ?? this.#window;
  }

  #take(bytes: Buffer, from: RemoteInfo): void {
    if (from.address !== this.#peer.address || from.port !== this.#peer.port) {
      this.#socket.send(errorPacket(ERROR.unknownId, "unknown transfer"), from.port, from.address);
      return;
    }
    if (this.#done) return;
    const packet = parsePacket(bytes);
    if (packet?.kind === "error") this.#finish("aborted", packet.message);
    if (packet?.kind !== "ack") return;
    // Before the first block: the answer to our options.
    const before = this.#base - 1;
    let block = before - (before & 0xffff) + packet.block;
    if (block < before) block += 0x10000;
    // A copy of the last one. To answer it would send everything twice from here on (RFC 1123, 4.2.3.1), and in windows
    // each copy would cause more copies; what was really lost is sent again when nothing came for a while.
    if (block === before && before > 0) return;
    if (block >= this.#base + this.#window || block > this.#last) return;
    this.#base = block + 1;
    if (block === this.#last) this.#finish("sent");
    else this.#repeat(() => this.#burst());
  }

  /** One window: the blocks that may be under way at once. */
  async #burst(): Promise<void> {
    const base = this.#base;
    for (let block = base; block < base + this.#window && block <= this.#last; block++) {
      const content = await this.#source.read((block - 1) * this.#blockSize, this.#blockSize);
      if (this.#base !== base || this.#done) return;
      this.#send(dataPacket(block, content));
    }
  }

  #send(packet: Buffer): void {
    this.#socket.send(packet, this.#peer.port, this.#peer.address);
  }

  /** Do it now, and again after ever longer pauses until something comes. */
  #repeat(action: () => Promise<void>): void {
    clearTimeout(this.#timer);
    let tries = 0;
    let pause = this.#retryMs;
    const attempt = () => {
      if (tries++ > MOST_RETRIES) return this.#finish("lost");
      this.#timer = setTimeout(attempt, pause);
      pause = Math.min(pause * 2, Math.max(MOST_PAUSE_MS, this.#retryMs));
      action().catch(this.#fail);
    };
    attempt();
  }

  #finish(outcome: TransferEnd["outcome"], message?: string): void {
    if (this.#done) return;
    this.#done = true;
    const bytes =
      outcome === "sent"
        ? this.#source.size
        : Math.min(this.#source.size, (this.#base - 1) * this.#blockSize);
    this.#end({ outcome, bytes, ms: performance.now() - this.#started, ...(message && { message }) });
  }
}

interface Source {
  size: number;
  read(offset: number, length: number): Promise<Buffer>;
  close(): Promise<void>;
}

async function openSource(content: TftpContent): Promise<Source> {
  if (Buffer.isBuffer(content))
    return {
      size: content.length,
      read: async (offset, length) => content.subarray(offset, offset + length),
      close: async () => {},
    };
  const handle = await open(content, "r");
  try {
    return fileSource(handle, (await handle.stat()).size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Reads ahead a little: never the whole file, there may be hundreds of transfers. */
function fileSource(handle: FileHandle, size: number): Source {
  let ahead: Buffer = Buffer.alloc(0);
  let from = 0;
  return {
    size,
    async read(offset, length) {
      const wanted = Math.min(length, Math.max(0, size - offset));
      if (offset < from || offset + wanted > from + ahead.length) {
        const chunk = Buffer.alloc(Math.min(READ_AHEAD, size - offset));
        const { bytesRead } = await handle.read(chunk, 0, chunk.length, offset);
        if (bytesRead < wanted) throw new Error("the file got shorter while it was sent");
        ahead = chunk.subarray(0, bytesRead);
        from = offset;
      }
      return ahead.subarray(offset - from, offset - from + wanted);
    },
    close: () => handle.close(),
  };
}
