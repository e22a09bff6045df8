import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import { stopwatch } from "../core/stopwatch";
import { glanceAtBootId, proveUp, waitUntilUp } from "./arrival";
import { closeCallback, endCallback, openCallback, whileListening } from "./callback";
import { clearWay, pendingTask, taskName, type Wanted } from "./claim";
import type { FogClient, FogHost, FogTask } from "./client";
import { clientFor } from "./clients";
import { wipeSentence } from "./estimate";
import { findHost, findImage } from "./find";
import type { Followed } from "./follow";
import { adoptHost, canAdopt } from "./host-adoption";
import type { ImagedHostInputs, ImagedHostState } from "./imaged-host";
import { readMark, sameFogName } from "./marks";
import { isSwitchedByItsSystem, type Switched, withPower } from "./switch";
import { runTask, writeNotes } from "./task-road";

type ImagedRun = Run<ImagedHostState>;

/** What was imaged last is what is wanted. */
export const isImaged = (
  { image, generation }: Pick<ImagedHostInputs, "image" | "generation">,
  state: Pick<ImagedHostState, "imagedImage" | "imagedGeneration" | "interrupted">,
): boolean =>
  !state.interrupted &&
  state.imagedImage !== undefined &&
  state.imagedGeneration === generation &&
  sameFogName(state.imagedImage, image);

/** The host has the image that is wanted: nothing is done to it, whatever else was edited. */
function untouched(inputs: ImagedHostInputs, state: ImagedHostState): ImagedHostState {
  const { hostKeys } = inputs;
  const isPinned = !hostKeys?.length || hostKeys.some((key) => bare(key) === state.sshHostKey);
  return pruned<ImagedHostState>({
    ...outputsOf(state),
    ...inputs,
    address: inputs.address ?? state.address,
    sshHostKey: isPinned ? state.sshHostKey : bare(hostKeys?.[0] ?? ""),
  });
}

const bare = (key: string): string => key.trim().split(/\s+/).slice(0, 2).join(" ");

const OUTPUTS = [
  "hostId",
  "imagedImage",
  "imagedGeneration",
  "imagedAt",
  "imagingS",
  "taskId",
  "bootId",
  "sshPort",
  "sshHostKey",
  "deployed",
  "deployedSeen",
] as const satisfies (keyof ImagedHostState)[];

const outputsOf = (state: ImagedHostState): Pick<ImagedHostState, (typeof OUTPUTS)[number]> =>
  Object.fromEntries(OUTPUTS.map((key) => [key, state[key]])) as never;

/** Image the host where that is wanted, and prove it; the same road for one that an earlier run began. */
export async function reconcileImaging(
  inputs: ImagedHostInputs,
  observed: ImagedHostState | undefined,
  run: ImagedRun,
): Promise<ImagedHostState> {
  if (observed && isImaged(inputs, observed)) return untouched(inputs, observed);
  const client = await clientFor(run);
  return whileListening(inputs, run, () => imageHost(client, inputs, observed, run));
}

async function imageHost(
  client: FogClient,
  inputs: ImagedHostInputs,
  observed: ImagedHostState | undefined,
  run: ImagedRun,
): Promise<ImagedHostState> {
  const wanted: Wanted = { type: 1, name: taskName(run.mark, `${inputs.image}#${inputs.generation}`) };
  const { host, pending } = await run.step("1/8 find", async () => {
    const found = await findHost(client, inputs, run);
    // The task of an imaging that was proven is none that is carried on, though it may have the same name.
    const known = observed?.imagedImage ? [] : [observed?.taskId, readMark(found.description)?.done];
    return { host: found, pending: await pendingTask(client, found, wanted, known, run) };
  });
  const isNew = observed?.imagedImage === undefined && !observed?.interrupted;
  if (isNew && inputs.adopt && canAdopt(host, inputs.image) && (!pending || pending.state === 4))
    return adoptHost(client, host, inputs, run);
  if (!pending && !inputs.allow.includes("wipe"))
    throw new LabError(refusal(inputs, wipeSentence(inputs.name, fromOf(observed, host), inputs, undefined)));

  // Of the system that is there now, where it lets us ask: the new one must have another.
  const oldBootId = await run.step("2/8 image", async () =>
    pending ? undefined : prepare(client, host, inputs, observed, run),
  );
  const watch = stopwatch(run);
  const followed = await imaging(client, host, inputs, wanted, pending, observed, run);
  const imagingS = pending ? undefined : Math.max(1, Math.round(watch.elapsedS()));

  const up = await run.step("6/8 up", async () => {
    await closeCallback(client, host.id);
    await bootFromDisk(inputs, observed, run);
    // A host tells the end of its imaging first, and switches itself off after that.
    return waitUntilUp(client, host, inputs, run, { meanwhile: () => ensureOn(inputs, observed, run) });
  });
  const bootId = await run.step("7/8 proof", () => {
    const { runningAt } = followed;
    const sinceS = runningAt && (run.now().getTime() - runningAt.getTime()) / 1000;
    const boots = { before: [observed?.bootId, oldBootId], ...(sinceS === undefined ? {} : { sinceS }) };
    return proveUp(up, inputs, boots, run);
  });
  return run.step("8/8 record", async () => {
    await writeNotes(client, host.id, () => ({ done: followed.task.id }));
    endCallback(host, inputs);
    const deployed = (await client.host(host.id))?.deployed;
    return pruned<ImagedHostState>({
      ...inputs,
      ...up,
      hostId: host.id,
      imagedImage: inputs.image,
      imagedGeneration: inputs.generation,
      imagedAt: run.now().toISOString(),
      imagingS: imagingS ?? observed?.imagingS,
      taskId: followed.task.id,
      bootId,
      interrupted: undefined,
      deployed,
      deployedSeen: deployed,
    });
  });
}

