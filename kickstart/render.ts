import * as fs from "node:fs";
import * as path from "node:path";
import nunjucks from "nunjucks";
import { explain, firstLine, freeNames, parseTemplate } from "../providers/core/jinja";
import { CALL_HOME, SERVICE } from "../providers/seed/boot-record";
import { FILTERS } from "./filters";
import { type LineMap, lineMap, withLineMarks } from "./line-marks";
import { debianMirror, elRepositories } from "./sources";
import { checkVariables } from "./variable-checks";
import { type Family, INSTALLERS, type Installer, type KickstartVariables } from "./variables";

export interface RenderProblem {
  /** Line of the template; 0 where it is none of a line. */
  line: number;
  message: string;
}

export interface Rendered {
  installer: Installer;
  /** Empty when there are problems. */
  text: string;
  problems: RenderProblem[];
  /** Line of the template for each line of the text (both from 1); undefined where that cannot be told. */
  templateLine: LineMap | undefined;
}

const FOLDER = path.join(__dirname, "templates");
const read = (name: string): string => fs.readFileSync(path.join(FOLDER, name), "utf8");

/** Read once, when this module is loaded: rendering does no I/O. */
const EL = read("el.ks.j2");
const TEMPLATES: Record<Family, string> = {
  "centos-stream": EL,
  rocky: EL,
  alma: EL,
  debian: read("debian.preseed.j2"),
  ubuntu: read("ubuntu.autoinstall.yaml.j2"),
};
const REPORT = read("parts/report.sh").trimEnd();

/** Our own template of a family. */
export const templateOf = (family: Family): string => TEMPLATES[family];

/**
 * Render a family's template, or the user's own. Placeholders (`{{boot:url}}`, `{{secret:name}}` …) stay in the text.
 * A template that is none, as a plain kickstart, stays as it is.
 */
export function renderKickstart(variables: KickstartVariables, template?: string): Rendered {
  const installer = INSTALLERS[variables.family];
  const text = shielded(template ?? TEMPLATES[variables.family]);
  const context = contextOf(variables);
  const failed = (problems: RenderProblem[]): Rendered => ({
    installer,
    text: "",
    problems,
    templateLine: undefined,
  });
  const problems = [...checkVariables(variables), ...unknownNames(text, context)];
  if (problems.length > 0) return failed(problems);
  try {
    const rendered = render(text, context);
    return {
      installer,
      text: unshielded(rendered),
      problems: [],
      templateLine: marked(text, context, rendered),
    };
  } catch (error) {
    return failed([{ line: lineIn(error), message: unshielded(explain(error, text)) }]);
  }
}

/** autoinstall's second file: nothing in it, but without it nothing is read. */
export const metaData = ({ name, hostName }: KickstartVariables): string =>
  `instance-id: ${JSON.stringify(`install-${name}`)}\nlocal-hostname: ${hostName}\n`;

/** Names that a template can use. */
export const templateNames = (variables: KickstartVariables): string[] =>
  Object.keys(contextOf(variables)).sort();

function contextOf(variables: KickstartVariables): Record<string, unknown> {
  const { family, release, mirror, hostName, nics, openPorts, timeServers } = variables;
  const ports = [22, ...openPorts.filter((port) => port !== 22)];
  const report = [
    "labplan_url='{{boot:url}}'",
    "labplan_token='{{boot:token}}'",
    `labplan_mac='${nics[0]?.mac ?? ""}'`,
    `labplan_host='${hostName}'`,
    REPORT,
  ].join("\n");
  return {
    ...variables,
    repositories: repositoriesOf(family, release, mirror),
    /** Shell: defines `labplan_report STAGE [LOG]`. */
    report,
    bootedScript: CALL_HOME.trimEnd(),
    bootedUnit: SERVICE.trimEnd(),
    firewall: [
      "#!/usr/sbin/nft -f",
      "flush ruleset",
      "table inet labplan {",
      "  chain input {",
      "    type filter hook input priority filter; policy drop;",
      "    ct state established,related accept",
      "    iif lo accept",
      "    meta l4proto { icmp, ipv6-icmp } accept",
      "    udp dport { 68, 546 } accept",
      `    tcp dport { ${ports.join(", ")} } accept`,
      "  }",
      "}",
    ].join("\n"),
    chronySources: timeServers
      .map((server) => `${FILTERS.isPool(server) ? "pool" : "server"} ${server} iburst`)
      .join("\n"),
  };
}

function repositoriesOf(family: Family, release: string, mirror: string): Record<string, string> {
  if (family === "debian") return URL.canParse(mirror) ? debianMirror(mirror) : {};
  return family === "ubuntu" ? {} : elRepositories(family, release, mirror);
}

const environment = new nunjucks.Environment(null, {
  autoescape: false,
  throwOnUndefined: true,
  trimBlocks: true,
  lstripBlocks: true,
});
for (const [name, filter] of Object.entries(FILTERS))
  environment.addFilter(name, filter as (...values: unknown[]) => unknown);

const render = (text: string, context: object): string => environment.renderString(text, context);

function marked(text: string, context: object, rendered: string): LineMap | undefined {
  try {
    return lineMap(render(withLineMarks(text), context), rendered);
  } catch {
    return undefined;
  }
}

function unknownNames(text: string, context: object): RenderProblem[] {
  const known = new Set([...Object.keys(context), "range", "loop", "caller"]);
  try {
    return freeNames(parseTemplate(text), known).map(({ name, line }) => ({
      line,
      message: `the template uses "${name}", which it is not given. It has: ${Object.keys(context).sort().join(", ")}`,
    }));
  } catch (error) {
    return [{ line: lineIn(error), message: `the template cannot be read: ${firstLine(error)}` }];
  }
}

const lineIn = (error: unknown): number =>
  Number(/\[Line (\d+)/.exec(error instanceof Error ? error.message : "")?.[1] ?? 0);

/** Private-use characters, which no text of ours holds, in place of what nunjucks would take for its own. */
const SHIELDS: readonly [RegExp, string, RegExp, string][] = [
  [
    /\{\{\s*((?:boot|secret|env|file):[^{}\s]+)\s*\}\}/g,
    "\uE000$1\uE001",
    /\uE000([^\uE001]*)\uE001/g,
    "{{$1}}",
  ],
  // A shell's length, `${#name}`, is no comment of a template's.
  [/\$\{#/g, "\uE002", /\uE002/g, "${#"],
];
const shielded = (text: string): string => SHIELDS.reduce((t, [from, to]) => t.replace(from, to), text);
const unshielded = (text: string): string => SHIELDS.reduce((t, [, , from, to]) => t.replace(from, to), text);
