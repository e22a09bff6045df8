import { markText } from "../../providers/core/definition";
import { markedDescription } from "../../providers/openstack/marks";
import type { BackendConfig, Declared } from "../config/types";
import type { Context } from "./context";
import { renamed } from "./renamed";
import type { Seed } from "./seeds";
import type { PlannedResource } from "./types";

/** The mark of what carries no metadata. */
export const describedBy = ({ config: { lab, stack } }: Context, name: string): string =>
  markedDescription(markText({ lab, stack, name }));

interface Thing extends Pick<Seed, "seed"> {
  logical: string;
  config: Pick<Declared, "formerly">;
  backend: BackendConfig;
}

/** A resource of the plugin's that belongs to a declared thing; `suffix` tells several of one kind apart. */
export function pluginResource(
  kind: string,
  thing: Thing,
  inputs: Record<string, unknown>,
  needs: Partial<Pick<PlannedResource, "dependsOn" | "recreateWith" | "recreateOn" | "allow">> & {
    suffix?: string;
  } = {},
): PlannedResource {
  const { suffix = "", ...others } = needs;
  return {
    kind,
    ...renamed(thing.logical, thing.config, thing.seed, (name) => `${name}${suffix}`),
    inputs,
    dependsOn: [],
    recreateWith: [],
    ...others,
    backend: thing.backend,
  };
}
