import type { AccessInputs } from "../../providers/ssh/access";
import type { AccessConfig, ConfigPath } from "../config/types";
import { loginOf } from "../login";
import type { Context } from "./context";
import { editionOfHost, imagedKey, userOf } from "./fog";
import type { FogHostFacts } from "./fog-hosts";
import { type MachineFacts, machineKey } from "./machines";
import { renamed } from "./renamed";
import { type PlannedResource, resourceKey } from "./types";

type On = NonNullable<PlannedResource["on"]>;

/** How somebody gets to a machine and what is on it. */
export interface Reach {
  login: AccessInputs["login"];
  on: On;
}

/** Who can log in to machines that say so: set up over SSH, once they are there. */
export function planAccess(
  context: Context,
  hosts: ReadonlyMap<string, FogHostFacts>,
  machines: ReadonlyMap<string, MachineFacts>,
  resources: readonly PlannedResource[],
): PlannedResource[] {
  const found: PlannedResource[] = [];
  for (const host of hosts.values()) {
    const { access } = host.config;
    if (access && host.imaged) found.push(accessResource(context, host, access, ofHost(host, host.imaged)));
  }
  for (const machine of machines.values()) {
    const { access } = machine.config;
    const reach = access && ofMachine(context, machine, resources);
    if (access && reach) found.push(accessResource(context, machine, access, reach));
  }
  return found;
}

export function ofHost(host: FogHostFacts, { image }: NonNullable<FogHostFacts["imaged"]>): Reach {
  const { bastion, bastionHostKey, identityFile } = host.backend;
  return {
    login: {
      user: userOf(image),
      ...(identityFile === undefined ? {} : { identityFile }),
      ...(bastion === undefined ? {} : { via: bastion.replace(/^ssh:\/\/|\/$/g, "") }),
      ...(bastion === undefined || bastionHostKey === undefined ? {} : { viaHostKey: bastionHostKey.trim() }),
    },
    on: onHost(host),
  };
}

/** A host that is wiped or imaged at the end takes along what was on it. */
export const onHost = (host: FogHostFacts): On => ({
  key: imagedKey(host.logical),
  deletedWith: host.config.onRelease?.do === "image" || host.config.onRelease?.do === "wipe",
  edition: editionOfHost(host),
});

/** So does a virtual machine, unless it, or a disk of it, stays. */
export const onVirtualMachine = (machine: MachineFacts): On => ({
  key: machineKey(machine),
  deletedWith:
    (machine.config.adopt !== true || machine.config.onDestroy === "delete") &&
    (machine.config.disks ?? []).every(({ volume }) => volume === undefined),
  edition: `${machine.place} ${machine.uuid}`,
});

/** Undefined after a problem, which is told at `path`; `what` is set up there. */
export function ofMachine(
  { problems }: Context,
  machine: MachineFacts,
  resources: readonly PlannedResource[],
  path: ConfigPath = ["machines", machine.logical, "access"],
  what = "it",
): Reach | undefined {
  const resource = resources.find(({ kind, name }) => resourceKey(kind, name) === machineKey(machine));
  const login = resource && loginOf(resource);
  if (!login) {
    problems.add(
      path,
      `${what} is set up over SSH, and nobody can log in that we know of. Give the machine an image and \`sshKeys\`, and a network card that is reached.`,
    );
    return undefined;
  }
  const wait = (resource.inputs.wait as { for?: string } | undefined)?.for;
  if (wait !== "ssh" && wait !== "boot") {
    problems.add(
      path,
      `${what} is set up over SSH, and nothing waits until that answers. Add \`wait: ssh\`.`,
    );
    return undefined;
  }
  const { backend } = machine;
  if (login.jumpMachine !== undefined) {
    problems.add(
      path,
      `${what} is reached through machine "${login.jumpMachine}" of this lab, and ${what === "it" ? "access" : "devstack"} is not set up through one yet. Give its keys to cloud-init: \`sshKeys: [...]\`.`,
    );
    return undefined;
  }
  const jumpKey =
    backend.kind === "libvirt" || backend.kind === "virtualbox"
      ? backend.hostKey
      : backend.kind === "openstack"
        ? backend.bastionHostKey
        : undefined;
  const identityFile = backend.kind === "openstack" ? backend.identityFile : undefined;
  return {
    login: {
      user: login.user,
      ...(identityFile === undefined ? {} : { identityFile }),
      ...(login.jump === undefined ? {} : { via: login.jump }),
      ...(login.jump === undefined || jumpKey === undefined ? {} : { viaHostKey: jumpKey.trim() }),
    },
    on: onVirtualMachine(machine),
  };
}

function accessResource(
  { problems }: Context,
  { logical, config, backend, seed }: FogHostFacts | MachineFacts,
  access: AccessConfig,
  { login, on }: Reach,
): PlannedResource {
  const user = access.user ?? login.user;
  const inputs: AccessInputs = {
    name: logical,
    backend: config.backend,
    user,
    login,
    authorizedKeys: (access.sshKeys ?? []).map((key) => key.trim()),
    exclusive: access.exclusive ?? false,
    password: access.password ?? "generated",
    passwordVersion: access.passwordVersion ?? 1,
  };
  if (inputs.exclusive && inputs.authorizedKeys.length === 0 && user === login.user)
    problems.add(
      ["machines", logical, "access", "exclusive"],
      `every key of ${user} would be taken away, and it is ${user} who sets this up. List the keys that stay in \`sshKeys\`.`,
    );
  if (access.passwordVersion !== undefined && inputs.password !== "generated")
    problems.add(
      ["machines", logical, "access", "passwordVersion"],
      "it makes a new generated password, and none is generated here. Take it out.",
    );
  return {
    kind: "ssh:Access",
    ...renamed(logical, config, seed),
    inputs: { ...inputs },
    dependsOn: [on.key],
    recreateWith: [],
    backend,
    on,
  };
}
