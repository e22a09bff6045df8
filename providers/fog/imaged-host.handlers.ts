import type { Definition, Run } from "../core/definition";
import { pruned } from "../core/reported";
import { clientFor } from "./clients";
import type { ImagedHostInputs, ImagedHostState } from "./imaged-host";
import { imagedHostChanges } from "./imaged-host.changes";
import { notesOfImaging, precheckImaging, refuseImaging } from "./imaged-host.checks";
import { recordOf } from "./imaged-host.record";
import { imagedHostSchema } from "./imaged-host.schema";
import { reconcileImaging } from "./imaging";
import { isOfStack, readMark } from "./marks";
import { releaseHost } from "./release";

/** A FOG host with an image on it: an action, which only another image or generation repeats. */
export const imagedHostDefinition: Definition<ImagedHostInputs, ImagedHostState> = {
  kind: "fog:ImagedHost",
  schema: imagedHostSchema,
  changes: imagedHostChanges,
  expects: {
    interrupted: {
      value: undefined,
      sentence: "its last imaging was cut off: one that still runs is followed, else it is done again",
    },
  },
  id: ({ name }) => name,
  observe: observeImaging,
  precheck: precheckImaging,
  refuse: refuseImaging,
  notes: notesOfImaging,
  reconcile: reconcileImaging,
  remove: releaseHost,
};

/**
 * What was imaged last is known by the state alone: the server's record says which image comes next. What it does say
 * is whether an imaging of ours was cut off, and when the last one of anybody's was.
 */
async function observeImaging(
  _inputs: ImagedHostInputs,
  run: Run<ImagedHostState>,
  known?: ImagedHostState,
): Promise<ImagedHostState | undefined> {
  if (!known) return undefined;
  const client = await clientFor(run);
  const host = await recordOf(client, known);
  if (!host) return known;
  const mark = readMark(host.description);
  const isCut = known.interrupted || (isOfStack(mark, run.mark) && mark?.task !== undefined);
  return pruned<ImagedHostState>({
    ...known,
    interrupted: isCut || undefined,
    deployedSeen: host.deployed,
  });
}
