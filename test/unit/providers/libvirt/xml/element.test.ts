import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { element, find, render, textOf, withChild } from "../../../../../providers/libvirt/xml/element";
import { parseXml } from "../../../../../providers/libvirt/xml/parse";

describe("XML as data", () => {
  it("renders attributes and text so that nothing in them can end them", () => {
    const node = element(
      "a",
      { b: `<"'&>`, none: undefined },
      element("c", {}, "x < y & z"),
      false,
      undefined,
    );
    expect(render(node)).toBe(`<a b="&lt;&quot;&apos;&amp;&gt;">\n  <c>x &lt; y &amp; z</c>\n</a>\n`);
  });

  it("reads back what it rendered, whatever the values are", () => {
    // XML 1.0 carries no other control characters; white space at the ends is indentation.
    const value = fc.string({ unit: "binary" }).filter((text) => isXmlText(text));
    fc.assert(
      fc.property(value, value, (attribute, text) => {
        const back = parseXml(render(element("a", { attribute }, element("b", {}, text))));
        expect(back.attributes.attribute).toBe(attribute);
        expect(textOf(find(back, "b")) ?? "").toBe(text.trim());
      }),
    );
  });

  it("refuses what XML cannot carry, instead of sending it", () => {
    expect(() => render(element("a", { name: "bell\u0007" }))).toThrow(/character that XML cannot carry/);
    expect(() => render(element("a", {}, "\u0000"))).toThrow(/character that XML cannot carry/);
  });

  it.each(["", "no xml", "<a>", "<a></b>", "<a b=1/>", "<a/><b/>"])(
    "says that %j is not well-formed",
    (text) => {
      expect(() => parseXml(text, "the template's XML")).toThrow(/^the template's XML is not well-formed: ./);
    },
  );

  it("reads text, CDATA and comments as libvirt means them", () => {
    const root = parseXml("<?xml version='1.0'?>\n<a><!-- no --><b> x <![CDATA[<y>]]></b>\n  </a>");
    expect(textOf(find(root, "b"))).toBe("x <y>");
    expect(root.children).toHaveLength(1);
  });

  it("replaces a child in its place", () => {
    const root = element("a", {}, element("b"), element("c"), element("d"));
    expect(withChild(root, element("c", { new: 1 })).children.map((child) => render(child as never))).toEqual(
      ["<b/>\n", '<c new="1"/>\n', "<d/>\n"],
    );
  });
});

/** Control characters are either forbidden, or line ends that a parser makes one of. */
const isXmlText = (text: string): boolean =>
  !/[\p{Cc}\p{Cs}\uFFFE\uFFFF\u2028\u2029]/u.test(text.replace(/[\t\n]/g, ""));
