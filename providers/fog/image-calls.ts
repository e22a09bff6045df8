import { type Calls, writeAndLook } from "./calls";
import type { FogImage } from "./client";
import { FogError } from "./errors";
import { type Field, putFields, wireOf } from "./fields";
import { remove } from "./host-calls";
import { idOf, imageOf, rowOf, sameName } from "./parse";

const FIELDS: readonly Field<FogImage>[] = [
  { name: "description", key: "description" },
  { name: "path", key: "path" },
  { name: "osId", key: "osID" },
  { name: "imageType", key: "imageTypeID" },
  { name: "partitionType", key: "imagePartitionTypeID" },
  { name: "enabled", key: "isEnabled" },
];

/** The group that every FOG server begins with. */
const STORAGE_GROUPS = [1];

const imagePath = (id: number): string => `/image/${idOf(id, "an image")}`;

export async function images(calls: Calls): Promise<FogImage[]> {
  return (await calls.list("/image", "images")).map(imageOf);
}

async function image(calls: Calls, id: number): Promise<FogImage | undefined> {
  const row = await calls.record(imagePath(id));
  return row && imageOf(row);
}

export async function imageByName(calls: Calls, name: string): Promise<FogImage | undefined> {
  const found = (await images(calls)).find((one) => sameName(one.name, name));
  return found && image(calls, found.id);
}

export async function createImage(calls: Calls, wanted: Omit<FogImage, "id">): Promise<FogImage> {
  const { name } = wanted;
  if (name.trim() === "" || /_api/i.test(name))
    throw new FogError(
      "refused",
      `${calls.label}: "${name}" is no name for an image: FOG leaves such names out of its lists. Nothing was sent.`,
    );
  const known = await imageByName(calls, name);
  if (known)
    throw new FogError(
      "conflict",
      `${calls.label}: an image "${known.name}" exists already, and names are the same in any case of letters.`,
    );
  const body = {
    name,
    storagegroups: STORAGE_GROUPS,
    ...Object.fromEntries(FIELDS.map(({ name: field, key }) => [key, wireOf(wanted[field])])),
  };
  let id: number | undefined;
  const made = await writeAndLook(
    async () => {
      const row = rowOf(await calls.write("POST", "/image/create", body));
      id = row?.id === undefined ? undefined : idOf(row.id, "the new image");
    },
    // There was none of that name before, so one that is there now is the one that we made.
    async () => (id === undefined ? undefined : await image(calls, id)) ?? (await imageByName(calls, name)),
  );
  if (!made)
    throw new FogError(
      "refused",
      `${calls.label}: it answered that image "${name}" is created, and has none. Look at its web page, and run it again.`,
    );
  // What PHP takes for nothing is dropped on create: a disabled image is one that was enabled first.
  return editImage(calls, made.id, wanted);
}

export function editImage(
  calls: Calls,
  id: number,
  change: Partial<Omit<FogImage, "id" | "name">>,
): Promise<FogImage> {
  const path = `${imagePath(id)}/edit`;
  const read = () => image(calls, id);
  return putFields(calls, { path, text: `image ${id}`, fields: FIELDS, read }, change);
}

export const deleteImage = (calls: Calls, id: number): Promise<void> =>
  remove(calls, imagePath(id), `image ${id}`);
