/** Names so that each comes after those it needs, otherwise as they were; the rings that make that impossible. */
export function inOrder(
  names: readonly string[],
  needs: (name: string) => readonly string[],
): { order: string[]; rings: string[][] } {
  const known = new Set(names);
  const done = new Set<string>();
  const order: string[] = [];
  const rings: string[][] = [];
  const visit = (name: string, above: readonly string[]) => {
    if (done.has(name)) return;
    const at = above.indexOf(name);
    if (at >= 0) {
      rings.push([...above.slice(at), name]);
      return;
    }
    for (const needed of needs(name)) if (known.has(needed)) visit(needed, [...above, name]);
    if (done.has(name)) return;
    done.add(name);
    order.push(name);
  };
  for (const name of names) visit(name, []);
  return { order, rings };
}
