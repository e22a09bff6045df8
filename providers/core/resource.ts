import * as pulumi from "@pulumi/pulumi";
import type { BackendConfig } from "../../stacks/config/types";
import { type Mark, markText } from "./definition";

/** Never runs: its serialised form is replaced below. Shared by every resource, so it is serialised once. */
const placeholder: pulumi.dynamic.ResourceProvider = {
  create: async () => {
    throw new Error("unreachable");
  },
};

/** The code that the state stores: a constant few bytes that only find the real module. */
export const providerCode = (kind: string): string =>
  `exports.handler = () => require("./providers/host.cjs").provider("${kind}");`;

export interface Identity {
  /** Name in the stack; the mark's is an older one when the thing was renamed. */
  name: string;
  mark: Mark;
  /** Connection data without secrets. */
  backend: BackendConfig;
}

/**
 * A resource of one of our kinds: a dynamic resource with a constant provider string, so that state stays small,
 * a change of provider code is no diff, and nothing is captured by a closure.
 */
export class LabResource extends pulumi.dynamic.Resource {
  constructor(
    readonly kind: string,
    identity: Identity,
    inputs: pulumi.Inputs,
    opts: pulumi.CustomResourceOptions & { recreateWith?: LabResource[]; outputs?: readonly string[] } = {},
  ) {
    const { recreateWith = [], outputs = [], ...options } = opts;
    const [module, type] = kind.split(":") as [string, string];
    const hidden = {
      __provider: providerCode(kind),
      __mark: markText(identity.mark),
      __backend: identity.backend,
      ...(identity.name === identity.mark.name ? {} : { __as: identity.name }),
      ...(recreateWith.length > 0 ? { __with: edge(recreateWith) } : {}),
    };
    const swap: pulumi.ResourceTransformation = ({ props, opts: current }) => ({
      props: { ...props, ...hidden },
      opts: current,
    });
    super(
      placeholder,
      identity.name,
      { ...Object.fromEntries(outputs.map((name) => [name, undefined])), ...inputs },
      pulumi.mergeOptions(options, { transformations: [swap] }),
      module,
      type,
    );
  }
}

/**
 * A constant that the engine believes to come from `resources`. Planned values give it no edges (rule 5), and with
 * `dependsOn` alone it deletes a network under a running domain that it shows as unchanged (measured). With a
 * property that depends on the network, it deletes the domain first, then the network, and makes both again.
 */
const edge = (resources: LabResource[]): pulumi.Output<number> =>
  pulumi.all(resources.map((r) => r.urn)).apply(() => 1);
