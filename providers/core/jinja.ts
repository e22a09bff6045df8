import nunjucks from "nunjucks";

/** A node of nunjucks' syntax tree, as far as it is read here. nunjucks declares no types for it. */
export interface SyntaxNode {
  typename: string;
  lineno: number;
  value?: unknown;
  name?: unknown;
  target?: unknown;
  arr?: unknown;
  [field: string]: unknown;
}
const parser = (nunjucks as unknown as { parser: { parse(source: string): SyntaxNode } }).parser;

/** The syntax tree of a template; throws nunjucks' own error where it cannot be read. */
export const parseTemplate = (template: string): SyntaxNode => parser.parse(template);

/** Names that are read and neither known, nor bound in the template itself, nor guarded by `default` or `is defined`. */
export function freeNames(tree: SyntaxNode, known: ReadonlySet<string>): { name: string; line: number }[] {
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

/** An error of nunjucks in one line, without the path that there is none of. */
export const firstLine = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error))
    .replace(/^\(unknown path\)\s*/, "")
    .replace(/\s*\n\s*/g, " ");

/** nunjucks gives line and column of an undefined output: show the expression that stands there. */
export function explain(error: unknown, template: string): string {
  const message = firstLine(error);
  const at = /\[Line (\d+), Column (\d+)\]/.exec(message);
  const line = template.split("\n")[Number(at?.[1]) - 1];
  const expressions = line?.match(/\{\{.*?\}\}/g);
  if (!at || !expressions || !/null or undefined/.test(message)) return message;
  return `${expressions.join(" or ")} in line ${at[1]} has no value`;
}
