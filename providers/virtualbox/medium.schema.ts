import { object, text } from "../core/schema-parts";
import { machineName } from "./machine.schema";

/** JSON Schema of a medium's inputs. */
export const mediumSchema = object(
  {
    name: machineName,
    backend: text,
    format: { enum: ["vdi", "iso"] },
    capacity: { type: "integer", minimum: 1 },
    parent: machineName,
    clone: { enum: ["linked", "full"] },
    source: { anyOf: [object({ path: text }, ["path"]), object({ url: text }, ["url"])] },
    checksum: { type: "string", pattern: "^(sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128})$" },
  },
  ["name", "backend", "format"],
);
