export { isFailure, PowerError, type PowerFailure } from "./errors";
export type { Patience } from "./patience";
export type { PlannedPower, Power, PowerContext, PowerStatus } from "./power";
export { powerFor } from "./power-for";
