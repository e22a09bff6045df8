import { differingLines } from "../boot/text";
import type { NodeInputs } from "./types";

type Text = Pick<NodeInputs, "localConf" | "sources">;

/** Where the sources begin, unless lines are longer. */
const COLUMN = 56;

const linesOf = (text: string): string[] => text.replace(/\n$/, "").split("\n");

/** A local.conf with the source of every line beside it; secrets are placeholders. */
export function localConfWithSources({ localConf, sources = [] }: Text): string[] {
  const lines = linesOf(localConf);
  const width = Math.min(COLUMN, Math.max(...lines.map(({ length }) => length)));
  return lines.map((line, index) => beside(line, sources[index], width));
}

/** Lines of a local.conf that differ, each with its source: `+ LIBVIRT_TYPE=kvm  ← devstack.roles.compute…`. */
export function localConfChanges(before: Text, after: Text): string[] {
  if (before.localConf === after.localConf) return [];
  const from = { "-": sourceFinder(before), "+": sourceFinder(after) };
  return differingLines(before.localConf, after.localConf).map((line) => {
    const sign = line.slice(0, 2);
    if (sign !== "- " && sign !== "+ ") return line;
    return beside(line, from[sign === "- " ? "-" : "+"](line.slice(2)));
  });
}

const beside = (line: string, source: string | undefined, width = 0): string =>
  source === undefined || source === "labplan" ? line : `${line.padEnd(width)}  ← ${source}`;

/** Lines are asked for from above to below, so that the second of two equal ones finds its own source. */
function sourceFinder({ localConf, sources = [] }: Text): (line: string) => string | undefined {
  const lines = linesOf(localConf);
  let next = 0;
  return (line) => {
    const at = lines.indexOf(line, next);
    if (at < 0) return undefined;
    next = at + 1;
    return sources[at];
  };
}
