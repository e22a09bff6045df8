import type { ImagingConfig } from "../../stacks/config/types";
import type { PlannedPower } from "../power/power";

/** An image that is taken from a host. */
export interface CaptureInputs {
  /** Name of the image in the server. */
  name: string;
  backend: string;
  /** Name of the FOG host that it is taken from. */
  host: string;
  generation: number;
  power: PlannedPower;
  imaging: Required<ImagingConfig>;
}

export interface CaptureState extends CaptureInputs {
  imageId: number;
  capturedGeneration: number;
  /** ISO 8601 */
  capturedAt: string;
  taskId?: number;
  /** How long the last one took, in seconds; for the next preview. */
  capturingS?: number;
}
