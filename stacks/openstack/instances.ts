import type { LabPlan, PlannedResource } from "../plan/types";

export const INSTANCE = "openstack:compute/Instance";

/** Planned servers on the cloud of a backend. */
export const instancesOf = ({ resources }: Pick<LabPlan, "resources">, backend: string): PlannedResource[] =>
  resources.filter(({ kind, inputs }) => kind === INSTANCE && inputs.backend === backend);
