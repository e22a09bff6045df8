import * as pulumi from "@pulumi/pulumi";
import type { LabResource } from "../providers/core/resource";
import { loginLine, loginOf } from "./login";
import { type LabPlan, type PlannedResource, resourceKey } from "./plan/types";

const MACHINES = new Set(["libvirt:Domain", "virtualbox:Machine"]);

type Outputs = Record<string, pulumi.Output<unknown>>;

/** The stack's outputs: how to reach each machine, when it called home, and what each VPN user needs. */
export function outputsOf(plan: LabPlan, declared: Map<string, LabResource>): Record<string, pulumi.Inputs> {
  const machines: pulumi.Inputs = {};
  const bootRecords: pulumi.Inputs = {};
  const vpnUsers: pulumi.Inputs = {};
  for (const planned of plan.resources) {
    const { kind, name, inputs } = planned;
    const resource = declared.get(resourceKey(kind, name)) as unknown as Outputs;
    if (MACHINES.has(kind)) machines[name] = machineOutputs(planned, resource);
    if (kind === "boot:Record")
      bootRecords[name] = {
        bootedAt: resource.bootedAt,
        bootId: resource.bootId,
        address: resource.address,
        sshHostKey: resource.sshHostKey,
      };
    if (kind === "ldap:User")
      vpnUsers[inputs.uid as string] = { dn: resource.dn, password: resource.generatedPassword };
  }
  return { machines, vpnUsers, ...(Object.keys(bootRecords).length > 0 ? { bootRecords } : {}) };
}

function machineOutputs(planned: PlannedResource, { address, sshPort, sshHostKey }: Outputs): pulumi.Inputs {
  const login = loginOf(planned);
  const reached = { address, sshPort, sshHostKey };
  if (!login) return reached;
  // What is planned is known in a preview.
  const line =
    loginLine(login, {}) ??
    pulumi
      .all([address, sshPort])
      .apply(([host, port]) => loginLine(login, { address: host, sshPort: port }));
  return { ...reached, login: line };
}
