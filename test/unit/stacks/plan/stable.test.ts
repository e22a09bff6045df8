import { expect, test } from "vitest";
import { own, stable } from "../../../../stacks/plan/stable";

test("the same content has the same bytes: keys sorted at every depth, lists as they are", () => {
  const text = '{"a":{"x":1,"y":[3,{"b":1,"c":2}]},"b":null}';
  expect(JSON.stringify(stable({ b: null, a: { y: [3, { c: 2, b: 1 }], x: 1 } }))).toBe(text);
});

test("what is undefined is not there at all: a dynamic provider would choke on it", () => {
  expect(Object.keys(stable({ a: undefined, b: { c: undefined } }))).toEqual(["b"]);
  expect(Object.keys(stable({ b: { c: undefined as undefined } }).b)).toEqual([]);
});

test("a copy shares nothing, and `__proto__` is a key like any other", () => {
  const given = JSON.parse('{"list":[{"__proto__":1}]}') as { list: object[] };
  const copy = stable(given);
  expect(JSON.stringify(copy)).toBe('{"list":[{"__proto__":1}]}');
  expect(copy.list[0]).not.toBe(given.list[0]);
  expect(Object.getPrototypeOf(copy.list[0])).toBe(Object.prototype);
});

test("a record has what it holds itself, not what every object has", () => {
  expect(own({ a: 1 } as Record<string, number>, "toString")).toBeUndefined();
  expect(own(undefined, "a")).toBeUndefined();
});
