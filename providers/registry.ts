import type { dynamic } from "@pulumi/pulumi";
import { toDynamicProvider } from "./core/adapter";
import type { Definition } from "./core/definition";

interface Kind {
  load: () => Definition<object>;
  /** Known without loading the handlers, because the program needs it; a test holds it to the definition's. */
  secretOutputs?: readonly string[];
  /** Outputs that the program hands on. */
  outputs?: readonly string[];
}

const define = <I extends object, S extends I>(definition: Definition<I, S>): Definition<object> =>
  definition as unknown as Definition<object>;

/**
 * Every kind of resource, loaded when it is first used: a stack of VPN users never loads libvirt.
 * A kind stays here for as long as any state may hold one.
 */
export const kinds: Record<string, Kind> = {
  "libvirt:Network": { load: () => define(require("./libvirt/network.handlers").networkDefinition) },
  "libvirt:Pool": { load: () => define(require("./libvirt/pool.handlers").poolDefinition) },
  "libvirt:Volume": { load: () => define(require("./libvirt/volume.handlers").volumeDefinition) },
  "libvirt:Domain": {
    load: () => define(require("./libvirt/domain.handlers").domainDefinition),
    outputs: ["address", "sshPort", "sshHostKey"],
  },
  "boot:Build": {
    load: () => define(require("./boot/build.handlers").buildDefinition),
    outputs: ["installedAt"],
  },
  "boot:Record": {
    load: () => define(require("./boot/record.handlers").recordDefinition),
    outputs: ["bootId", "address", "sshHostKey", "bootedAt"],
  },
  "virtualbox:Network": { load: () => define(require("./virtualbox/network.handlers").networkDefinition) },
  "virtualbox:Medium": { load: () => define(require("./virtualbox/medium.handlers").mediumDefinition) },
  "virtualbox:Machine": {
    load: () => define(require("./virtualbox/machine.handlers").machineDefinition),
    outputs: ["address", "sshPort", "sshHostKey"],
  },
  "virtualbox:Snapshot": { load: () => define(require("./virtualbox/snapshot.handlers").snapshotDefinition) },
  "fog:Host": { load: () => define(require("./fog/host.handlers").hostDefinition) },
  "fog:Image": { load: () => define(require("./fog/image.handlers").imageDefinition) },
  "fog:ImagedHost": {
    load: () => define(require("./fog/imaged-host.handlers").imagedHostDefinition),
    outputs: ["address", "sshPort", "sshHostKey", "imagedAt", "bootId"],
  },
  "fog:Capture": { load: () => define(require("./fog/capture.handlers").captureDefinition) },
  "ldap:User": {
    load: () => define(require("./ldap/user.handlers").userDefinition),
    secretOutputs: ["generatedPassword"],
    outputs: ["dn", "generatedPassword"],
  },
  "ssh:Access": {
    load: () => define(require("./ssh/access.handlers").accessDefinition),
    secretOutputs: ["generatedPassword"],
    outputs: ["user", "generatedPassword"],
  },
  "overlay:Endpoint": { load: () => define(require("./overlay/endpoint.handlers").endpointDefinition) },
  "openstack:Server": {
    load: () => define(require("./openstack/server.handlers").serverDefinition),
    outputs: ["address", "sshPort", "sshHostKey"],
  },
  "devstack:Host": {
    load: () => define(require("./devstack/host.handlers").hostDefinition),
    outputs: ["publicKey"],
  },
  "devstack:Mesh": { load: () => define(require("./devstack/mesh.handlers").meshDefinition) },
  "devstack:Node": {
    load: () => define(require("./devstack/node.handlers").nodeDefinition),
    outputs: ["stackedAt", "stackedWith"],
  },
  "devstack:Join": { load: () => define(require("./devstack/join.handlers").joinDefinition) },
  "devstack:Verify": {
    load: () => define(require("./devstack/verify.handlers").verifyDefinition),
    outputs: ["matrix", "hypervisors", "verifiedAt"],
  },
  "lab:Null": { load: () => define(require("./null/null.handlers").nullDefinition) },
};

const providers = new Map<string, dynamic.ResourceProvider>();

/** The dynamic provider of a kind; throws a message that says what to do about an unknown one. */
export function provider(kind: string): dynamic.ResourceProvider {
  const found = providers.get(kind);
  if (found) return found;
  const entry = kinds[kind];
  if (!entry)
    throw new Error(
      `unknown resource kind "${kind}": the state was written by another version of labplan. Check out that version, or add the kind to providers/registry.ts.`,
    );
  const made = toDynamicProvider(entry.load());
  providers.set(kind, made);
  return made;
}
