import type { SecretRef } from "../../../stacks/config/types";
import { inOrder } from "./order";
import { localrcValue } from "./quote";
import {
  type Findings,
  type LocalConfLayer,
  type LocalConfLine,
  lineOf,
  pathIn,
  type Settled,
  settle,
} from "./settings";
import { type ReadValue, readValue, type SettingValue, variablesIn } from "./value";
import { EARLY_VARIABLES, LATE_VARIABLES, READONLY_VARIABLES, VARIABLE_NAME } from "./variables";

const LISTS_OF_SERVICES = new Set(["ENABLED_SERVICES", "DISABLED_SERVICES"]);

export interface Localrc {
  lines: LocalConfLine[];
  /** Names that are set. */
  names: ReadonlySet<string>;
  secrets: Record<string, SecretRef>;
}

/** The variables of localrc: one line each, those that others use first, otherwise in the order of the layers. */
export function mergeLocalrc(layers: readonly LocalConfLayer[], findings: Findings): Localrc {
  const settled = new Map<string, Settled<SettingValue>>();
  for (const layer of layers)
    for (const [name, value] of Object.entries(layer.localrc ?? {})) {
      const path = pathIn(layer, "localrc", name);
      const why = whyNotAVariable(name);
      if (why !== undefined) findings.problems.push({ path, message: why });
      else settle(settled, name, { value, source: `${layer.source}.localrc.${name}`, path });
    }
  const names = new Set(settled.keys());
  const read = new Map<string, ReadValue>();
  for (const [name, { value, path }] of settled) {
    const one = readValue(
      value,
      (used) => names.has(used) || EARLY_VARIABLES.has(used) || LATE_VARIABLES.has(used),
    );
    read.set(name, one);
    if (one.parts.some((part) => "text" in part && part.text.includes("\0")))
      findings.problems.push({ path, message: "holds a NUL byte, which no variable of a shell can" });
    for (const used of variablesIn(one.parts))
      if (!names.has(used) && !EARLY_VARIABLES.has(used))
        findings.problems.push({
          path,
          message: `uses $${used}, which devstack sets only after localrc was read: it would be empty. Set ${used} in localrc too`,
        });
    noteLiteral(one.literal, path, findings);
  }
  const uses = (name: string) => variablesIn(read.get(name)?.parts ?? []);
  const { order, rings } = inOrder([...names], (name) =>
    // devstack has a value for it already, which `PATH=$PATH:…` adds to.
    uses(name).filter((used) => used !== name || !EARLY_VARIABLES.has(used)),
  );
  for (const ring of rings)
    findings.problems.push({
      path: settled.get(ring[0] ?? "")?.path ?? [],
      message: `the variable needs itself: ${ring.join(" uses ")}`,
    });
  return {
    names,
    lines: order.flatMap((name) => {
      const setting = settled.get(name);
      return setting ? [lineOf(`${name}=${localrcValue(read.get(name)?.parts ?? [])}`, setting)] : [];
    }),
    secrets: Object.assign({}, ...[...read.values()].map(({ secrets }) => secrets)),
  };
}

function whyNotAVariable(name: string): string | undefined {
  if (LISTS_OF_SERVICES.has(name))
    return `${name} is made of "services": write the names there, true for on and false for off`;
  if (!VARIABLE_NAME.test(name))
    return `"${name}" is no name of a shell variable: letters, digits and _ only, no digit first`;
  if (READONLY_VARIABLES.has(name)) return `bash lets nobody set ${name}, and stops reading there`;
  return undefined;
}

export function noteLiteral(
  literal: readonly string[],
  path: Settled<unknown>["path"],
  findings: Findings,
): void {
  for (const found of new Set(literal))
    findings.notes.push({
      path,
      message: /^\$\{?\w+\}?$/.test(found)
        ? `"${found}" stands as text: neither this local.conf nor devstack sets such a variable by then`
        : `"${found}" stands as text: no command is run and no default is put in; only $NAME and \${NAME} are expanded`,
    });
}