/** What the host has until now, for the sentence that says what is lost. */
const fromOf = (
  observed: ImagedHostState | undefined,
  host: FogHost,
): { image?: string | undefined; generation?: number } =>
  observed?.imagedImage
    ? { image: observed.imagedImage, generation: observed.imagedGeneration }
    : { image: host.imageName };

export const refusal = ({ name }: Pick<ImagedHostInputs, "name">, sentence: string): string =>
  `${sentence}. Everything on the host's disk would be lost: if that is meant, add "allow: [wipe]" to machine "${name}". A host that has this image already is taken as it is by "adopt: true".`;

/** Step 2: the record says the image, and nobody else works on the host. */
async function prepare(
  client: FogClient,
  host: FogHost,
  inputs: ImagedHostInputs,
  observed: ImagedHostState | undefined,
  run: ImagedRun,
): Promise<string | undefined> {
  const image = await findImage(client, inputs.name, inputs.image);
  await clearWay(client, host, { limits: inputs.imaging, step: "2/8 image" }, run);
  const bootId = observed && (await glanceAtBootId({ ...observed, user: inputs.user }, run));
  if (bootId !== undefined) run.checkpoint({ bootId });
  if ((await client.host(host.id))?.imageId !== image.id)
    await client.editHost(host.id, { imageId: image.id });
  await openCallback(client, host, inputs, run);
  return bootId;
}

/** Steps 3 to 5. */
async function imaging(
  client: FogClient,
  host: FogHost,
  inputs: ImagedHostInputs,
  wanted: Wanted,
  pending: FogTask | undefined,
  observed: ImagedHostState | undefined,
  run: ImagedRun,
): Promise<Followed> {
  try {
    return await runTask(
      {
        client,
        host,
        wanted,
        pending,
        what: `imaging with ${inputs.image}`,
        limits: inputs.imaging,
        machine: { ...machineOf(inputs, observed), mac: inputs.mac ?? host.macs[0] },
        steps: { task: "3/8 task", boot: "4/8 boot", follow: "5/8 imaging" },
        // From here on nobody knows what is on the disk until it is proven.
        onTask: ({ id }) =>
          run.checkpoint({
            hostId: host.id,
            taskId: id,
            imagedImage: "",
            imagedGeneration: 0,
            interrupted: true,
          }),
      },
      run as Run,
    );
  } catch (error) {
    if (!run.signal.aborted) await takeTokenBack(client, host);
    throw error;
  }
}

/** A task that goes on still needs its token; the error that ended this run is the one to tell. */
async function takeTokenBack(client: FogClient, host: FogHost): Promise<void> {
  try {
    if ((await client.activeTasks(host.id)).length === 0) await closeCallback(client, host.id);
  } catch {
    // It expires by itself.
  }
}

/** How it was reached last, else as planned. */
const machineOf = (inputs: ImagedHostInputs, state: ImagedHostState | undefined): Switched =>
  pruned<Switched>({
    name: inputs.name,
    mac: inputs.mac,
    power: inputs.power,
    user: inputs.user,
    address: state?.address ?? inputs.address,
    sshPort: state?.sshPort,
    sshHostKey: state?.sshHostKey,
    hostKeys: inputs.hostKeys,
  });

/** Step 6: some BMCs keep the network for every boot. */
async function bootFromDisk(
  inputs: ImagedHostInputs,
  observed: ImagedHostState | undefined,
  run: ImagedRun,
): Promise<void> {
  if (isSwitchedByItsSystem(inputs)) return;
  await withPower(machineOf(inputs, observed), run, async (power) => {
    if (power.can.networkOnce) await power.bootOnce("disk");
  });
}

/** Step 6: an image may end by switching the host off. The system's own word is no switch. */
async function ensureOn(
  inputs: ImagedHostInputs,
  observed: ImagedHostState | undefined,
  run: ImagedRun,
): Promise<void> {
  if (isSwitchedByItsSystem(inputs)) return;
  await withPower(machineOf(inputs, observed), run, async (power) => {
    if (power.can.status && (await power.status()) === "off") await power.on();
  });
}
