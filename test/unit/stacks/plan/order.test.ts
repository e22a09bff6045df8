import fc from "fast-check";
import { expect, test } from "vitest";
import { dependencyOrder } from "../../../../stacks/plan/order";

interface Node {
  key: string;
  needs: string[];
}
const order = (nodes: Node[]) =>
  dependencyOrder(
    nodes,
    ({ key }) => key,
    ({ needs }) => needs,
  );

test("puts each after what it needs, whatever the order of the input", () => {
  const nodes = [
    { key: "domain", needs: ["volume", "network"] },
    { key: "volume", needs: ["pool"] },
    { key: "network", needs: [] },
    { key: "pool", needs: [] },
  ];
  const expected = ["pool", "volume", "network", "domain"];
  expect(
    order(nodes)
      .order?.map(({ key }) => key)
      .indexOf("domain"),
  ).toBe(3);
  expect(order(nodes)).toEqual(order([...nodes].reverse()));
  expect(new Set(order(nodes).order?.map(({ key }) => key))).toEqual(new Set(expected));
});

test("any graph without circles comes out complete and in order, and the same when shuffled", () => {
  const graph = fc.integer({ min: 1, max: 12 }).chain((n) =>
    fc.record({
      // An edge leads to a lower number only, so there is no circle.
      edges: fc.array(fc.tuple(fc.nat(n - 1), fc.nat(n - 1)), { maxLength: 30 }),
      shuffle: fc.shuffledSubarray([...Array(n).keys()], { minLength: n }),
    }),
  );
  fc.assert(
    fc.property(graph, ({ edges, shuffle }) => {
      const nodes = shuffle.map((i) => ({
        key: `n${i}`,
        needs: edges.filter(([a, b]) => a === i && b < a).map(([, b]) => `n${b}`),
      }));
      const result = order(nodes).order ?? [];
      const at = new Map(result.map(({ key }, i) => [key, i]));
      expect(result).toHaveLength(nodes.length);
      for (const { key, needs } of nodes)
        for (const need of needs) expect(at.get(need)).toBeLessThan(at.get(key) ?? -1);
      expect(result.map(({ key }) => key)).toEqual(
        order([...nodes].sort((a, b) => (a.key < b.key ? -1 : 1))).order?.map(({ key }) => key),
      );
    }),
  );
});

test("gives a circle back as its members", () => {
  const result = order([
    { key: "a", needs: ["b"] },
    { key: "b", needs: ["c"] },
    { key: "c", needs: ["b"] },
  ]);
  expect(result.cycle).toEqual(["b", "c", "b"]);
});

test("does not mind what is not there", () => {
  expect(order([{ key: "a", needs: ["elsewhere"] }]).order).toHaveLength(1);
});
