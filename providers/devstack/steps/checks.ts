import type { Run } from "../../core/definition";
import { LabError } from "../../core/errors";
import type { RootShell } from "../../ssh/root-shell";
import { masked } from "../log";
import type { NodeInputs } from "../types";

const CHECK_DEADLINE_S = 120;

/** What must succeed once it is stacked, as root; one after the other, and the first that fails is told. */
export async function runChecks(
  shell: RootShell,
  { name, checks }: NodeInputs,
  run: Pick<Run, "progress" | "signal">,
  secrets: Iterable<string>,
): Promise<void> {
  const hidden = [...secrets];
  for (const [index, check] of checks.entries()) {
    run.progress(`[7/8 checks] ${index + 1} of ${checks.length}: ${check}`);
    const { code, stdout, stderr } = await shell.exec(`cd /\n${check}`, [], {
      deadlineS: CHECK_DEADLINE_S,
      signal: run.signal,
    });
    if (code === 0) continue;
    const said = (stderr.trim() || stdout.trim()).split("\n").slice(-3).join("\n");
    throw new LabError(
      `"${name}": it is stacked, and the check \`${check}\` failed (exit ${code}): ${masked(said, hidden) || "it said nothing"}. "pulumi up" checks again; nothing is stacked anew for it.`,
    );
  }
}
