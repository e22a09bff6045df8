import { CODE, FROM, refuse } from "./errors";
import { copy, element, elements, first, isElement, parseXml, printXml, type XmlElement } from "./xml/tree";

const prefixOf = (name: string): string | undefined => (name.includes(":") ? name.split(":")[0] : undefined);

/** The child of `<metadata>` that is in the name space `uri`. */
function find(root: XmlElement, uri: string): XmlElement | undefined {
  return elements(first(root, "metadata") ?? element("metadata")).find((child) => {
    const prefix = prefixOf(child.name);
    return child.attributes[prefix ? `xmlns:${prefix}` : "xmlns"] === uri;
  });
}

/** The element without its name space, as libvirt hands it out. */
export function getMetadata(root: XmlElement, uri: string): string {
  const found = find(root, uri);
  if (!found) {
    throw refuse(CODE.noDomainMetadata, FROM.domain, "Requested metadata element is not present");
  }
  const bare = copy(found);
  const prefix = prefixOf(found.name);
  delete bare.attributes[prefix ? `xmlns:${prefix}` : "xmlns"];
  if (prefix) rename(bare, (name) => (prefixOf(name) === prefix ? name.slice(prefix.length + 1) : name));
  return printXml(bare).trimEnd();
}

/** Put `xml` in the place of what `uri` has; without `xml`, remove it. */
export function setMetadata(
  root: XmlElement,
  uri: string,
  key: string | undefined,
  xml: string | undefined,
): void {
  let metadata = first(root, "metadata");
  if (!metadata) {
    if (xml === undefined) return;
    metadata = element("metadata");
    const after = root.children.findLastIndex(
      (node) => isElement(node) && ["name", "uuid", "title", "description"].includes(node.name),
    );
    root.children.splice(after + 1, 0, metadata);
  }
  const old = find(root, uri);
  metadata.children = metadata.children.filter((child) => child !== old);
  if (xml === undefined) return;
  const child = parseXml(xml, "metadata_xml", FROM.domain);
  const own = prefixOf(child.name);
  if (!own) rename(child, (name) => (prefixOf(name) ? name : `${key}:${name}`));
  if (!own || child.attributes[`xmlns:${own}`] !== uri) child.attributes[`xmlns:${key}`] = uri;
  metadata.children.push(child);
}

function rename(of: XmlElement, change: (name: string) => string): void {
  of.name = change(of.name);
  for (const child of elements(of)) rename(child, change);
}
