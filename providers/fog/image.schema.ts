import { adoption, flag, object, text } from "../core/schema-parts";

/** White space is squeezed by FOG, so that a name with more of it would never be found again. */
export const fogImageName = { type: "string", minLength: 1, pattern: "^\\S+( \\S+)*$" };
const count = { type: "integer", minimum: 1 };

/** JSON Schema of an image record's inputs. */
export const imageSchema = object(
  {
    name: fogImageName,
    backend: text,
    path: { type: "string", pattern: "^[A-Za-z0-9._-]+$" },
    osId: count,
    imageType: count,
    partitionType: count,
    enabled: flag,
    ...adoption,
  },
  ["name", "backend"],
);
