import * as pulumi from "@pulumi/pulumi";
import type { BackendConfig } from "../../stacks/config/types";
import { type Mark, markText } from "./definition";
import { SINCE } from "./on-machine";
import { mapValues } from "./records";

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

/** The machine that a resource lives on or in. */
export interface LivesOn {
  machine: LabResource;
  /** Key of the machine, for messages. */
  key: string;
  /** What is planned of it: another text is another system there. */
  edition: string;
  /** Gone with that machine. */
  deletedWith: boolean;
}

/**
 * A resource of one of our kinds: a dynamic resource with a constant provider string, so that state stays small,
 * a change of provider code is no diff, and nothing is captured by a closure.
 */
export class LabResource extends pulumi.dynamic.Resource {
  /** The imaged host that it is, or is on: what decides since when things on it are there. */
  readonly imaged?: { key: string; since: pulumi.Output<unknown> };

  constructor(
    readonly kind: string,
    identity: Identity,
    inputs: pulumi.Inputs,
    opts: pulumi.CustomResourceOptions & {
      recreateWith?: pulumi.Resource[];
      outputs?: readonly string[];
      on?: LivesOn;
      peers?: Record<string, LabResource>;
    } = {},
  ) {
    const { recreateWith = [], outputs = [], on, peers, ...options } = opts;
    const [module, type] = kind.split(":") as [string, string];
    const hidden = {
      __provider: providerCode(kind),
      __mark: markText(identity.mark),
      __backend: identity.backend,
      ...(identity.name === identity.mark.name ? {} : { __as: identity.name }),
      ...(recreateWith.length > 0 ? { __with: edge(recreateWith) } : {}),
      ...(on ? { __on: machineOf(on) } : {}),
      ...(peers ? { __peers: mapValues(peers, reachedAt) } : {}),
    };
    const swap: pulumi.ResourceTransformation = ({ props, opts: current }) => ({
      props: { ...props, ...hidden },
      opts: current,
    });
    super(
      placeholder,
      identity.name,
      { ...Object.fromEntries(outputs.map((name) => [name, undefined])), ...inputs },
      pulumi.mergeOptions(options, {
        transformations: [swap],
        ...(on?.deletedWith ? { deletedWith: on.machine } : {}),
      }),
      module,
      type,
    );
    const since = outputs.includes(SINCE) ? outputOf(this, SINCE) : undefined;
    const imaged = since ? { key: `${kind} ${identity.name}`, since } : on?.machine.imaged;
    if (imaged) this.imaged = imaged;
  }
}

const outputOf = (resource: LabResource, name: string): pulumi.Output<unknown> =>
  (resource as unknown as Record<string, pulumi.Output<unknown>>)[name] as pulumi.Output<unknown>;

/** How the machine is reached, as its own resource finds it, and what is planned of it. */
const machineOf = ({ machine, key, edition, deletedWith }: LivesOn): pulumi.Inputs => ({
  key: machine.imaged?.key ?? key,
  edition,
  deletedWith,
  ...reachedAt(machine),
  ...(machine.imaged ? { since: machine.imaged.since } : {}),
});

const reachedAt = (machine: LabResource): pulumi.Inputs => ({
  address: outputOf(machine, "address"),
  sshPort: outputOf(machine, "sshPort"),
  sshHostKey: outputOf(machine, "sshHostKey"),
});

/**
 * A constant that the engine believes to come from `resources`. Planned values give it no edges (rule 5), and with
 * `dependsOn` alone it deletes a network under a running domain that it shows as unchanged (measured). With a
 * property that depends on the network, it deletes the domain first, then the network, and makes both again.
 */
const edge = (resources: pulumi.Resource[]): pulumi.Output<number> =>
  pulumi.all(resources.map((r) => r.urn)).apply(() => 1);
