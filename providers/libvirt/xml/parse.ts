import { DOMParser, type Element, type Node, ParseError } from "@xmldom/xmldom";
import { LabError } from "../../core/errors";
import type { XmlElement, XmlNode } from "./element";

const ELEMENT = 1;
const TEXT = 3;
const CDATA = 4;

/** Read XML text; throws a LabError that says what is wrong where. Comments and indentation are dropped. */
export function parseXml(text: string, what = "the XML"): XmlElement {
  const found: string[] = [];
  const parser = new DOMParser({
    // Its warnings are what the standard calls errors: an attribute without quotes.
    onError: (_level, message) => {
      found.push(message);
    },
  });
  try {
    const root = parser.parseFromString(text.trimStart(), "text/xml").documentElement;
    if (root && found.length === 0) return toElement(root);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    found.push(error.message);
  }
  throw new LabError(`${what} is not well-formed: ${found[0] ?? "it holds no element"}`);
}

function toElement(node: Element): XmlElement {
  const attributes: Record<string, string> = {};
  for (const { name, value } of Array.from(node.attributes)) attributes[name] = value;
  const children = childrenOf(node);
  const holdsElements = children.some((child) => typeof child !== "string");
  return {
    name: node.nodeName,
    attributes,
    // libvirt's XML has no mixed content: text beside elements is indentation.
    children: holdsElements
      ? children.filter((child) => typeof child !== "string" || child.trim())
      : children,
  };
}

function childrenOf(node: Node): XmlNode[] {
  return Array.from(node.childNodes).flatMap((child): XmlNode[] => {
    if (child.nodeType === ELEMENT) return [toElement(child as Element)];
    const isText = child.nodeType === TEXT || child.nodeType === CDATA;
    return isText && child.nodeValue ? [child.nodeValue] : [];
  });
}
