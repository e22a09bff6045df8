import * as pulumi from "@pulumi/pulumi";
import type { NodeInputs, VerifyInputs } from "../providers/devstack/types";
import { loginOf } from "./login";
import { type LabPlan, type PlannedResource, resourceKey } from "./plan/types";

type Outputs = Record<string, pulumi.Output<unknown> | undefined>;

/**
 * What somebody needs of a devstack: its dashboard and API, a login per node, and what was verified. `machines` are the
 * outputs of the machines, by name. Undefined where the lab has none.
 */
export function devstackOutputs(
  { resources }: LabPlan,
  declared: ReadonlyMap<string, pulumi.Resource>,
  machines: Readonly<Record<string, unknown>>,
): pulumi.Inputs | undefined {
  const verify = resources.find(({ kind }) => kind === "devstack:Verify");
  if (!verify?.on) return undefined;
  const { key } = verify.on;
  const controller = resources.find(({ kind, name }) => resourceKey(kind, name) === key);
  const found = declared.get(resourceKey(verify.kind, verify.name)) as unknown as Outputs;
  const { verifiedAt, matrix, hypervisors } = found;
  const host = controller && addressOf(controller, declared.get(key) as unknown as Outputs);
  const scheme = schemeOf(resources.find(({ kind, on }) => kind === "devstack:Node" && on?.key === key));
  return {
    ...(host ? { horizon: urlAt(scheme, host, "dashboard"), keystone: urlAt(scheme, host, "identity") } : {}),
    nodes: nodesOf(resources, verify.inputs as unknown as VerifyInputs, machines),
    ...(verifiedAt ? { verifiedAt } : {}),
    ...(matrix ? { matrix } : {}),
    ...(hypervisors ? { hypervisors } : {}),
  };
}

/** Its own, and not that in the overlay: nobody outside has a way in there. */
function addressOf(controller: PlannedResource, { address }: Outputs): pulumi.Output<unknown> | undefined {
  const planned = loginOf(controller)?.host;
  return planned === undefined ? address : pulumi.output(planned);
}

/** With tls-proxy, devstack puts one before port 80 of its controller (stack.sh, `start_tls_proxy http-services`). */
function schemeOf(controller: PlannedResource | undefined): "http" | "https" {
  const { localConf = "" } = (controller?.inputs ?? {}) as Partial<NodeInputs>;
  const lines = [...localConf.matchAll(/^(enable|disable)_service tls-proxy$/gm)];
  return lines.at(-1)?.[1] === "enable" ? "https" : "http";
}

const urlAt = (
  scheme: string,
  address: pulumi.Output<unknown>,
  path: string,
): pulumi.Output<string | undefined> =>
  address.apply((host) =>
    typeof host === "string" ? `${scheme}://${host.includes(":") ? `[${host}]` : host}/${path}` : undefined,
  );

function nodesOf(
  resources: readonly PlannedResource[],
  { nodes }: VerifyInputs,
  machines: Readonly<Record<string, unknown>>,
): pulumi.Inputs {
  const stacked = resources.filter(({ kind }) => kind === "devstack:Node");
  return Object.fromEntries(
    stacked.map(({ name, inputs }) => {
      const { role } = inputs as unknown as NodeInputs;
      const overlay = nodes[name]?.overlay;
      const { login } = (machines[name] ?? {}) as { login?: unknown };
      return [
        name,
        { role, ...(login === undefined ? {} : { login }), ...(overlay === undefined ? {} : { overlay }) },
      ];
    }),
  );
}
