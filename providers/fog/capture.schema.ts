import { object, text } from "../core/schema-parts";
import { fogHostName } from "./host.schema";
import { fogImageName } from "./image.schema";
import { imagingLimits, power } from "./imaged-host.schema";

/** JSON Schema of a capture's inputs. */
export const captureSchema = object(
  {
    name: fogImageName,
    backend: text,
    host: fogHostName,
    generation: { type: "integer", minimum: 1 },
    power,
    imaging: imagingLimits,
  },
  ["name", "backend", "host", "generation", "power", "imaging"],
);
