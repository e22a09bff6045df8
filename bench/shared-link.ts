import * as net from "node:net";

const TICK_MS = 4;
/** Unused capacity is gone after this much. A wire has none; a process that shares its cores is late at times. */
const BURST_MS = 100;

/** Many downloads that together get no more than one link has: what is over it is left in the sockets. */
export class SharedLink {
  bytes = 0;
  readonly #bytesPerMs: number;
  readonly #waiting = new Set<net.Socket>();
  readonly #timer: NodeJS.Timeout;
  #room = 0;
  #last = performance.now();

  constructor(bytesPerS: number) {
    this.#bytesPerMs = bytesPerS / 1_000;
    this.#timer = setInterval(() => this.#refill(), TICK_MS);
  }

  /** Fetch a path again and again, on a connection each. */
  fetchForever(port: number, path: string, signal: AbortSignal): void {
    if (signal.aborted) return;
    const socket = net.connect(port, "127.0.0.1");
    const stop = () => socket.destroy();
    signal.addEventListener("abort", stop, { once: true });
    socket.write(`GET ${path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n`);
    socket.on("data", (chunk) => {
      this.bytes += chunk.length;
      this.#room -= chunk.length;
      if (this.#room > 0) return;
      socket.pause();
      this.#waiting.add(socket);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      signal.removeEventListener("abort", stop);
      this.#waiting.delete(socket);
      this.fetchForever(port, path, signal);
    });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #refill(): void {
    const now = performance.now();
    this.#room = Math.min(this.#room + (now - this.#last) * this.#bytesPerMs, BURST_MS * this.#bytesPerMs);
    this.#last = now;
    if (this.#room <= 0) return;
    for (const socket of this.#waiting) socket.resume();
    this.#waiting.clear();
  }
}
