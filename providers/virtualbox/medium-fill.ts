import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { formatBytes } from "../core/sizes";
import { virtualSize } from "../images/header";
import { type ImageKind, imageKind } from "../images/kind";
import { checked, openSource } from "../images/source";
import type { VirtualBoxClient } from "./client";
import { diskPath } from "./folder";
import type { MediumInputs, MediumState } from "./medium";
import { isMarkerOf, type MediumPaths, who, wholeMiB } from "./medium-look";

const percents = (run: Run<MediumState>, step: string, what: string, total: number) => {
  let shown = -1;
  return (done: number) => {
    const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
    if (percent === shown) return;
    shown = percent;
    run.progress(`[${step}] ${what}${percent} %`);
  };
};

function checkFits(inputs: MediumInputs, needed: number, label: string): void {
  if (inputs.capacity === undefined || wholeMiB(inputs.capacity) >= needed) return;
  throw new LabError(
    `${who(inputs)}: ${label} needs ${formatBytes(needed)}, the config gives ${formatBytes(inputs.capacity)}; make it at least as large`,
  );
}

/** The source, checked, as a file at the host. A wrong checksum leaves nothing behind. */
export async function upload(
  client: VirtualBoxClient,
  inputs: MediumInputs & Required<Pick<MediumInputs, "source">>,
  to: string,
  run: Run<MediumState>,
): Promise<ImageKind> {
  const source = await openSource(inputs.source, run.signal);
  let kind: ImageKind = "raw";
  try {
    const content = checked(source, inputs.checksum, (header) => {
      kind = imageKind(header, source.label);
      if (inputs.format === "iso" && kind !== "raw")
        throw new LabError(`${source.label} is a ${kind} image, the config says that it is an ISO`);
      if (inputs.format === "vdi")
        checkFits(inputs, virtualSize(header) ?? (kind === "raw" ? source.length : 0), source.label);
    });
    const onProgress = percents(run, "2/4 upload", `${formatBytes(source.length)}, `, source.length);
    try {
      await client.putFile(to, content.stream, { signal: run.signal, onProgress });
      content.verify();
    } catch (error) {
      await client.removeFile(to).catch(() => {}); // the first error is the one to tell
      throw error;
    }
  } finally {
    source.stream.destroy();
  }
  return kind;
}

/** A disk of what was uploaded. */
export async function convert(
  client: VirtualBoxClient,
  paths: MediumPaths,
  kind: ImageKind,
  run: Run<MediumState>,
): Promise<void> {
  const from = { source: paths.upload, path: paths.path };
  const onProgress = percents(run, "3/4 make", "", 100);
  if (kind === "raw") await client.convertFromRaw(from, { signal: run.signal, onProgress });
  else {
    await client.cloneMedium(from, { signal: run.signal, onProgress });
    await client.closeMedium("disk", paths.upload);
  }
  await client.removeFile(paths.upload);
}

/** Blank, or a clone of an image; as large as its image for now. */
export async function make(
  client: VirtualBoxClient,
  inputs: MediumInputs,
  paths: MediumPaths,
  run: Run<MediumState>,
): Promise<void> {
  const { path, folder } = paths;
  const { capacity, parent, clone = "linked" } = inputs;
  if (parent === undefined) {
    if (capacity === undefined)
      throw new LabError(`${who(inputs)} has neither a size nor anything to take its size from`);
    await client.createMedium({ path, sizeBytes: capacity });
    return;
  }
  const image = diskPath(client, folder, parent);
  const found = (await client.fileExists(image)) ? await client.medium("disk", image) : undefined;
  if (!found) throw new LabError(`${who(inputs)}: its image "${parent}" is not in ${folder}`);
  checkFits(inputs, found.capacityBytes, `its image "${parent}"`);
  if (clone === "linked") await client.createDifferencing({ path, parent: image });
  else
    await client.cloneMedium(
      { source: image, path },
      { signal: run.signal, onProgress: percents(run, "3/4 make", "", 100) },
    );
}

/** Everything of a medium whose contents are not whole, and every marker of another content. */
export async function clear(
  client: VirtualBoxClient,
  inputs: Pick<MediumInputs, "name" | "format">,
  paths: Pick<MediumPaths, "folder" | "path" | "upload">,
  isRemoval = false,
): Promise<void> {
  // The marker first: what is left after a crash in between must not look whole.
  for (const name of await client.listFolder(paths.folder))
    if (isMarkerOf(inputs.name, name)) await client.removeFile(client.join(paths.folder, name));
  if (await client.fileExists(paths.upload)) {
    // Registered only while it is cloned from; VirtualBox refuses to look at a raw one.
    const registered = (await client.media()).find(({ path }) => path === paths.upload);
    if (registered) await client.closeMedium("disk", registered.uuid);
    await client.removeFile(paths.upload);
  }
  // What is registered without a file is forgotten when something is made in its place.
  if (!isRemoval && !(await client.fileExists(paths.path))) return;
  if (inputs.format === "iso") await client.closeMedium("dvd", paths.path);
  else await client.closeMedium("disk", paths.path, { deleteFile: true });
  await client.removeFile(paths.path);
}
