/** One `key=value` of `--machinereadable`. */
export interface Pair {
  key: string;
  value: string;
}

/** `name="a1"`, `cpus=2`, `"SATA-0-0"="none"`, and the start of a value that goes on over several lines. */
const START = /^(?:"((?:[^"\\]|\\.)*)"|([A-Za-z][\w()-]*))=(.*)$/s;

/**
 * Reads `showvminfo --machinereadable`. Quotes and backslashes in values are escaped and newlines are not, so a value
 * ends at a quote that has no backslash before it. Snapshots' descriptions are not escaped at all (measured on 7.2.22),
 * so all that begins with `Snapshot` is left out: the settings file has it. Lines that are none of this are skipped.
 */
export function readMachineReadable(text: string): Pair[] {
  const pairs: Pair[] = [];
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  for (let at = 0; at < lines.length; at++) {
    const found = START.exec(lines[at] ?? "");
    if (!found) continue;
    const key = found[1] !== undefined ? unescaped(found[1]) : (found[2] ?? "");
    if (isOfSnapshot(key)) {
      at = endOfSnapshots(lines, at);
      continue;
    }
    let value = found[3] ?? "";
    while (value.startsWith('"') && !isClosed(value) && at + 1 < lines.length) value += `\n${lines[++at]}`;
    pairs.push({
      key,
      value: value.startsWith('"') ? unescaped(value.slice(1, isClosed(value) ? -1 : undefined)) : value,
    });
  }
  return pairs;
}

/** A quote at the end counts when an even number of backslashes is before it. */
const isClosed = (value: string): boolean => /^"(?:[^"\\]|\\.)*"$/s.test(value);

const unescaped = (text: string): string => text.replaceAll(/\\(["\\])/g, "$1");

const isOfSnapshot = (key: string): boolean => /^Snapshot(Name|UUID|Description)/.test(key);

/** What follows the list of snapshots; a description in it may hold anything, so the last one counts. */
function endOfSnapshots(lines: readonly string[], from: number): number {
  for (let at = lines.length - 1; at >= from; at--)
    if (lines[at]?.startsWith("CurrentSnapshotNode=")) return at;
  return from;
}

/** The first value of each key: a later one may be the text of something that goes on over lines. */
export function firstOf(pairs: readonly Pair[]): Map<string, string> {
  const first = new Map<string, string>();
  for (const { key, value } of pairs) if (!first.has(key)) first.set(key, value);
  return first;
}
