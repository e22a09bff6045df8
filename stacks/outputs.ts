import * as pulumi from "@pulumi/pulumi";
import { devstackOutputs } from "./devstack-outputs";
import { loginLine, loginOf } from "./login";
import { type LabPlan, type PlannedResource, resourceKey } from "./plan/types";

const MACHINES = new Set(["libvirt:Domain", "virtualbox:Machine", "fog:ImagedHost", "openstack:Server"]);

type Outputs = Record<string, pulumi.Output<unknown>>;

/** The stack's outputs: how to reach each machine, when it called home, what each VPN user needs, and the devstack. */
export function outputsOf(
  plan: LabPlan,
  declared: Map<string, pulumi.Resource>,
): Record<string, pulumi.Inputs> {
  const machines: pulumi.Inputs = {};
  const bootRecords: pulumi.Inputs = {};
  const vpnUsers: pulumi.Inputs = {};
  for (const planned of plan.resources) {
    const { kind, name, inputs } = planned;
    const resource = declared.get(resourceKey(kind, name)) as unknown as Outputs;
    if (MACHINES.has(kind))
      machines[name] = machineOutputs(planned, resource, {
        credentials: accessOf(plan, declared, name),
        hypervisor: planned.on && (declared.get(planned.on.key) as unknown as Outputs),
      });
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
  const devstack = devstackOutputs(plan, declared, machines);
  return {
    machines,
    vpnUsers,
    ...(Object.keys(bootRecords).length > 0 ? { bootRecords } : {}),
    ...(devstack ? { devstack } : {}),
  };
}

/** Who can log in to a machine, where labplan sees to that. */
interface Credentials {
  user: string;
  /** Secret; undefined for keys alone, and for a password that the user brought. */
  password?: pulumi.Output<unknown>;
}

function accessOf(
  { resources }: LabPlan,
  declared: Map<string, pulumi.Resource>,
  machine: string,
): Credentials | undefined {
  const planned = resources.find(({ kind, name }) => kind === "ssh:Access" && name === machine);
  if (!planned) return undefined;
  const { user, password } = planned.inputs as { user: string; password: unknown };
  const key = resourceKey(planned.kind, planned.name);
  const { generatedPassword } = declared.get(key) as unknown as Outputs;
  return { user, ...(password === "generated" && generatedPassword ? { password: generatedPassword } : {}) };
}

function machineOutputs(
  planned: PlannedResource,
  { address, sshPort, sshHostKey }: Outputs,
  { credentials, hypervisor }: { credentials: Credentials | undefined; hypervisor: Outputs | undefined },
): pulumi.Inputs {
  const way = loginOf(planned);
  const reached = { address, sshPort, sshHostKey, ...(credentials ? { credentials } : {}) };
  if (!way) return reached;
  const login = credentials ? { ...way, user: credentials.user } : way;
  // What is planned is known in a preview.
  const line =
    loginLine(login, {}) ??
    pulumi
      .all([address, sshPort, hypervisor?.address, hypervisor?.sshPort])
      .apply(([host, port, jumpHost, jumpPort]) =>
        loginLine(login, { address: host, sshPort: port, jump: { address: jumpHost, sshPort: jumpPort } }),
      );
  return { ...reached, login: line };
}
