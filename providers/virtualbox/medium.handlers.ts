import { same } from "../core/change";
import { type Definition, markPrefix, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import { formatBytes } from "../core/sizes";
import type { VirtualBoxClient } from "./client";
import { about, clientFor } from "./clients";
import { dropFolder, folderOf } from "./folder";
import { isMarkedName, unmarkedNameMessage } from "./marks";
import type { MediumInputs, MediumState } from "./medium";
import { mediumChanges } from "./medium.changes";
import { mediumSchema } from "./medium.schema";
import { clear, convert, make, upload } from "./medium-fill";
import { grow } from "./medium-grow";
import {
  type FoundMedium,
  isCopied,
  lookAt,
  type MediumPaths,
  pathsOf,
  refusal,
  stateOf,
  who,
  wholeMiB,
} from "./medium-look";
import { finishMove } from "./snapshot-moves";

async function pathsFor(client: VirtualBoxClient, inputs: MediumInputs, run: Run<MediumState>) {
  return pathsOf(client, await folderOf(client, run), inputs);
}

/** Step 1: nothing stands in the way, and what exists can become what is wanted. */
async function examine(
  client: VirtualBoxClient,
  inputs: MediumInputs,
  paths: MediumPaths,
  run: Run<MediumState>,
): Promise<FoundMedium | undefined> {
  if (!isMarkedName(inputs.name, run.mark)) throw new LabError(unmarkedNameMessage(inputs.name, run.mark));
  await finishMove(client, paths.path, { signal: run.signal });
  const found = await lookAt(client, inputs, paths);
  if (!found?.complete) return found;
  const now = await stateOf(client, inputs, paths, found);
  const problem = refusal(inputs, now);
  if (problem) throw new LabError(problem.message);
  if (now.parent !== inputs.parent)
    throw new LabError(
      `${who(inputs)} exists with the image ${now.parent ?? "(none)"}, planned ${inputs.parent ?? "(none)"}. Its data are kept: run "pulumi up --refresh" to have it replaced, or delete it yourself.`,
    );
  return found;
}

export const mediumDefinition: Definition<MediumInputs, MediumState> = {
  kind: "virtualbox:Medium",
  schema: mediumSchema,
  changes: mediumChanges,
  expects: { complete: { value: true, sentence: "its contents are not whole: they are made again" } },
  id: ({ name }) => name,

  async observe(inputs, run, known) {
    if (!isMarkedName(inputs.name, run.mark)) return undefined;
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const paths = await pathsFor(client, inputs, run);
      const found = await lookAt(client, inputs, paths);
      if (!found && known) await refuseLost(client, inputs, paths);
      return found && stateOf(client, inputs, paths, found);
    });
  },

  refuse(inputs, before) {
    const isAnother = (["name", "backend", "format", "parent", "clone", "source", "checksum"] as const).some(
      (field) => !same(inputs[field], before[field]),
    );
    const problem = isAnother ? undefined : refusal(inputs, before);
    return problem ? [problem] : [];
  },

  async precheck(inputs, run) {
    // A name that carries our mark cannot be anybody else's.
    if (isMarkedName(inputs.name, run.mark)) return [];
    return [{ field: "name", message: unmarkedNameMessage(inputs.name, run.mark) }];
  },

  async reconcile(inputs, _observed, run) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const paths = await pathsFor(client, inputs, run);
      const before = await run.step("1/4 look", () => examine(client, inputs, paths, run));
      const isThere = before?.complete ?? false;
      const { source } = inputs;
      const kind = await run.step("2/4 upload", async () => {
        if (isThere) return undefined;
        await client.makeFolder(paths.folder);
        await clear(client, inputs, paths);
        const to = inputs.format === "iso" ? paths.path : paths.upload;
        return source && upload(client, { ...inputs, source }, to, run);
      });
      run.checkpoint({ ...inputs, uuid: "", path: paths.path, complete: isThere });
      await run.step("3/4 make", async () => {
        if (isThere) return;
        if (kind === undefined) await make(client, inputs, paths, run);
        else if (inputs.format === "vdi") await convert(client, paths, kind, run);
        if (isCopied(inputs)) await client.putFile(paths.marker, "");
      });
      const found = await run.step("4/4 size", () => ensureSize(client, inputs, paths, before, run));
      return stateOf(client, inputs, paths, found);
    });
  },

  async remove(state, run) {
    if (!state.name.startsWith(markPrefix(run.mark))) return;
    const client = await clientFor(run);
    await about(who(state), async () => {
      const paths = await pathsFor(client, state, run);
      await run.step("1/1 delete", async () => {
        await finishMove(client, paths.path, { signal: run.signal });
        await clear(client, state, paths, true);
        await dropFolder(client, paths.folder, run);
      });
    });
  },
};

/** Step 4: as large as wanted. */
async function ensureSize(
  client: VirtualBoxClient,
  inputs: MediumInputs,
  paths: MediumPaths,
  before: FoundMedium | undefined,
  run: Run<MediumState>,
): Promise<FoundMedium> {
  const found = before?.complete ? before : await lookAt(client, inputs, paths);
  if (!found) throw new LabError(`${who(inputs)} vanished while it was made; run "pulumi up" again`);
  if (!found.facts) return found;
  const { capacityBytes } = found.facts;
  if (inputs.capacity !== undefined && wholeMiB(inputs.capacity) < capacityBytes) {
    await clear(client, inputs, paths);
    throw new LabError(
      `${who(inputs)}: its source needs ${formatBytes(capacityBytes)}, the config gives ${formatBytes(inputs.capacity)}; make it at least as large`,
    );
  }
  if (!(await grow(client, inputs, paths.folder, found.facts, run))) return found;
  return { ...found, facts: { ...found.facts, capacityBytes: wholeMiB(inputs.capacity ?? 0) } };
}

/**
 * A linked clone whose file is gone may live on in a machine's own folder: there VirtualBox leaves it when somebody
 * deletes a snapshot. An empty one in its place would hide what was written.
 */
async function refuseLost(client: VirtualBoxClient, inputs: MediumInputs, paths: MediumPaths): Promise<void> {
  if (inputs.parent === undefined || inputs.clone === "full") return;
  const media = await client.media();
  const image = media.find(({ path }) => path === client.join(paths.folder, `${inputs.parent}.vdi`));
  const heir = media.find(
    ({ parent, path }) =>
      image !== undefined && parent === image.uuid && /[/\\]Snapshots[/\\][^/\\]+$/.test(path),
  );
  if (heir)
    throw new LabError(
      `${who(inputs)}: its file is gone, and ${heir.path} is a clone of the same image: a snapshot that was deleted outside has taken the disk along. If that is this disk, put it back by "VBoxManage modifymedium disk ${heir.uuid} --move ${paths.path}"; if not, rename its folder's file away first.`,
    );
}
