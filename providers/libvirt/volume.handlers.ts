import { same } from "../core/change";
import { type Definition, markPrefix, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import { libvirtName, object, text } from "../core/schema-parts";
import { formatBytes } from "../core/sizes";
import { checkHeader, virtualSize } from "../images/header";
import { checked, openSource, type Source } from "../images/source";
import { ERROR, type LibvirtClient, type PoolRef, type VolumeRef } from "./client";
import { about, clientFor, unlessGone } from "./clients";
import { isMarkedName, unmarkedNameMessage } from "./ownership";
import { hasCode } from "./rpc/errors";
import type { VolumeInputs, VolumeState } from "./volume";
import { volumeChanges } from "./volume.changes";
import {
  completeMarker,
  type FoundVolume,
  hasContent,
  isMarkerOf,
  lookAt,
  refusal,
  sectors,
  stateOf,
  who,
} from "./volume-look";
import { useOf } from "./volume-use";
import { parseXml } from "./xml/parse";
import { readVolume, renderVolume } from "./xml/volume";

async function poolOf(client: LibvirtClient, inputs: VolumeInputs): Promise<PoolRef> {
  const pool = await client.poolByName(inputs.pool);
  if (!pool)
    throw new LabError(`${who(inputs)}: there is no storage pool "${inputs.pool}" at the hypervisor`);
  if (!(await client.poolInfo(pool)).active)
    throw new LabError(
      `${who(inputs)}: the storage pool "${inputs.pool}" is stopped; start it and run again`,
    );
  return pool;
}

/** Step 1: nothing stands in the way, and what exists can become what is wanted. */
async function examine(client: LibvirtClient, inputs: VolumeInputs, run: Run<VolumeState>) {
  if (!isMarkedName(inputs.name, run.mark))
    throw new LabError(unmarkedNameMessage("volume", inputs.name, run.mark));
  const pool = await poolOf(client, inputs);
  const found = await lookAt(client, inputs);
  const problem = found?.complete ? refusal(inputs, found) : undefined;
  if (problem) throw new LabError(problem.message);
  if (found?.complete) {
    const now = stateOf(inputs, found);
    for (const field of ["format", "backing"] as const)
      if (now[field] !== inputs[field])
        throw new LabError(
          `${who(inputs)} exists with ${field} ${now[field] ?? "(none)"}, planned ${inputs[field]}. Its data are kept: run "pulumi up --refresh" to have it replaced, or delete it yourself.`,
        );
  }
  return { pool, found };
}

async function removeMarkers(client: LibvirtClient, pool: PoolRef, name: string): Promise<void> {
  for (const volume of await client.volumes(pool))
    if (isMarkerOf(name, volume.name)) await client.volumeDelete(volume);
}

/** Capacity and format of the image below an overlay, or of the one that it is a copy of. */
async function imageOf(client: LibvirtClient, inputs: VolumeInputs, backing: string) {
  const ref = { pool: inputs.pool, name: backing, key: "" };
  const answers = await unlessGone(Promise.all([client.volumeInfo(ref), client.volumeXml(ref)]));
  if (!answers)
    throw new LabError(`${who(inputs)}: its image "${backing}" is not in the pool "${inputs.pool}"`);
  const [{ capacity }, xml] = answers;
  const { path = "", format = "raw" } = readVolume(parseXml(xml));
  if (inputs.capacity !== undefined && sectors(inputs.capacity) < Number(capacity))
    throw new LabError(
      `${who(inputs)}: ${formatBytes(inputs.capacity)} are less than its image "${backing}" has (${formatBytes(Number(capacity))}); make the disk at least as large`,
    );
  return { capacity: Number(capacity), backing: { path, format } };
}

/** Step 2: an empty volume of the right kind, unless a complete one is there. */
async function ensureVolume(
  client: LibvirtClient,
  inputs: VolumeInputs,
  { pool, found }: { pool: PoolRef; found: FoundVolume | undefined },
  source: Source | undefined,
): Promise<VolumeRef> {
  if (found?.complete) return found.ref;
  if (hasContent(inputs)) await removeMarkers(client, pool, inputs.name);
  // Half an upload: nobody can know which half.
  if (found) await client.volumeDelete(found.ref);
  const { name, format, copyOf } = inputs;
  if (copyOf !== undefined) {
    const { capacity } = await imageOf(client, inputs, copyOf);
    const ref = { pool: inputs.pool, name: copyOf, key: "" };
    return client.volumeCreateFrom(pool, renderVolume({ name, format, capacity }), ref);
  }
  const below = inputs.backing === undefined ? undefined : await imageOf(client, inputs, inputs.backing);
  const capacity = source?.length ?? inputs.capacity ?? below?.capacity;
  if (capacity === undefined)
    throw new LabError(`${who(inputs)} has neither a size nor anything to take its size from`);
  const xml = renderVolume({ name, format, capacity, ...(below ? { backing: below.backing } : {}) });
  try {
    return await client.volumeCreate(pool, xml);
  } catch (error) {
    if (!hasCode(error, ERROR.storageVolumeExists)) throw error;
    // libvirt still lists a file that was deleted under it, until it reads the folder again.
    await client.poolRefresh(pool);
    return client.volumeCreate(pool, xml);
  }
}

/** Step 3: its contents, then the marker that says that they are whole. A wrong checksum leaves nothing behind. */
async function fill(
  client: LibvirtClient,
  inputs: VolumeInputs,
  { pool, ref }: { pool: PoolRef; ref: VolumeRef },
  source: Source,
  run: Run<VolumeState>,
): Promise<void> {
  const content = checked(source, inputs.checksum, (header) => {
    checkHeader(header, inputs.format, source.label);
    checkFits(inputs, virtualSize(header) ?? source.length, source.label);
  });
  let shown = -1;
  const onProgress = (sent: number) => {
    const percent = source.length === 0 ? 100 : Math.floor((100 * sent) / source.length);
    if (percent === shown) return;
    shown = percent;
    run.progress(`[3/4 upload] ${percent} % of ${formatBytes(source.length)}`);
  };
  try {
    await client.volumeUpload(ref, content.stream, source.length, onProgress, run.signal);
    content.verify();
  } catch (error) {
    await client.volumeDelete(ref).catch(() => {}); // the first error is the one to tell
    throw error;
  }
  await markComplete(client, inputs, pool);
}

async function markComplete(client: LibvirtClient, inputs: VolumeInputs, pool: PoolRef): Promise<void> {
  await client.volumeCreate(pool, renderVolume({ name: completeMarker(inputs), format: "raw", capacity: 0 }));
}

function checkFits(inputs: VolumeInputs, needed: number, label: string): void {
  if (inputs.capacity === undefined || sectors(inputs.capacity) >= needed) return;
  throw new LabError(
    `${who(inputs)}: ${label} needs ${formatBytes(needed)}, the config gives ${formatBytes(inputs.capacity)}; make it at least as large`,
  );
}

/** Step 4: as large as wanted, by QEMU where a machine runs on it. */
async function grow(
  client: LibvirtClient,
  inputs: VolumeInputs,
  run: Run<VolumeState>,
): Promise<FoundVolume> {
  const found = await lookAt(client, inputs);
  if (!found) throw new LabError(`${who(inputs)} vanished while it was made; run "pulumi up" again`);
  const wanted = inputs.capacity === undefined ? 0 : sectors(inputs.capacity);
  if (found.capacity >= wanted) return found;
  const volume = { pool: inputs.pool, name: inputs.name, path: found.facts.path ?? "" };
  const use = await useOf(client, volume, run.mark.lab);
  if (use) await client.domainBlockResize(use.domain, use.target, wanted);
  else await client.volumeResize(found.ref, wanted);
  return { ...found, capacity: wanted };
}

export const volumeDefinition: Definition<VolumeInputs, VolumeState> = {
  kind: "libvirt:Volume",
  schema: object(
    {
      name: libvirtName,
      backend: text,
      pool: libvirtName,
      format: { enum: ["qcow2", "raw", "iso"] },
      capacity: { type: "integer", minimum: 1 },
      backing: libvirtName,
      copyOf: libvirtName,
      source: { anyOf: [object({ path: text }, ["path"]), object({ url: text }, ["url"])] },
      checksum: { type: "string", pattern: "^(sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128})$" },
    },
    ["name", "backend", "pool", "format"],
  ),
  changes: volumeChanges,
  expects: { complete: { value: true, sentence: "its contents are not whole: they are sent again" } },
  id: ({ pool, name }) => `${pool}/${name}`,

  async observe(inputs, run, known) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      try {
        const found = await lookAt(client, inputs);
        return found && isMarkedName(inputs.name, run.mark) ? stateOf(inputs, found) : undefined;
      } catch (error) {
        // A stopped pool shows nothing. It is started again by its own resource, before this one is needed.
        if (!known || !hasCode(error, ERROR.operationInvalid)) throw error;
        run.say(`${who(inputs)} was not looked at: the pool "${inputs.pool}" is stopped`, "warning");
        return known;
      }
    });
  },

  refuse(inputs, before) {
    const isAnother = (
      ["name", "backend", "pool", "format", "backing", "copyOf", "source", "checksum"] as const
    ).some((field) => !same(inputs[field], before[field]));
    const problem = isAnother ? undefined : refusal(inputs, before);
    return problem ? [problem] : [];
  },

  async precheck(inputs, run) {
    // A name that carries our mark cannot be anybody else's.
    if (isMarkedName(inputs.name, run.mark)) return [];
    return [{ field: "name", message: unmarkedNameMessage("volume", inputs.name, run.mark) }];
  },

  async reconcile(inputs, _observed, run) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const before = await run.step("1/4 look", () => examine(client, inputs, run));
      const { pool } = before;
      let source: Source | undefined;
      try {
        const ref = await run.step("2/4 create", async () => {
          if (inputs.source && !before.found?.complete) source = await openSource(inputs.source, run.signal);
          return ensureVolume(client, inputs, before, source);
        });
        run.checkpoint({ ...inputs, path: ref.key, complete: before.found?.complete ?? !hasContent(inputs) });
        await run.step("3/4 upload", async () => {
          if (source) await fill(client, inputs, { pool, ref }, source, run);
          // Whole when the call that made it came back.
          else if (inputs.copyOf !== undefined && !before.found?.complete)
            await markComplete(client, inputs, pool);
        });
      } finally {
        source?.stream.destroy();
      }
      const found = await run.step("4/4 size", () => grow(client, inputs, run));
      return stateOf(inputs, found);
    });
  },

  async remove(state, run) {
    if (!state.name.startsWith(markPrefix(run.mark))) return;
    const client = await clientFor(run);
    await about(who(state), async () => {
      const pool = await client.poolByName(state.pool);
      if (!pool) return;
      await run.step("1/1 delete", async () => {
        // The marker first: what is left after a crash in between must not look whole.
        if (hasContent(state)) await removeMarkers(client, pool, state.name);
        await client.volumeDelete({ pool: state.pool, name: state.name, key: state.path });
      });
    });
  },
};
