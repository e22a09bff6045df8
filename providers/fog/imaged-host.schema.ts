import { flag, mac, object, text } from "../core/schema-parts";
import { fogHostName } from "./host.schema";
import { fogImageName } from "./image.schema";

const seconds = { type: "number", exclusiveMinimum: 0 };

export const imagingLimits = object({ queuedS: seconds, stallS: seconds, totalS: seconds, bootS: seconds }, [
  "queuedS",
  "stallS",
  "totalS",
  "bootS",
]);

/** Its fields are the power drivers' own affair. */
export const power = { type: "object", required: ["kind"], properties: { kind: text } };

/** JSON Schema of an imaged host's inputs. */
export const imagedHostSchema = object(
  {
    name: fogHostName,
    backend: text,
    image: fogImageName,
    generation: { type: "integer", minimum: 1 },
    allow: { type: "array", items: { enum: ["wipe"] } },
    mac,
    address: text,
    hostKeys: { type: "array", items: text },
    user: text,
    power,
    proof: object(
      {
        osRelease: { type: "object", additionalProperties: { type: "string" } },
        marker: object({ path: { type: "string", pattern: "^/" }, text }, ["path", "text"]),
      },
      [],
    ),
    imaging: imagingLimits,
    onRelease: { type: "string", pattern: "^(image:\\S+( \\S+)*|wipe|poweroff|keep)$" },
    callback: object(
      { url: text, address: text, httpPort: { type: "integer", minimum: 1, maximum: 65535 } },
      ["url", "address", "httpPort"],
    ),
    ownImages: { type: "array", items: fogImageName },
    adopt: flag,
  },
  ["name", "backend", "image", "generation", "allow", "user", "power", "proof", "imaging", "onRelease"],
);
