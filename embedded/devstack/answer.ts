/** What is asked of one service of a cloud. */
export interface Ask {
  method: string;
  /** Below the service's endpoint, with a leading slash. */
  path: string;
  query: URLSearchParams;
  body: Record<string, unknown>;
  /** Lower case. */
  headers: Record<string, string | string[] | undefined>;
  /** `http://host:port/<cloud>`, as the caller knows it. */
  base: string;
}

export interface Answer {
  status: number;
  /** JSON, or text as it is. */
  body?: object | string;
  headers?: Record<string, string>;
}

export const ok = (body: object, status = 200): Answer => ({ status, body });
export const none = (status = 204): Answer => ({ status });

/** An error in nova's and neutron's shape: one key that names it. */
export const fault = (status: number, name: string, message: string): Answer => ({
  status,
  body: { [name]: { code: status, message } },
});

/** `[method, pattern of the path, work]`; groups of the pattern are the words. */
export type Route<Context> = [
  method: string,
  path: RegExp,
  work: (context: Context, ask: Ask, ...words: string[]) => Answer,
];

/** The first route that fits; undefined when none does. */
export function routed<Context>(
  routes: readonly Route<Context>[],
  context: Context,
  ask: Ask,
): Answer | undefined {
  const path = ask.path.replace(/(.)\/$/, "$1");
  for (const [method, pattern, work] of routes) {
    const found = method === ask.method ? pattern.exec(path) : null;
    if (found) return work(context, ask, ...found.slice(1).map(decodeURIComponent));
  }
  return undefined;
}

export const objectIn = (body: Record<string, unknown>, name: string): Record<string, unknown> =>
  (body[name] ?? {}) as Record<string, unknown>;
