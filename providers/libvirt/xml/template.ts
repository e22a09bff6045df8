import { createHash } from "node:crypto";
import nunjucks from "nunjucks";
import { LabError } from "../../core/errors";
import { find, textOf, withChild, type XmlElement } from "./element";
import { parseXml } from "./parse";

/** A node of nunjucks' syntax tree, as far as it is read here. nunjucks declares no types for it. */
interface SyntaxNode {
  typename: string;
  lineno: number;
  value?: unknown;
  name?: unknown;
  target?: unknown;
  arr?: unknown;
  [field: string]: unknown;
}
const parser = (nunjucks as unknown as { parser: { parse(source: string): SyntaxNode } }).parser;

const environment = () => {
  // Autoescape: values cannot break out of the XML. Undefined values are errors, as in Jinja's StrictUndefined.
  const made = new nunjucks.Environment(null, { autoescape: true, throwOnUndefined: true });
  made.addGlobal("range", (n: number) => [...Array(n).keys()]);
  return made;
};

/** Render the user's own Jinja template; an unknown variable is an error that names it and its line. */
export function renderTemplate(template: string, variables: object, what: string): string {
  let tree: SyntaxNode;
  try {
    tree = parser.parse(template);
  } catch (error) {
    throw new LabError(`${what}: the template cannot be read: ${firstLine(error)}`, { cause: error });
  }
  const known = new Set([...Object.keys(variables), "range", "loop", "caller"]);
  const unknown = freeNames(tree, known);
  if (unknown.length > 0) {
    const list = unknown.map(({ name, line }) => `"${name}" (line ${line})`).join(", ");
    throw new LabError(
      `${what}: the template uses ${list}, which it is not given. It has: ${Object.keys(variables).sort().join(", ")}.`,
    );
  }
  try {
    return environment().renderString(template, variables);
  } catch (error) {
    throw new LabError(`${what}: the template failed: ${explain(error, template)}`, { cause: error });
  }
}

/** The definition that a template makes, with the planned identity put in: the object is found by it. */
export function renderDefinition(
  root: "domain" | "network",
  template: string,
  variables: { name: string; uuid: string },
): XmlElement {
  const what = `${root} ${variables.name}`;
  const parsed = parseXml(renderTemplate(template, variables, what), `${what}: what the template makes`);
  if (parsed.name !== root)
    throw new LabError(`${what}: the template makes a <${parsed.name}>, not a <${root}>`);
  const name = textOf(find(parsed, "name"));
  if (name !== undefined && name !== variables.name)
    throw new LabError(
      `${what}: the template names it "${name}"; write <name>{{ name }}</name>, or leave the name out`,
    );
  const put = (tag: string, value: string) => (node: XmlElement) =>
    withChild(node, { name: tag, attributes: {}, children: [value] });
  const identified = put("uuid", variables.uuid)(put("name", variables.name)(parsed));
  const identity = identified.children.filter(
    (c) => typeof c !== "string" && ["name", "uuid"].includes(c.name),
  );
  const rest = identified.children.filter((child) => !identity.includes(child));
  return { ...identified, children: [...identity, ...rest] };
}

/** Tells one text of a template from another; kept in the mark, so that an edit that was not applied is seen. */
export const templateDigest = (template: string): string =>
  createHash("sha256").update(template).digest("hex").slice(0, 16);

/** Names that are read and neither known, nor bound in the template itself, nor guarded by `default` or `is defined`. */
function freeNames(tree: SyntaxNode, known: ReadonlySet<string>): { name: string; line: number }[] {
  const bound = new Set(known);
  const used = new Map<string, number>();
  const bind = (target: unknown): void => {
    for (const node of nodesIn(target)) if (node.typename === "Symbol") bound.add(String(node.value));
  };
  const walk = (node: SyntaxNode): void => {
    if (node.typename === "Symbol") {
      if (!used.has(String(node.value))) used.set(String(node.value), node.lineno + 1);
      return;
    }
    if (node.typename === "For") bind(node.name);
    if (node.typename === "Set") bind(node.targets);
    if (node.typename === "Macro" || node.typename === "Caller") {
      bind(node.args);
      bind(node.name);
    }
    if (isGuard(node)) {
      bind(node.typename === "Filter" ? node.args : node.left);
      return;
    }
    if (node.typename === "Filter" || node.typename === "Is") {
      // The filter's or test's own name is a Symbol too, and no variable.
      for (const child of nodesIn(node.typename === "Filter" ? node.args : node.left)) walk(child);
      return;
    }
    for (const child of Object.values(node).flatMap(nodesIn)) walk(child);
  };
  walk(tree);
  return [...used].filter(([name]) => !bound.has(name)).map(([name, line]) => ({ name, line }));
}

function isGuard(node: SyntaxNode): boolean {
  if (node.typename === "Filter") return ["default", "d"].includes(nameOf(node.name));
  return node.typename === "Is" && ["defined", "undefined"].includes(nameOf(node.right));
}

const nameOf = (node: unknown): string => String((node as SyntaxNode | undefined)?.value ?? "");

function nodesIn(value: unknown): SyntaxNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  const isNode = typeof value === "object" && value !== null && "typename" in value;
  if (!isNode) return [];
  const node = value as SyntaxNode;
  return node.typename === "NodeList" || node.typename === "Array" || node.typename === "Group"
    ? [node, ...nodesIn(node.children)]
    : [node];
}

const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .replace(/^\(unknown path\)\s*/, "")
    .replace(/\s*\n\s*/g, " ");

/** nunjucks gives line and column of an undefined output: show the expression that stands there. */
function explain(error: unknown, template: string): string {
  const message = firstLine(error);
  const at = /\[Line (\d+), Column (\d+)\]/.exec(message);
  const line = template.split("\n")[Number(at?.[1]) - 1];
  const expressions = line?.match(/\{\{.*?\}\}/g);
  if (!at || !expressions || !/null or undefined/.test(message)) return message;
  return `${expressions.join(" or ")} in line ${at[1]} has no value`;
}
