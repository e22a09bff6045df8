import { type Answer, empty, error, json } from "./answer";
import type { ApiContext, Call } from "./api";
import { given } from "./api-hosts";
import { type ImageRecord, NO_DATE } from "./records";
import { imageShape } from "./shapes";

const TEXTS = ["name", "description", "path"] as const;
const NUMBERS = ["osID", "imageTypeID", "imagePartitionTypeID", "isEnabled"] as const;
const REQUIRED = ["name", "path", "osID", "imageTypeID"] as const;

export function createImage({ store, line }: ApiContext, { fields = {}, user, lie }: Call): Answer {
  const values: Omit<ImageRecord, "id"> = {
    name: "",
    description: "",
    path: "",
    osID: 0,
    imageTypeID: 0,
    imagePartitionTypeID: 0,
    // The column's own default: "0" is dropped like everything that is nothing, and the image is enabled.
    isEnabled: 1,
    size: "",
    createdTime: store.now(),
    createdBy: user,
    deployed: NO_DATE,
  };
  for (const field of TEXTS) if (given(fields[field])) values[field] = String(fields[field]);
  for (const field of NUMBERS) if (given(fields[field])) values[field] = Number(fields[field]) || 0;
  if (values.name !== "" && store.named("image", values.name)) return error(500, "Already created");
  if (REQUIRED.some((field) => !values[field])) return error(417, "Required database field is empty");
  const status = line === "1.6" ? 201 : 200;
  if (lie) return json(line, imageShape({ ...values, id: 999_999 }), status);
  return json(line, imageShape(store.add("image", values)), status);
}

export function editImage({ store, line }: ApiContext, { id, fields = {}, lie }: Call): Answer {
  const before = store.get("image", id);
  if (!before) return empty(404);
  const image = { ...before };
  if (typeof fields.name === "string") {
    const other = store.named("image", fields.name);
    if (fields.name !== fields.name.toLowerCase() || (other && other.id !== id))
      return error(500, "Already created");
  }
  for (const field of TEXTS) if (field in fields) image[field] = String(fields[field] ?? "");
  for (const field of NUMBERS) if (field in fields) image[field] = Number(fields[field]) || 0;
  if (!lie) store.save("image", image);
  return json(line, imageShape(image));
}
