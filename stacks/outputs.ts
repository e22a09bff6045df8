import type * as pulumi from "@pulumi/pulumi";
import type { LabResource } from "../providers/core/resource";
import { type LabPlan, resourceKey } from "./plan/types";

/** The stack's outputs: how to reach each machine, and what each VPN user needs. */
export function outputsOf(plan: LabPlan, declared: Map<string, LabResource>): Record<string, pulumi.Inputs> {
  const machines: pulumi.Inputs = {};
  const vpnUsers: pulumi.Inputs = {};
  for (const { kind, name, inputs } of plan.resources) {
    const resource = declared.get(resourceKey(kind, name)) as unknown as Record<
      string,
      pulumi.Output<unknown>
    >;
    if (kind === "libvirt:Domain")
      machines[name] = {
        address: resource.address,
        sshPort: resource.sshPort,
        sshHostKey: resource.sshHostKey,
      };
    if (kind === "ldap:User")
      vpnUsers[inputs.uid as string] = { dn: resource.dn, password: resource.generatedPassword };
  }
  return { machines, vpnUsers };
}
