import { type Definition, markText, type Problem, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import { pruned } from "../core/reported";
import type { FogClient, FogImage } from "./client";
import { clientFor } from "./clients";
import { giveBack } from "./give-back";
import type { ImageInputs, ImageState } from "./image";
import { imageChanges } from "./image.changes";
import { imageSchema } from "./image.schema";
import { foreignMessage, newMark, ownership, readMark, withMark } from "./marks";
import { taskText } from "./progress";

const who = ({ name }: Pick<ImageInputs, "name">): string => `image "${name}"`;

/** Of a record that we make, where the config says nothing: Linux, one disk that is resized, everything on it. */
const DEFAULTS = { osId: 50, imageType: 1, partitionType: 1, enabled: true } as const;
const FIELDS = ["path", "osId", "imageType", "partitionType", "enabled"] as const;

function problemsOf(
  client: FogClient,
  inputs: ImageInputs,
  found: FogImage | undefined,
  run: Pick<Run, "mark">,
): Problem[] {
  const mark = found && readMark(found.description);
  if (found && ownership(mark, run.mark, inputs.adopt) === "foreign")
    return [{ field: "name", message: foreignMessage("image", inputs.name, mark) }];
  if (!found && inputs.path === undefined)
    return [
      {
        field: "path",
        message: `${client.server} has no ${who(inputs)}. To register it, say its "path:", the folder in the server's image store.`,
      },
    ];
  return [];
}

/** Live values of what the user set; the rest is the record's own affair. */
function stateOf(inputs: ImageInputs, image: FogImage): ImageState {
  const live = Object.fromEntries(
    FIELDS.map((field) => [field, inputs[field] === undefined ? undefined : image[field]]),
  );
  return pruned<ImageState>({
    ...inputs,
    ...live,
    imageId: image.id,
    adopted: readMark(image.description)?.adopted ?? false,
  });
}

/** Step 1: a record of this name that carries our mark. */
async function ensureRecord(client: FogClient, inputs: ImageInputs, run: Run<ImageState>): Promise<FogImage> {
  const found = await client.imageByName(inputs.name);
  const [problem] = problemsOf(client, inputs, found, run);
  if (problem) throw new LabError(problem.message);
  if (found && readMark(found.description)) return found;
  if (found)
    return client.editImage(found.id, { description: withMark(found.description, newMark(run.mark, true)) });
  const { name, path = "", osId, imageType, partitionType, enabled } = { ...DEFAULTS, ...pruned(inputs) };
  const description = withMark("", newMark(run.mark, false));
  return client.createImage({ name, description, path, osId, imageType, partitionType, enabled });
}

/** Step 2: what the config says of it; one field at a time, which is all that the server takes without harm. */
async function ensureFields(client: FogClient, inputs: ImageInputs, image: FogImage): Promise<FogImage> {
  const change = Object.fromEntries(
    FIELDS.filter((field) => inputs[field] !== undefined && inputs[field] !== image[field]).map((field) => [
      field,
      inputs[field],
    ]),
  );
  return Object.keys(change).length > 0 ? client.editImage(image.id, change) : image;
}

export const imageDefinition: Definition<ImageInputs, ImageState> = {
  kind: "fog:Image",
  schema: imageSchema,
  changes: imageChanges,
  id: ({ name }) => name,

  async observe(inputs, run) {
    const client = await clientFor(run);
    const image = await client.imageByName(inputs.name);
    const isOurs = image && readMark(image.description)?.text === markText(run.mark);
    return isOurs ? stateOf(inputs, image) : undefined;
  },

  async precheck(inputs, run) {
    const client = await clientFor(run);
    return problemsOf(client, inputs, await client.imageByName(inputs.name), run);
  },

  async reconcile(inputs, _observed, run) {
    const client = await clientFor(run);
    const image = await run.step("1/2 record", () => ensureRecord(client, inputs, run));
    run.checkpoint({ imageId: image.id, adopted: readMark(image.description)?.adopted ?? false });
    const after = await run.step("2/2 fields", () => ensureFields(client, inputs, image));
    return stateOf(inputs, after);
  },

  async remove(state, run) {
    const client = await clientFor(run);
    const image = await client.imageByName(state.name);
    if (!image) return;
    const leaving = {
      who: who(state),
      description: image.description,
      onDestroy: state.onDestroy,
      release: (description: string) => client.editImage(image.id, { description }),
      remove: () => deleteUnused(client, image, run),
    };
    await giveBack(leaving, run);
  },
};

/** Under a host that is being imaged with it, or captured into it, it would break that. */
async function deleteUnused(client: FogClient, image: FogImage, run: Run<ImageState>): Promise<void> {
  const users = (await client.hosts()).filter(({ imageId }) => imageId === image.id);
  if (users.length > 0) {
    const ids = new Set(users.map(({ id }) => id));
    const task = (await client.activeTasks()).find(({ hostId }) => ids.has(hostId));
    const host = users.find(({ id }) => id === task?.hostId);
    if (task)
      throw new LabError(
        `${who(image)}: ${taskText(task)} of host "${host?.name}" works with it, so its record stays in ${client.server}. Let it end, or cancel it there, and run "pulumi destroy" again.`,
      );
    run.say(
      `${who(image)} is still the image of ${users.map(({ name }) => `"${name}"`).join(", ")} in ${client.server}: they cannot be imaged until they are given another one`,
      "warning",
    );
  }
  await client.deleteImage(image.id);
  run.say(`${who(image)}: its record is removed; its files stay in the server's store`);
}
