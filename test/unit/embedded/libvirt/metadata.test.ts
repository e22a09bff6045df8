import { describe, expect, it } from "vitest";
import { getMetadata, setMetadata } from "../../../../embedded/libvirt/metadata";
import { parseXml, printXml } from "../../../../embedded/libvirt/xml/tree";

const domain = () => parseXml("<domain><name>d</name><uuid>u</uuid><memory>1</memory></domain>", "test", 20);

describe("metadata of a domain", () => {
  it("is kept under its name space and handed out without it", () => {
    const root = domain();
    setMetadata(root, "urn:x", "k", "<mark>a/b<sub/></mark>");
    expect(printXml(root)).toContain("<k:mark xmlns:k='urn:x'>");
    expect(getMetadata(root, "urn:x")).toMatch(/^<mark>\s*a\/b\s*<sub\/>\s*<\/mark>$/);
  });

  it("stands where libvirt prints it: after the uuid", () => {
    const root = domain();
    setMetadata(root, "urn:x", "k", "<mark/>");
    expect(printXml(root)).toMatch(/<\/uuid>\s*<metadata>/);
  });

  it("takes the place of what the same name space had, and no other's", () => {
    const root = domain();
    setMetadata(root, "urn:x", "k", "<a/>");
    setMetadata(root, "urn:y", "l", "<b/>");
    setMetadata(root, "urn:x", "k", "<c/>");
    expect(getMetadata(root, "urn:x")).toBe("<c/>");
    expect(getMetadata(root, "urn:y")).toBe("<b/>");
    setMetadata(root, "urn:x", undefined, undefined);
    expect(() => getMetadata(root, "urn:x")).toThrow(expect.objectContaining({ code: 80 }));
    expect(getMetadata(root, "urn:y")).toBe("<b/>");
  });
});
