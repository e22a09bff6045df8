import type { Definition, Run } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import type { CaptureInputs, CaptureState } from "./capture";
import { captureChanges } from "./capture.changes";
import { captureSchema } from "./capture.schema";
import { clearWay, othersTask, pendingTask, taskName, type Wanted } from "./claim";
import type { FogClient, FogHost, FogImage } from "./client";
import { clientFor } from "./clients";
import { aboutText } from "./estimate";
import { findHost, imageProblem, problem } from "./find";
import { foreignMessage, isOfStack, readMark } from "./marks";
import { isSwitchedByItsSystem, withPower } from "./switch";
import { runTask, writeNotes } from "./task-road";

type CaptureRun = Run<CaptureState>;

const CAPTURE = 2;

const isCaptured = ({ generation }: CaptureInputs, state: CaptureState | undefined): boolean =>
  state?.capturedGeneration === generation;

/** Only an image of this stack is written over: its own resource registers or adopts it before. */
async function ourImage(client: FogClient, { name }: CaptureInputs, run: CaptureRun): Promise<FogImage> {
  const image = await client.imageByName(name);
  const trouble = imageProblem(client, name, image);
  if (!image || trouble) throw new LabError(`capture of "${name}": ${trouble}`);
  const mark = readMark(image.description);
  if (!isOfStack(mark, run.mark))
    throw new LabError(`a capture replaces what an image holds: ${foreignMessage("image", name, mark)}`);
  return image;
}

/** An image that is captured from a host; captured anew when its generation is raised. */
export const captureDefinition: Definition<CaptureInputs, CaptureState> = {
  kind: "fog:Capture",
  schema: captureSchema,
  changes: captureChanges,
  id: ({ name }) => name,

  async observe(_inputs, run, known) {
    if (!known) return undefined;
    const client = await clientFor(run);
    // Without its record nothing can be done with what was captured.
    const image = await client.imageByName(known.name);
    return image && isOfStack(readMark(image.description), run.mark) ? known : undefined;
  },

  async precheck(inputs, run) {
    const client = await clientFor(run);
    const [host, image] = [await client.hostByName(inputs.host), await client.imageByName(inputs.name)];
    const [hostMark, imageMark] = [host, image].map((found) => found && readMark(found.description));
    return [
      ...problem(
        "host",
        host && hostMark && !isOfStack(hostMark, run.mark)
          ? foreignMessage("host", inputs.host, hostMark)
          : undefined,
      ),
      ...problem(
        "name",
        image && imageMark && !isOfStack(imageMark, run.mark)
          ? foreignMessage("image", inputs.name, imageMark)
          : undefined,
      ),
      ...problem("host", host && (await othersTask(client, host, run.mark))),
    ];
  },

  notes(inputs, state) {
    if (isCaptured(inputs, state)) return [];
    const time = state.capturingS === undefined ? "" : ` (${aboutText(state.capturingS)})`;
    return [`captures image ${inputs.name} anew from ${inputs.host}, which replaces what it holds${time}`];
  },

  async reconcile(inputs, observed, run) {
    if (observed && isCaptured(inputs, observed))
      return pruned<CaptureState>({
        ...inputs,
        imageId: observed.imageId,
        capturedGeneration: observed.capturedGeneration,
        capturedAt: observed.capturedAt,
        capturingS: observed.capturingS,
        taskId: observed.taskId,
      });
    return capture(await clientFor(run), inputs, observed, run);
  },

  /** The image's record is a resource of its own; nothing else of a capture is left. */
  async remove() {},
};

async function capture(
  client: FogClient,
  inputs: CaptureInputs,
  observed: CaptureState | undefined,
  run: CaptureRun,
): Promise<CaptureState> {
  const { name, generation, imaging, power } = inputs;
  const wanted: Wanted = { type: CAPTURE, name: taskName(run.mark, `capture ${name}#${generation}`) };
  const { host, image, pending } = await run.step("1/6 find", async () => {
    const found = await findHost(client, { name: inputs.host }, run);
    const into = await ourImage(client, inputs, run);
    return {
      host: found,
      image: into,
      pending: await pendingTask(
        client,
        found,
        wanted,
        observed?.capturedGeneration ? [] : [observed?.taskId],
        run,
      ),
    };
  });
  await run.step("2/6 image", async () => {
    if (pending) return;
    await clearWay(client, host, { limits: imaging, step: "2/6 image" }, run);
    const now = await client.host(host.id);
    if (!now || now.imageId === image.id) return;
    // A capture goes by the host's image: which one it had must be known afterwards.
    if (readMark(now.description)?.image === undefined && now.imageId !== 0)
      await writeNotes(client, host.id, (notes) => ({ ...notes, image: now.imageId }));
    await client.editHost(host.id, { imageId: image.id });
  });
  const began = run.now();
  const machine = { name: host.name, mac: host.macs[0], power };
  const { task, runningAt } = await runTask(
    {
      client,
      host,
      wanted,
      pending,
      what: `capture of image ${name}`,
      limits: imaging,
      machine,
      steps: { task: "3/6 task", boot: "4/6 boot", follow: "5/6 capture" },
      onTask: ({ id }) => run.checkpoint({ imageId: image.id, taskId: id, capturedGeneration: 0 }),
    },
    run as Run,
  );
  return run.step("6/6 up", async () => {
    await giveImageBack(client, host, image);
    await writeNotes(client, host.id, ({ capture: _, image: __, ...rest }) => rest);
    if (!isSwitchedByItsSystem(machine))
      await withPower(machine, run, async (held) => {
        if (held.can.networkOnce) await held.bootOnce("disk");
        if (held.can.status && (await held.status()) === "off") await held.on();
      });
    return pruned<CaptureState>({
      ...inputs,
      imageId: image.id,
      capturedGeneration: generation,
      capturedAt: run.now().toISOString(),
      capturingS: runningAt
        ? Math.round((run.now().getTime() - began.getTime()) / 1000)
        : observed?.capturingS,
      taskId: task.id,
    });
  });
}

/** The record says again what is on its disk. */
async function giveImageBack(client: FogClient, host: FogHost, captured: FogImage): Promise<void> {
  const now = await client.host(host.id);
  const before = now && readMark(now.description)?.image;
  if (before !== undefined && now?.imageId === captured.id)
    await client.editHost(host.id, { imageId: before });
}
