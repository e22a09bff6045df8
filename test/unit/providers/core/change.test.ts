import { expect, test } from "vitest";
import { changesOf, same, sentence, UNKNOWN } from "../../../../providers/core/change";

const definition = {
  changes: {
    memoryMiB: { class: "restart", reason: "QEMU fixes it at its start" },
    note: { class: "ignored", reason: "ours alone" },
  },
} as never;

test("trap pulumi-dynamic#7: a change is told with its class and its reason", () => {
  const { fields } = changesOf(definition, { memoryMiB: 1024, note: "a" }, { memoryMiB: 2048, note: "b" });
  expect(fields.map(sentence)).toEqual([
    "memoryMiB 1024 → 2048: needs a restart (QEMU fixes it at its start)",
  ]);
});

test("trap pulumi-dynamic#9: the magic string of an unknown value is never printed", () => {
  const { fields } = changesOf(definition, { memoryMiB: 1024 }, { memoryMiB: UNKNOWN });
  expect(fields.map(sentence).join()).toContain("(not known yet)");
  expect(fields.map(sentence).join()).not.toContain(UNKNOWN);
});

test("outputs and hidden keys are no changes", () => {
  const { fields } = changesOf(
    definition,
    { memoryMiB: 1, address: "10.0.0.1", __mark: "a" },
    { memoryMiB: 1 },
  );
  expect(fields).toEqual([]);
});

test("objects are equal whatever the order of their keys, arrays are not", () => {
  expect(same({ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 })).toBe(true);
  expect(same([1, 2], [2, 1])).toBe(false);
  expect(same({ a: 1 }, { a: 1, b: undefined })).toBe(true);
  expect(same([], {})).toBe(false);
});

test("a long value is cut in the sentence", () => {
  const { fields } = changesOf(definition, { memoryMiB: "x".repeat(500) }, { memoryMiB: 1 });
  expect(fields.map(sentence).join().length).toBeLessThan(250);
});

test("an edit of the gentler kind is told with its own class and reason", () => {
  const table = {
    changes: {
      size: {
        class: "recreate",
        reason: "it cannot shrink",
        gentler: { when: (from: number, to: number) => to > from, class: "live", reason: "it grows" },
      },
    },
  } as never;
  expect(changesOf(table, { size: 1 }, { size: 2 }).fields.map(sentence)).toEqual([
    "size 1 → 2: live (it grows)",
  ]);
  expect(changesOf(table, { size: 2 }, { size: 1 }).fields.map(sentence)).toEqual([
    "size 2 → 1: recreated (it cannot shrink)",
  ]);
});
