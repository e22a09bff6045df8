import { createHash } from "node:crypto";
import nunjucks from "nunjucks";
import { LabError } from "../../core/errors";
import { explain, firstLine, freeNames, parseTemplate, type SyntaxNode } from "../../core/jinja";
import { find, textOf, withChild, type XmlElement } from "./element";
import { parseXml } from "./parse";

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
    tree = parseTemplate(template);
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
