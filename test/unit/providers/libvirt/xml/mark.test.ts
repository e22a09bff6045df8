import { describe, expect, it } from "vitest";
import { foreignMessage, ownership } from "../../../../../providers/libvirt/ownership";
import { render } from "../../../../../providers/libvirt/xml/element";
import { readMark, withMark } from "../../../../../providers/libvirt/xml/mark";
import { parseXml } from "../../../../../providers/libvirt/xml/parse";

const mark = { lab: "k3v9q2x7", stack: "dev", name: "w1" };

describe("the mark on domains and networks", () => {
  it("is read back as written, in libvirt's spelling too", () => {
    const root = withMark(parseXml("<domain><name>w1</name><uuid>u</uuid></domain>"), {
      ...mark,
      adopted: true,
      devices: ["52:54:00:00:00:01", "vda"],
      seed: "abc",
    });
    expect(readMark(parseXml(render(root)))).toEqual({
      ...mark,
      adopted: true,
      devices: ["52:54:00:00:00:01", "vda"],
      seed: "abc",
    });
    const theirs = `<network><metadata><x:mark xmlns:x='https://labplan.dev/mark' lab='a' stack='b' name='c'/></metadata></network>`;
    expect(readMark(parseXml(theirs))).toEqual({ lab: "a", stack: "b", name: "c", adopted: false });
  });

  it("is no other program's element of that name", () => {
    const theirs = "<domain><metadata><mark xmlns='https://example.org' lab='a'/></metadata></domain>";
    expect(readMark(parseXml(theirs))).toBeUndefined();
    expect(readMark(parseXml("<domain/>"))).toBeUndefined();
  });

  it("leaves other people's metadata alone, coming and going", () => {
    const root = parseXml("<domain><name>a</name><metadata><o:os xmlns:o='https://o'/></metadata></domain>");
    const marked = withMark(root, mark);
    expect(render(marked)).toContain("o:os");
    expect(withMark(marked, undefined)).toEqual(root);
    const bare = parseXml("<domain><name>a</name></domain>");
    expect(withMark(withMark(bare, mark), undefined)).toEqual(bare);
  });
});

describe("ownership", () => {
  it("is told by lab, stack and name, all three", () => {
    const found = { ...mark, adopted: false };
    expect(ownership(found, mark, false)).toBe("ours");
    for (const other of [{ lab: "x" }, { stack: "x" }, { name: "x" }])
      expect(ownership({ ...found, ...other }, mark, true)).toBe("foreign");
    expect(ownership(undefined, mark, false)).toBe("foreign");
    expect(ownership(undefined, mark, true)).toBe("adoptable");
  });

  it("is explained with the way out", () => {
    expect(foreignMessage("domain", "w1", undefined)).toMatch(/was not made by this lab.*"adopt: true"/);
    expect(foreignMessage("domain", "w1", { ...mark, adopted: false })).toMatch(
      /belongs to k3v9q2x7\/dev\/w1/,
    );
  });
});
