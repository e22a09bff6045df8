import { expect, test } from "vitest";
import { foreignMessage, machineMark, ownership } from "../../../../providers/virtualbox/marks";
import { parseNetworkMark, renderNetworkMark } from "../../../../providers/virtualbox/network-mark";

const uuid = "60c5590f-72ee-4292-8954-5afc28bf63ca";
const mark = { lab: "k3v9q2x7", stack: "dev", name: "w1" };
const ours = { "labplan/mark": "k3v9q2x7/dev/w1", "labplan/uuid": uuid };

test("trap virtualbox#31: a mark counts only on the machine that it was put on", () => {
  expect(machineMark(ours, { uuid })).toEqual({ text: "k3v9q2x7/dev/w1", adopted: false });
  expect(machineMark(ours, { uuid: uuid.replace("6", "7") })).toBeUndefined();
  expect(machineMark({ "labplan/mark": "k3v9q2x7/dev/w1" }, { uuid })).toBeUndefined();
  expect(machineMark({ ...ours, "labplan/adopted": "1" }, { uuid })?.adopted).toBe(true);
});

test("an unmarked thing may be adopted, one with another's mark never", () => {
  const other = { text: "k3v9q2x7/dev/w2", adopted: false };
  expect(ownership(machineMark(ours, { uuid }), mark, undefined)).toBe("ours");
  expect(ownership(other, mark, true)).toBe("foreign");
  expect(ownership(undefined, mark, true)).toBe("adoptable");
  expect(ownership(undefined, mark, false)).toBe("foreign");
  expect(foreignMessage("machine", "w1", other)).toContain("belongs to k3v9q2x7/dev/w2");
});

test("a network's mark is read as it was written, and anything else is none of ours", () => {
  const written = { text: "a/b/c", adopted: true, interface: "vboxnet0" };
  expect(parseNetworkMark(renderNetworkMark(written))).toEqual(written);
  expect(parseNetworkMark(renderNetworkMark({ text: "a/b/c", adopted: false, before: [] }))).toEqual({
    text: "a/b/c",
    adopted: false,
    before: [],
  });
  for (const value of [undefined, "", "{", "3", '{"mark":1}'])
    expect(parseNetworkMark(value)).toBeUndefined();
});
