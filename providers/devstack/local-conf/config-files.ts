import { suggest } from "../../../stacks/config/suggest";
import type { ConfigPath, SecretRef } from "../../../stacks/config/types";
import { fileProblem, oneSpelling, variablesInName } from "./file-names";
import { whyNotInConfig } from "./fill";
import { noteLiteral } from "./localrc";
import { configValue } from "./quote";
import {
  type Findings,
  judgeUnknown,
  type LocalConfLayer,
  type LocalConfLine,
  lineOf,
  ownLine,
  pathIn,
  type Settled,
  settle,
} from "./settings";
import { type Part, readValue, type SettingValue } from "./value";
import { EARLY_VARIABLES, LATE_VARIABLES } from "./variables";

/** Phases in which devstack puts such settings into files, in their order. */
export const CONFIG_PHASES = ["post-config", "extra", "post-extra", "test-config"] as const;

const GONE_PHASES: Readonly<Record<string, string>> = {
  local: 'variables of localrc stand under "localrc"',
  "pre-install": "devstack reads no settings in it any more",
  install: "devstack reads no settings in it any more",
};

const SECTION_NAME = /^[A-Za-z0-9_.:%@+,-]+$/;
const OPTION_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/;

export interface ConfigFiles {
  lines: LocalConfLine[];
  secrets: Record<string, SecretRef>;
}

/** phase → file → section → option */
type Tree = Map<string, Map<string, Map<string, Map<string, Settled<SettingValue>>>>>;

/** The meta-sections `[[phase|file]]`: one for each file and phase, with one section of each name in it. */
export function mergeConfigFiles(
  layers: readonly LocalConfLayer[],
  names: ReadonlySet<string>,
  plugins: boolean,
  findings: Findings,
): ConfigFiles {
  const tree: Tree = new Map();
  for (const layer of layers) addLayer(tree, layer, names, plugins, findings);
  const secrets: Record<string, SecretRef> = {};
  const isVariable = (name: string) =>
    names.has(name) || EARLY_VARIABLES.has(name) || LATE_VARIABLES.has(name);
  const lines: LocalConfLine[] = [];
  for (const phase of CONFIG_PHASES)
    for (const [file, sections] of tree.get(phase) ?? []) {
      lines.push(ownLine(""), ownLine(`[[${phase}|${file}]]`));
      for (const [section, options] of sections) {
        lines.push(ownLine(`[${section}]`));
        for (const [option, setting] of options) {
          const read = readValue(setting.value, isVariable);
          const why = whyNot(read.parts);
          if (why !== undefined)
            findings.problems.push({ path: setting.path, message: `cannot be set there: ${why}` });
          noteLiteral(read.literal, setting.path, findings);
          Object.assign(secrets, read.secrets);
          const text = configValue(read.parts);
          lines.push(lineOf(text === "" ? `${option} =` : `${option} = ${text}`, setting));
        }
      }
    }
  return { lines, secrets };
}

function addLayer(
  tree: Tree,
  layer: LocalConfLayer,
  names: ReadonlySet<string>,
  plugins: boolean,
  findings: Findings,
): void {
  // The same option by two spellings of one file: neither is the later one.
  const own = new Map<string, { file: string; value: SettingValue }>();
  const isKnown = (name: string) => names.has(name) || EARLY_VARIABLES.has(name) || LATE_VARIABLES.has(name);
  for (const [phase, files] of Object.entries(layer.conf ?? {})) {
    if (!(CONFIG_PHASES as readonly string[]).includes(phase)) {
      findings.problems.push({
        path: pathIn(layer, "conf", phase),
        message: `no phase "${phase}"${GONE_PHASES[phase] ? `: ${GONE_PHASES[phase]}` : suggest(phase, CONFIG_PHASES, "Phases")}`,
      });
      continue;
    }
    for (const [file, sections] of Object.entries(files)) {
      const at = pathIn(layer, "conf", phase, file);
      const wrong = fileProblem(file);
      if (wrong !== undefined) {
        findings.problems.push({ path: at, message: wrong });
        continue;
      }
      for (const used of variablesInName(file))
        if (!isKnown(used))
          judgeUnknown(findings, {
            path: at,
            kind: "variable",
            name: used,
            known: [...LATE_VARIABLES],
            plugins,
          });
      const spelling = oneSpelling(file, names);
      for (const [section, options] of Object.entries(sections))
        for (const [option, value] of Object.entries(options)) {
          const path: ConfigPath = [...at, section, option];
          const why = nameProblem(section, option);
          if (why !== undefined) {
            findings.problems.push({ path, message: why });
            continue;
          }
          const key = JSON.stringify([phase, spelling, section, option]);
          const twin = own.get(key);
          if (twin !== undefined && JSON.stringify(twin.value) !== JSON.stringify(value))
            findings.problems.push({
              path,
              message: `"${twin.file}" is the same file, and sets it otherwise`,
            });
          own.set(key, { file, value });
          settle(branch(branch(branch(tree, phase), spelling), section), option, {
            value,
            source: `${layer.source}.conf.${phase}.${file}.${section}.${option}`,
            path,
          });
        }
    }
  }
}

function nameProblem(section: string, option: string): string | undefined {
  if (!SECTION_NAME.test(section))
    return `"${section}" cannot be the name of a section: devstack's reader loses blanks and brackets, and its shell reads other signs`;
  if (!OPTION_NAME.test(option))
    return option.includes("=")
      ? `"${option}" cannot be the name of an option: the first "=" of a line ends the name`
      : `"${option}" cannot be the name of an option: devstack's reader takes letters, digits, "_", ".", ":" and "-" only`;
  return undefined;
}

function whyNot(parts: readonly Part[]): string | undefined {
  for (const [index, part] of parts.entries()) {
    if (!("text" in part)) continue;
    const why = whyNotInConfig(part.text, { first: index === 0, last: index === parts.length - 1 });
    if (why !== undefined) return why;
  }
  return undefined;
}

function branch<V>(map: Map<string, Map<string, V>>, key: string): Map<string, V> {
  const found = map.get(key) ?? new Map<string, V>();
  map.set(key, found);
  return found;
}
