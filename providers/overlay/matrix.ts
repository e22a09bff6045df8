import type { SshConnection } from "../ssh/client";
import { type Answer, readAnswers } from "./matrix.read";
import { NO_PING, PING } from "./matrix.remote";
import type { PairResult } from "./types";

/** A node of which pairs are measured. */
export interface MatrixNode {
  /** Its address in the overlay, without a prefix length. */
  overlay: string;
  /** Log in there. What it gives is closed again. */
  connect(): Promise<SshConnection>;
}

export interface MatrixOptions {
  /** MTU of the overlay in bytes. */
  mtu: number;
  signal?: AbortSignal;
  /** Nodes that measure at once. @default 16 */
  concurrency?: number;
  /** Pings at once on each. @default 16 */
  parallel?: number;
  onProgress?(done: number, total: number): void;
}

/** A pair takes a second answer at most once, of two sizes, 2 s each. */
const SECONDS_PER_PAIR = 10;

/**
 * Ping every pair, from the first to the second, with a small packet and with one of exactly the MTU that must not be
 * cut in pieces. One login per node, which pings all of its own at once. Results are in the order of the pairs.
 * A node that nobody can log in to is a reason, like any other.
 */
export async function measurePairs(
  nodes: Readonly<Record<string, MatrixNode>>,
  pairs: readonly (readonly [string, string])[],
  options: MatrixOptions,
): Promise<PairResult[]> {
  const { signal, concurrency = 16 } = options;
  const targets = new Map<string, Set<string>>();
  for (const [from, to] of pairs) {
    for (const name of [from, to]) if (!nodes[name]) throw new Error(`no node "${name}" to measure`);
    targets.set(from, (targets.get(from) ?? new Set()).add(to));
  }
  const found = new Map<string, Answer>();
  const waiting = [...targets];
  let done = 0;
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      signal?.throwIfAborted();
      const [from, names] = next;
      const answers = await measureFrom(nodes[from] as MatrixNode, addressesOf(nodes, names), options);
      for (const name of names)
        found.set(`${from} ${name}`, answers.get(nodes[name]?.overlay ?? "") ?? UNHEARD);
      done += names.size;
      options.onProgress?.(done, pairs.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, waiting.length) }, work));
  return pairs.map(([from, to]) => ({
    from,
    to,
    address: nodes[to]?.overlay ?? "",
    ...(found.get(`${from} ${to}`) ?? UNHEARD),
  }));
}

const UNHEARD: Answer = { reached: false, fullSize: false, reason: "the node said nothing about it" };

const addressesOf = (nodes: Readonly<Record<string, MatrixNode>>, names: Iterable<string>): string[] => [
  ...new Set([...names].map((name) => nodes[name]?.overlay ?? "")),
];

/** Bytes of a ping's headers: IPv4 20 or IPv6 40, and ICMP 8. */
const headers = (address: string): number => (address.includes(":") ? 48 : 28);

async function measureFrom(
  node: MatrixNode,
  addresses: readonly string[],
  options: MatrixOptions,
): Promise<Map<string, Answer>> {
  const { mtu, signal, parallel = 16 } = options;
  const fail = (reason: string) =>
    new Map(addresses.map((address) => [address, { reached: false, fullSize: false, reason }]));
  let connection: SshConnection | undefined;
  try {
    connection = await node.connect();
    const words = [`${parallel}`, ...addresses.map((address) => `${address},${mtu - headers(address)}`)];
    const result = await connection.exec(["sh", "-c", PING, "sh", ...words], {
      deadlineS: 30 + Math.ceil(addresses.length / parallel) * SECONDS_PER_PAIR,
      ...(signal ? { signal } : {}),
    });
    if (result.code === NO_PING)
      return fail("there is no ping that can send whole packets: install iputils-ping (iputils) there");
    if (result.code !== 0) return fail(result.stderr.trim().split("\n").at(-1) || `exit ${result.code}`);
    return readAnswers(result.stdout);
  } catch (error) {
    signal?.throwIfAborted();
    return fail(error instanceof Error ? error.message : String(error));
  } finally {
    await connection?.close();
  }
}

/** One sentence for each pair that is not as it must be. */
export const pairProblems = (results: readonly PairResult[]): string[] =>
  results
    .filter(({ reached, fullSize }) => !reached || !fullSize)
    .map(({ from, to, address, reached, reason }) => {
      const what = reached ? "is reached, but not with packets of the full size" : "is not reached";
      return `"${to}" (${address}) ${what} from "${from}"${reason === undefined ? "" : `: ${reason}`}`;
    });
