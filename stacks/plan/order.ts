import { byCodeUnit } from "./stable";

export type Ordered<T> = { order: T[]; cycle?: undefined } | { order?: undefined; cycle: string[] };

/**
 * Each after what it depends on; among equals by key, so that the order of the config does not matter.
 * A cycle is given back as its keys, the first one repeated at the end. Unknown keys are ignored.
 */
export function dependencyOrder<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  dependsOn: (item: T) => readonly string[],
): Ordered<T> {
  const byKey = new Map(items.map((item) => [keyOf(item), item]));
  const order: T[] = [];
  const done = new Set<string>();
  const open: string[] = [];

  const visit = (key: string): string[] | undefined => {
    const item = byKey.get(key);
    if (item === undefined || done.has(key)) return undefined;
    if (open.includes(key)) return [...open.slice(open.indexOf(key)), key];
    open.push(key);
    for (const dependency of [...dependsOn(item)].sort(byCodeUnit)) {
      const cycle = visit(dependency);
      if (cycle) return cycle;
    }
    open.pop();
    done.add(key);
    order.push(item);
    return undefined;
  };

  for (const key of [...byKey.keys()].sort(byCodeUnit)) {
    const cycle = visit(key);
    if (cycle) return { cycle };
  }
  return { order };
}
