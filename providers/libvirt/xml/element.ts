import { LabError } from "../../core/errors";

/** An XML element as plain data: what the renderers make, and what XML read back becomes. */
export interface XmlElement {
  /** With its prefix, as written: `labplan:mark`. */
  name: string;
  attributes: Record<string, string>;
  children: XmlNode[];
}
export type XmlNode = XmlElement | string;

type Optional<T> = T | undefined | false;

/** An element; attributes and children that are undefined or false are left out. */
export function element(
  name: string,
  attributes: Record<string, Optional<string | number>> = {},
  ...children: Optional<XmlNode | number>[]
): XmlElement {
  return {
    name,
    attributes: Object.fromEntries(
      Object.entries(attributes).flatMap(([key, value]) =>
        value === undefined || value === false ? [] : [[key, String(value)]],
      ),
    ),
    children: children
      .filter((child) => child !== undefined && child !== false)
      .map((child) => (typeof child === "number" ? String(child) : child)),
  };
}

/** XML 1.0 section 2.2: these code points cannot appear in a document, not even escaped. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF\p{Surrogate}]/u;

const ESCAPES: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function refuseForbidden(value: string): void {
  if (FORBIDDEN.test(value))
    throw new LabError(`the value ${JSON.stringify(value)} holds a character that XML cannot carry`);
}

/** Text safe between two tags. */
export function escapeText(value: string): string {
  refuseForbidden(value);
  return value.replace(/[&<>\r]/g, (char) => ESCAPES[char] as string);
}

/** Text safe in a quoted attribute, where white space would be normalised too. */
export function escapeAttribute(value: string): string {
  refuseForbidden(value);
  return value.replace(/[&<>"'\t\n\r]/g, (char) => ESCAPES[char] as string);
}

/** The document's text, indented; elements with text in them stay on one line. */
export function render(node: XmlElement, indent = ""): string {
  const attributes = Object.entries(node.attributes)
    .map(([key, value]) => ` ${key}="${escapeAttribute(value)}"`)
    .join("");
  const open = `${indent}<${node.name}${attributes}`;
  if (node.children.length === 0) return `${open}/>\n`;
  if (node.children.some((child) => typeof child === "string")) {
    const inside = node.children.map((child) =>
      typeof child === "string" ? escapeText(child) : render(child).trimEnd(),
    );
    return `${open}>${inside.join("")}</${node.name}>\n`;
  }
  const inside = node.children.map((child) => render(child as XmlElement, `${indent}  `)).join("");
  return `${open}>\n${inside}${indent}</${node.name}>\n`;
}

export const elementsOf = (parent: XmlElement | undefined): XmlElement[] =>
  parent?.children.filter((child): child is XmlElement => typeof child !== "string") ?? [];

export const all = (parent: XmlElement | undefined, name: string): XmlElement[] =>
  elementsOf(parent).filter((child) => child.name === name);

/** The first element at `path` below `parent`. */
export function find(parent: XmlElement | undefined, ...path: string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((at, name) => all(at, name)[0], parent);
}

export const attribute = (node: XmlElement | undefined, name: string): string | undefined =>
  node?.attributes[name];

/** The text in an element, or undefined where there is none. */
export function textOf(node: XmlElement | undefined): string | undefined {
  const text = node?.children
    .filter((child) => typeof child === "string")
    .join("")
    .trim();
  return text === "" ? undefined : text;
}

/** `parent` with its children of `replacement`'s name replaced by it; added at the end where there was none. */
export function withChild(parent: XmlElement, replacement: XmlElement): XmlElement {
  const at = parent.children.findIndex(
    (child) => typeof child !== "string" && child.name === replacement.name,
  );
  const rest = withoutChildren(parent, replacement.name).children;
  const children = at < 0 ? [...rest, replacement] : [...rest.slice(0, at), replacement, ...rest.slice(at)];
  return { ...parent, children };
}

export const withoutChildren = (parent: XmlElement, name: string): XmlElement => ({
  ...parent,
  children: parent.children.filter((child) => typeof child === "string" || child.name !== name),
});
