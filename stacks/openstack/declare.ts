import type * as openstack from "@pulumi/openstack";
import * as pulumi from "@pulumi/pulumi";
import { unknown } from "@pulumi/pulumi/output";
import { isOffline } from "../../providers/core/settings";
import {
  isCloudReference,
  isFlavorReference,
  isImageReference,
  isOutputReference,
} from "../plan/openstack-references";
import type { PlannedResource } from "../plan/types";

type Sdk = typeof openstack;
type ResourceClass = new (
  name: string,
  args: pulumi.Inputs,
  opts: pulumi.CustomResourceOptions,
) => pulumi.CustomResource;

/** Kinds of the plugin: `openstack:networking/Port`. Our own are without a module. */
export const isPluginKind = (kind: string): boolean => /^openstack:[a-z]+\//.test(kind);

/** What others put there is nothing that the config says: without this a refresh would have it taken away. */
const FOREIGN_TAGS = ["tags"];

/** Options of one kind, with the reason for each. */
const OPTIONS: Record<string, pulumi.CustomResourceOptions> = {
  "openstack:compute/Instance": {
    // Another image is a rebuild in place otherwise: the server keeps its id, and what is on it is not what is planned.
    // By its id: the name in the state is what the image is called now, or "Image not found".
    replaceOnChanges: ["imageId"],
    ignoreChanges: [
      ...FOREIGN_TAGS,
      // Its ports say which networks it is on; a refresh fills in what nova makes of them.
      ...["accessIpV4", "accessIpV6"],
      // The groups are the ports' own; nova shows their names here.
      "securityGroups",
    ],
  },
  ...Object.fromEntries(
    ["Network", "Subnet", "Router", "SecGroup", "Port", "FloatingIp"].map((type) => [
      `openstack:networking/${type}`,
      { ignoreChanges: FOREIGN_TAGS },
    ]),
  ),
};

/**
 * An input of each kind by which the plugin makes it anew. It carries what the resource is made anew with: the engine
 * removes first what has such an input of the one that it makes anew, and nothing else (calculateDependentReplacements
 * in pulumi/pkg/resource/deploy/step_generator.go).
 */
const CARRIERS: Record<string, string> = {
  "openstack:networking/Port": "networkId",
  "openstack:networking/FloatingIpAssociate": "floatingIp",
};

/** Planned names, addresses and MACs are taken as long as the old one is there: it goes first. */
export const optionsOf = (kind: string): pulumi.CustomResourceOptions => ({
  ...OPTIONS[kind],
  deleteBeforeReplace: true,
});

/** Of the plugin's resources of a plan: its SDK and a provider for each cloud are made with the first one. */
export class PluginDeclarer {
  #sdk: Sdk | undefined;
  readonly #providers = new Map<string, pulumi.ProviderResource>();

  declare(
    planned: PlannedResource,
    dependsOn: pulumi.Resource[],
    declared: (key: string) => pulumi.Resource,
  ): pulumi.CustomResource {
    const { kind, name, formerNames = [], inputs, recreateWith, recreateOn, ignoreChanges = [] } = planned;
    const { backend: backendName, ...args } = inputs;
    const Class = this.#classOf(kind);
    const options = optionsOf(kind);
    const values = resolved(args, declared) as pulumi.Inputs;
    return new Class(name, carrying(kind, values, recreateWith.map(declared)), {
      ...options,
      ignoreChanges: [...(options.ignoreChanges ?? []), ...ignoreChanges],
      provider: this.#providerOf(String(backendName), planned),
      dependsOn,
      ...(recreateOn === undefined ? {} : { replacementTrigger: recreateOn }),
      ...(formerNames.length > 0 ? { aliases: formerNames.map((former) => ({ name: former })) } : {}),
    });
  }

  /** Loaded when there is something to declare: 0.3 s that other labs need not pay. */
  get #openstack(): Sdk {
    this.#sdk ??= require("@pulumi/openstack") as Sdk;
    return this.#sdk;
  }

  #classOf(kind: string): ResourceClass {
    const [, module = "", type = ""] = /^openstack:([a-z]+)\/(\w+)$/.exec(kind) ?? [];
    const classes = this.#openstack[module as "networking"] as unknown as Record<string, ResourceClass>;
    const found = classes?.[type];
    if (!found) throw new Error(`plan: @pulumi/openstack has no ${module}.${type}`);
    return found;
  }

  /** Without any secret: the plugin reads clouds.yaml and the OS_* variables by itself. */
  #providerOf(
    name: string,
    { backend, pluginSettings }: Pick<PlannedResource, "backend" | "pluginSettings">,
  ): pulumi.ProviderResource {
    const known = this.#providers.get(name);
    if (known) return known;
    const { cloud, region } = backend as { cloud?: string; region?: string };
    const made = new this.#openstack.Provider(`openstack-${name}`, {
      ...(cloud === undefined ? {} : { cloud }),
      ...(region === undefined ? {} : { region }),
      ...pluginSettings,
      // Not configured while something of it is unknown, the plugin asks no cloud, and needs no clouds.yaml.
      ...(isOffline(process.env) ? { cloud: unknown as unknown as string } : {}),
    });
    this.#providers.set(name, made);
    return made;
  }
}

/** The values as they are, one of them with an edge from each of the resources. */
function carrying(kind: string, values: pulumi.Inputs, resources: pulumi.Resource[]): pulumi.Inputs {
  if (resources.length === 0) return values;
  const key = CARRIERS[kind];
  if (key === undefined) throw new Error(`plan: no input of ${kind} can make it anew with another resource`);
  const urns = resources.map(({ urn }) => urn);
  return { ...values, [key]: pulumi.all([values[key], ...urns]).apply(([value]) => value) };
}

/** References to other resources become their outputs; what no cloud was asked for is unknown. */
function resolved(value: unknown, declared: (key: string) => pulumi.Resource): unknown {
  if (isOutputReference(value))
    return (declared(value.ref) as unknown as Record<string, pulumi.Output<unknown>>)[value.output];
  if (isCloudReference(value) || isFlavorReference(value)) return unknown;
  if (isImageReference(value)) return value.known ?? unknown;
  if (Array.isArray(value)) return value.map((one) => resolved(one, declared));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolved(one, declared)]));
}
