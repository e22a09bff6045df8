import { closest } from "../../stacks/config/suggest";
import {
  type Fields,
  fieldsOf,
  given,
  isFields,
  listOf,
  logicalName,
  textOf,
  truthOf,
  wholeNumberOf,
} from "../import/fields";
import type { Notes } from "../import/notes";
import type { LaasFile } from "./folder";
import { knownKeys } from "./keys";

const KNOWN = ["disk", "interfaces", "iso", "memory", "name", "vcpus"];

/** What the machines of a file are written with. */
export interface DomainContext {
  backend: string;
  /** LaaS name of a network → its name in our config. */
  networks: ReadonlyMap<string, string>;
  /** Images found on the way, by name. */
  images: Map<string, Fields>;
  notes: Notes;
}

/** The machines of one file, by the name LaaS gave them. */
export function machinesOf(file: LaasFile, context: DomainContext): Map<string, Fields> {
  const machines = new Map<string, Fields>();
  for (const item of listOf(file.fields.domains)) {
    const laas = fieldsOf(item);
    const name = textOf(laas.name);
    if (!isFields(item) || name === undefined)
      context.notes.add(`a domain in ${file.name}`, "has no name; not imported");
    else if (machines.has(name))
      context.notes.add(
        `${name} in ${file.name}`,
        "a domain of this name stands earlier in the file; the later one is left out",
      );
    else machines.set(name, machineOf(name, laas, context));
  }
  return machines;
}

function machineOf(name: string, written: Fields, context: DomainContext): Fields {
  const { notes } = context;
  const laas = knownKeys(`${name}.`, written, KNOWN, notes);
  const iso = isoOf(
    name,
    knownKeys(`${name}.iso.`, fieldsOf(laas.iso), ["URL", "location", "used"], notes),
    context,
  );
  notes.add(
    "boot of each machine",
    "LaaS booted from the disk and then the ISO, or from the network and then the disk; so it is written",
  );
  notes.add(
    "wait of each machine",
    "an installer comes first, so up waits for nothing; write wait: ssh when that has changed",
  );
  return given({
    backend: context.backend,
    cpus: cpusOf(name, laas.vcpus, notes),
    memory: memoryOf(name, laas.memory, notes),
    disk: diskOf(name, textOf(laas.disk), notes),
    networks: listOf(laas.interfaces).flatMap((nic, i) =>
      nicOf(`${name}.interfaces[${i}]`, fieldsOf(nic), context),
    ),
    iso,
    boot: iso === undefined ? ["network", "hd"] : ["hd", "cdrom"],
    wait: "none",
    ...(logicalName(name) === name ? {} : { name }),
  });
}

function cpusOf(name: string, value: unknown, notes: Notes): number | undefined {
  const cpus = wholeNumberOf(value);
  if (cpus === undefined) notes.add(`${name}.vcpus`, "no whole number; left out, the default is 1");
  return cpus;
}

/** LaaS counted KiB and did not say so. */
function memoryOf(name: string, value: unknown, notes: Notes): string | undefined {
  const kib = wholeNumberOf(value);
  if (kib === undefined) {
    notes.add(`${name}.memory`, "no whole number of KiB; left out, the default is 1 GiB");
    return undefined;
  }
  return `${kib} KiB`;
}

/** The LaaS scripts made each disk with 100 GB; its path was on the hypervisor. */
function diskOf(name: string, path: string | undefined, notes: Notes): string {
  if (path === undefined) notes.add(`${name}.disk`, "missing; a disk of 100 GiB is written, LaaS' size");
  else
    notes.add(
      `${name}.disk ${path}`,
      "a volume of 100 GiB (LaaS' size) is made in the backend's pool; for a volume that exists write disk: { volume: <name> }",
    );
  return "100 GiB";
}

function nicOf(where: string, nic: Fields, { networks, notes }: DomainContext): unknown[] {
  const name = textOf(nic.name);
  if (name === undefined) {
    notes.add(where, "has no name; left out");
    return [];
  }
  const type = textOf(nic.type)?.toLowerCase() ?? (networks.has(name) ? "network" : "bridge");
  if (nic.type === undefined) notes.add(where, `has no type; taken for a ${type}`);
  if (type === "bridge") return [{ bridge: name }];
  if (type !== "network") {
    notes.add(where, `the type "${type}" has no counterpart (bridge and network have); left out`);
    return [];
  }
  const known = networks.get(name);
  if (known !== undefined) return [known];
  const near = closest(name, [...networks.keys()]);
  const meant = near === undefined ? undefined : networks.get(near);
  notes.add(
    where,
    meant ? `there is no network "${name}"; taken for "${near}"` : `there is no network "${name}"; left out`,
  );
  return meant ? [meant] : [];
}

function isoOf(name: string, iso: Fields, { images, notes }: DomainContext): string | undefined {
  if (!(truthOf(iso.used) ?? false)) return undefined;
  const [url, location] = [textOf(iso.URL), textOf(iso.location)];
  const file = (url ?? location)?.split(/[?#]/)[0]?.split("/").at(-1);
  if (!file) {
    notes.add(`${name}.iso`, "is used but has neither URL nor location; left out");
    return undefined;
  }
  const image = logicalName(file.replace(/\.iso$/i, ""));
  const path = location ?? `images/${file}`;
  if (images.has(image)) return image;
  images.set(image, { path, format: "iso" });
  if (url)
    notes.add(
      `${name}.iso`,
      `LaaS fetched it without a checksum. Fetch it once, "curl -L -o ${path} ${url}", or write url and checksum in place of path`,
    );
  return image;
}
