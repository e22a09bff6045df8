import { suggest } from "../config/suggest";
import type { LibvirtBackend } from "../config/types";
import { loginOf } from "../login";
import { onHost, onVirtualMachine } from "./access";
import type { Context } from "./context";
import type { FogHostFacts } from "./fog-hosts";
import { type MachineFacts, machineKey } from "./machines";
import { own, sortedKeys } from "./stable";
import { type PlannedResource, resourceKey } from "./types";

/** What libvirt's addresses of another machine look like: user, host, port. */
const SSH_URI = /^qemu\+ssh:\/\/(?:([^@/]*)@)?(\[[^\]]*\]|[^/:?]+)(?::(\d+))?\//;

/** A hypervisor that is itself a machine of this lab. */
export function checkMachineBackends(
  context: Context,
  hosts: ReadonlyMap<string, FogHostFacts>,
  machines: ReadonlyMap<string, MachineFacts>,
): void {
  const { config } = context;
  for (const name of sortedKeys(config.backends)) {
    const backend = own(config.backends, name);
    if (backend?.kind !== "libvirt" || backend.machine === undefined) continue;
    const { machine } = backend;
    checkUri(context, name, backend, machine);
    const add = (field: string, message: string) => context.problems.add(["backends", name, field], message);
    const circle = circleFrom(context, name);
    if (circle) {
      add("machine", `machine "${machine}" would live on itself: ${circle.join(" → ")}. Put it elsewhere.`);
      continue;
    }
    const host = hosts.get(machine);
    if (!own(config.machines, machine))
      add("machine", `no machine "${machine}" is declared${suggest(machine, sortedKeys(config.machines))}`);
    else if (host && !host.imaged)
      add("machine", `machine "${machine}" is registered and nothing more. Give it an \`image\`.`);
    else if (host?.backend.bastion !== undefined)
      add(
        "machine",
        `machine "${machine}" is behind the bastion of backend "${host.config.backend}", and libvirt there is not reached through one yet. Run labplan where the machine is reached directly.`,
      );
    const virtual = machines.get(machine);
    if (virtual?.config.running === false)
      add("machine", `machine "${machine}" is kept switched off. Take \`running: false\` out.`);
  }
}

function checkUri({ problems }: Context, name: string, backend: LibvirtBackend, machine: string): void {
  const [, user, host, port] = SSH_URI.exec(backend.uri) ?? [];
  const wanted = `qemu+ssh://${user ?? "root"}@${machine}/system`;
  if (host?.toLowerCase() !== machine.toLowerCase())
    problems.add(
      ["backends", name, "uri"],
      `it is on machine "${machine}", and that name stands in the place of the host. Write ${wanted}.`,
    );
  else if (port !== undefined)
    problems.add(["backends", name, "uri"], `the port is the machine's own. Write ${wanted}.`);
  if (backend.hostKey !== undefined)
    problems.add(
      ["backends", name, "hostKey"],
      `the host key is that of machine "${machine}". Take it out here, and give it there where the machine brings its own.`,
    );
}

/** Machine and backend by turns, until one comes again. */
function circleFrom({ config }: Context, start: string): string[] | undefined {
  const way: string[] = [];
  const seen = new Set<string>();
  let at = start;
  while (!seen.has(at)) {
    seen.add(at);
    const backend = own(config.backends, at);
    const machine = backend?.kind === "libvirt" ? backend.machine : undefined;
    const home = machine === undefined ? undefined : own(config.machines, machine)?.backend;
    if (machine === undefined || home === undefined) return undefined;
    way.push(machine);
    at = home;
  }
  return at === start ? [...way, way[0] ?? ""] : undefined;
}

/** What is made on a machine of this lab says so: it comes after that machine, and is made anew with its system. */
export function onMachines(
  context: Context,
  hosts: ReadonlyMap<string, FogHostFacts>,
  machines: ReadonlyMap<string, MachineFacts>,
  resources: readonly PlannedResource[],
): PlannedResource[] {
  const told = new Set<string>();
  return resources.map((resource) => {
    const { backend } = resource;
    if (backend.kind !== "libvirt" || backend.machine === undefined || resource.on) return resource;
    const host = hosts.get(backend.machine);
    const virtual = machines.get(backend.machine);
    const on = host ? onHost(host) : virtual && onVirtualMachine(virtual);
    if (!on) return resource;
    if (virtual && !told.has(backend.machine)) {
      told.add(backend.machine);
      checkReached(context, resource, virtual, resources);
    }
    return {
      ...resource,
      dependsOn: [...resource.dependsOn, on.key],
      // What is registered at the boot server is here, and not there.
      on: resource.kind === "boot:Record" ? { ...on, deletedWith: false } : on,
    };
  });
}

/** A hypervisor is talked to over SSH, from here. */
function checkReached(
  { problems }: Context,
  { inputs }: PlannedResource,
  machine: MachineFacts,
  resources: readonly PlannedResource[],
): void {
  const path = ["backends", String(inputs.backend), "machine"];
  const itself = resources.find(({ kind, name }) => resourceKey(kind, name) === machineKey(machine));
  const wait = (itself?.inputs.wait as { for?: string } | undefined)?.for;
  const login = itself && loginOf(itself);
  if (wait !== "ssh" && wait !== "boot")
    problems.add(path, `nothing waits until machine "${machine.logical}" answers. Add \`wait: ssh\` to it.`);
  else if (login?.jump !== undefined)
    problems.add(
      path,
      `machine "${machine.logical}" is reached through ${login.jump} alone, and libvirt there is not reached through another machine yet. Put it on a bridge of the host's network.`,
    );
}
