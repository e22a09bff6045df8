import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { RunResult } from "../../../../providers/virtualbox/runner";

const FOLDER = join(__dirname, "..", "..", "..", "fixtures", "virtualbox");

/** What VBoxManage 7.2.22 wrote, recorded with test/systems/virtualbox; only its temporary folder was renamed. */
export const recorded = (name: string): string => readFileSync(join(FOLDER, name), "utf8");

export interface Recorded extends RunResult {
  argv: string[];
}

/** The recorded failures: what was asked, and what came on stdout and stderr. */
export function recordedFailures(): Recorded[] {
  return recorded("failures.txt")
    .split(/^\$ /m)
    .slice(1)
    .map((block) => {
      const [asked = "[]", ...lines] = block.split("\n");
      const text = (mark: string) =>
        lines.flatMap((line) => (line.startsWith(mark) ? [`${line.slice(mark.length)}\n`] : [])).join("");
      const code = Number(/^rc=(\d+)$/m.exec(block)?.[1]);
      return { argv: JSON.parse(asked) as string[], stdout: text("out| "), stderr: text("err| "), code };
    });
}

/** The recorded failure whose words begin with these. */
export function failure(...words: string[]): Recorded {
  const found = recordedFailures().find(({ argv }) => words.every((word, at) => argv[at] === word));
  if (!found) throw new Error(`no recorded failure of ${words.join(" ")}`);
  return found;
}
