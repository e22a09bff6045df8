import { type Clock, sleep, systemClock } from "../ssh/clock";
import { jsonOf } from "./answers";
import { addressOf, type FogEndpoint } from "./endpoint";
import { FogError, isFog } from "./errors";
import { Gate } from "./gate";
import { Link, type Request } from "./http";
import { countOf, type Row, rowOf, rowsOf } from "./parse";

export interface ServerSettings {
  /** Of one call, its repetitions included. @default 30000 */
  deadlineMs?: number;
  clock?: Clock;
  /** Pauses before a look is repeated. @default 200, 600 and 1800 ms */
  pausesMs?: readonly number[];
}

/** A small server's PHP has few workers, and its web page wants some of them, too. */
const AT_ONCE = 4;
const PAGE = 500;

/** One FOG server: all calls of this process go through here. */
export class FogServer {
  readonly label: string;
  readonly #link: Link;
  readonly #gate = new Gate(AT_ONCE);
  readonly #deadlineMs: number;
  readonly #clock: Clock;
  readonly #pausesMs: readonly number[];
  /** It gave an answer that only FOG gives. */
  #proven = false;

  constructor(endpoint: FogEndpoint, settings: ServerSettings = {}) {
    const address = addressOf(endpoint);
    this.label = address.label;
    this.#link = new Link(address);
    this.#deadlineMs = settings.deadlineMs ?? 30_000;
    this.#clock = settings.clock ?? systemClock;
    this.#pausesMs = settings.pausesMs ?? [200, 600, 1_800];
  }

  close(): void {
    this.#link.close();
  }

  /** A call that changes something: sent once. The answer's JSON, `""` and `null` included. */
  async write(request: Request, signal?: AbortSignal): Promise<unknown> {
    return this.#call(request, this.#deadlineMs, signal);
  }

  /** The object of that path, or undefined when FOG itself says that there is none. */
  async record(path: string, signal?: AbortSignal): Promise<Row | undefined> {
    try {
      const row = rowOf(await this.#look(path, signal));
      if (!row) throw this.#notDue(path);
      this.#proven = true;
      return row;
    } catch (error) {
      if (!isFog(error, "not-found")) throw error;
      // Something else in the server's place may say 404 to everything.
      if (!this.#proven) await this.list("/task/active", "tasks", signal);
      return undefined;
    }
  }

  /** All rows, whatever the server's line: 1.5 gives them at once, 1.6 may give them by pages. */
  async list(path: string, plural: string, signal?: AbortSignal): Promise<Row[]> {
    const first = await this.#look(path, signal);
    const rows = this.#rows(first, plural, path);
    this.#proven = true;
    const total = countOf(first);
    while (rows.length < total) {
      const page = this.#rows(
        await this.#look(`${path}?length=${PAGE}&start=${rows.length}`, signal),
        plural,
        path,
      );
      const known = new Set(rows.map(({ id }) => String(id)));
      const fresh = page.filter(({ id }) => !known.has(String(id)));
      // Taking a part for the whole would make what exists look gone.
      if (fresh.length === 0)
        throw new FogError(
          "protocol",
          `${this.label}: GET ${path}: gave ${rows.length} of ${total} rows and then no more. If its records are being changed, run it again.`,
        );
      rows.push(...fresh);
    }
    return rows;
  }

  /** GET, repeated while nobody answers, and given up in time. */
  async #look(path: string, signal: AbortSignal | undefined): Promise<unknown> {
    const end = this.#clock.now() + this.#deadlineMs;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#call(
          { method: "GET", path },
          Math.max(1, Math.ceil(end - this.#clock.now())),
          signal,
        );
      } catch (error) {
        const pause = this.#pausesMs[attempt];
        const passing = error instanceof FogError && error.passing;
        if (!passing || pause === undefined || this.#clock.now() + pause >= end) throw error;
        await sleep(this.#clock, pause, signal);
      }
    }
  }

  #call(request: Request, deadlineMs: number, signal: AbortSignal | undefined): Promise<unknown> {
    return this.#gate.through(async () => {
      const answer = await this.#link.send(request, { deadlineMs, signal });
      return jsonOf(answer, request, this.#link.address);
    }, signal);
  }

  #rows(value: unknown, plural: string, path: string): Row[] {
    const rows = rowsOf(value, plural);
    if (!rows) throw this.#notDue(path);
    return rows;
  }

  #notDue(path: string): FogError {
    return new FogError(
      "protocol",
      `${this.label}: GET ${path}: its answer is not of the form that FOG 1.5 and 1.6 give. Is the URL that of a FOG server?`,
    );
  }
}
