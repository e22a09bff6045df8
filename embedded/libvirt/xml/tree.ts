import { DOMParser, type Element as DomElement } from "@xmldom/xmldom";
import { CODE, type From, refuse } from "../errors";

/** An XML element as plain data, so that it can be copied, stored and compared. Comments are not kept. */
export interface XmlElement {
  /** With its prefix, if any. */
  name: string;
  attributes: Record<string, string>;
  children: XmlNode[];
}
export type XmlNode = XmlElement | string;

export function element(
  name: string,
  attributes: Record<string, string | undefined> = {},
  children: (XmlNode | undefined)[] = [],
): XmlElement {
  const given = Object.entries(attributes).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return {
    name,
    attributes: Object.fromEntries(given),
    children: children.filter((child): child is XmlNode => child !== undefined),
  };
}

export const isElement = (node: XmlNode): node is XmlElement => typeof node !== "string";
export const elements = (parent: XmlElement): XmlElement[] => parent.children.filter(isElement);
export const all = (parent: XmlElement | undefined, name: string): XmlElement[] =>
  parent ? elements(parent).filter((child) => child.name === name) : [];
export const first = (parent: XmlElement | undefined, name: string): XmlElement | undefined =>
  parent && elements(parent).find((child) => child.name === name);
/** Text of the child element `name`, trimmed; undefined when there is none or it is empty. */
export const textOf = (parent: XmlElement | undefined, name: string): string | undefined => {
  const child = first(parent, name);
  return (child && text(child)) || undefined;
};
export const text = (of: XmlElement): string =>
  of.children
    .filter((node) => typeof node === "string")
    .join("")
    .trim();
export const copy = (of: XmlElement): XmlElement => structuredClone(of);

/** Put `child` in the place of the child of that name, or at the end. */
export function replaceChild(parent: XmlElement, child: XmlElement): void {
  const index = parent.children.findIndex((node) => isElement(node) && node.name === child.name);
  if (index < 0) parent.children.push(child);
  else parent.children[index] = child;
}

export function removeChildren(parent: XmlElement, ...names: string[]): void {
  parent.children = parent.children.filter((node) => !isElement(node) || !names.includes(node.name));
}

/**
 * Parse a document. `what` is libvirt's name for it in messages (`domain_definition`). Anything that is not well
 * formed is code 35, as from libvirtd; a document type declaration is refused outright.
 */
export function parseXml(source: string, what: string, from: From): XmlElement {
  const malformed = (detail: string) => refuse(CODE.xmlDetail, from, `(${what}):${detail}`);
  if (/<!DOCTYPE|<!ENTITY/i.test(source)) throw malformed("1: a document type is not allowed");
  let root: DomElement | null = null;
  try {
    const parser = new DOMParser({
      onError: (level, message) => {
        if (level !== "warning") throw new Error(message);
        // A warning is an attribute without a value or quotes: not well-formed XML either.
        throw new Error(message);
      },
    });
    root = parser.parseFromString(source, "text/xml").documentElement;
  } catch (error) {
    throw malformed(String((error as Error).message).split("\n")[0] ?? "");
  }
  if (!root) throw malformed("1: Document is empty");
  return fromDom(root);
}

function fromDom(of: DomElement): XmlElement {
  const attributes: Record<string, string> = {};
  for (const attribute of Array.from(of.attributes)) attributes[attribute.name] = attribute.value;
  const children: XmlNode[] = [];
  for (const node of Array.from(of.childNodes)) {
    if (node.nodeType === 1) children.push(fromDom(node as DomElement));
    else if ((node.nodeType === 3 || node.nodeType === 4) && node.nodeValue) children.push(node.nodeValue);
  }
  const mixed = children.some(isElement);
  return {
    name: of.tagName,
    attributes,
    // White space between elements is layout; text beside elements is kept.
    children: mixed ? children.filter((node) => isElement(node) || node.trim() !== "") : children,
  };
}

const escapeText = (value: string): string =>
  value.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const escapeAttribute = (value: string): string =>
  escapeText(value).replace(/'/g, "&apos;").replace(/"/g, "&quot;").replace(/\n/g, "&#xA;");

/** As libvirt prints it: single quotes, two spaces, text on the element's own line. */
export function printXml(of: XmlElement, indent = ""): string {
  const attributes = Object.entries(of.attributes)
    .map(([name, value]) => ` ${name}='${escapeAttribute(value)}'`)
    .join("");
  const open = `${indent}<${of.name}${attributes}`;
  if (of.children.length === 0) return `${open}/>\n`;
  if (!of.children.some(isElement)) {
    return `${open}>${escapeText(of.children.join(""))}</${of.name}>\n`;
  }
  const inner = of.children
    .map((node) =>
      isElement(node) ? printXml(node, `${indent}  `) : `${indent}  ${escapeText(node.trim())}\n`,
    )
    .join("");
  return `${open}>\n${inner}${indent}</${of.name}>\n`;
}
