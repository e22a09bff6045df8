import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  describeMark,
  isNote,
  markPath,
  markValue,
  noteValues,
  readNotes,
} from "../../../../providers/ldap/marks";

describe("marks on an entry", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 10 });

  it("notes survive being written and read, whatever the names in them", () => {
    fc.assert(
      fc.property(
        fc.record({
          name: text,
          adopted: fc.boolean(),
          passwordSerial: fc.option(fc.stringMatching(/^[0-9a-f]{12}$/), { nil: undefined }),
          lock: fc.constantFrom("pending" as const, "done" as const, undefined),
          formerDn: fc.option(text, { nil: undefined }),
          groups: fc.uniqueArray(text, { maxLength: 3 }),
        }),
        ({ name, ...rest }) => {
          const mark = markPath({ lab: "k3v9q2x7", stack: "dev", name });
          const values = noteValues({ mark, ...rest });
          expect(values.every(isNote)).toBe(true);
          expect(values.every((value) => /^\S+ managed by labplan$/u.test(value))).toBe(true);
          const found = readNotes(["https://example.org Home", ...values.reverse()]);
          expect(found).toHaveLength(1);
          expect({ ...found[0], groups: [...(found[0]?.groups ?? [])].sort() }).toEqual(
            JSON.parse(JSON.stringify({ mark, ...rest, groups: [...rest.groups].sort() })),
          );
        },
      ),
    );
  });

  it("two names never give one mark: a slash in a name is not one between the parts", () => {
    const a = markPath({ lab: "k3v9q2x7", stack: "dev", name: "a/b" });
    const b = markPath({ lab: "k3v9q2x7", stack: "dev/a", name: "b" });
    expect(a).not.toBe(b);
    expect(describeMark(a)).toBe("k3v9q2x7/dev/a/b");
  });

  it("notes without the mark, other labels and other schemes are nobody's", () => {
    const path = "k3v9q2x7/dev/alice";
    for (const value of [
      `labplan:${path}#adopted managed by labplan`,
      `labplan:${path}`,
      `labplan:${path} by someone else`,
      `LABPLAN:${path} managed by labplan`,
      `xlabplan:${path} managed by labplan`,
      `labplan:${path} managed by labplan!`,
    ])
      expect(readNotes([value]), value).toEqual([]);
    expect(readNotes([markValue(path)])).toEqual([{ mark: path, adopted: false, groups: [] }]);
  });

  it("escapes that someone spoilt do no harm", () => {
    const path = "k3v9q2x7/dev/alice";
    const [notes] = readNotes([markValue(path), `labplan:${path}#formerly=%zz managed by labplan`]);
    expect(notes?.formerDn).toBe("%zz");
    expect(describeMark("%zz/a/b")).toBe("%zz/a/b");
  });
});
