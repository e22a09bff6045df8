import { isDeepStrictEqual } from "node:util";
import type { CarriedFile, ImportedLab } from "../import/command";
import { type Fields, logicalName } from "../import/fields";
import { Notes } from "../import/notes";
import { stackText } from "../import/stack-text";
import { machinesOf } from "./domains";
import { noteElsewhere } from "./elsewhere";
import { type LaasFile, type LaasIo, readFolder } from "./folder";
import { hostMachineName, metalOf } from "./metal";
import { networksOf } from "./networks";
import { templateOf } from "./templates";
import { vpnOf } from "./vpn";

const HYPERVISOR = "hypervisor";
const DIRECTORY = "directory";
const METAL = "metal";

/** Turns a folder of Lab-as-a-Service files into a stack's config. `lab` is the new lab's random id. */
export function importLaas(dir: string, io: LaasIo, lab?: string): ImportedLab {
  const notes = new Notes();
  const files = readFolder(dir, io, notes);
  const carried = new Map<string, CarriedFile>();
  const templated = (file: LaasFile, things: Map<string, Fields>): Map<string, Fields> => {
    const template = templateOf(file, dir, io, notes);
    if (!template) return things;
    carried.set(template.path, template);
    return new Map([...things].map(([name, fields]) => [name, { ...fields, template: template.path }]));
  };

  const networks = new Section("network", notes);
  const machines = new Section("domain", notes);
  const images = new Map<string, Fields>();
  for (const file of files.filter(({ kind }) => kind === "networks"))
    networks.addAll(file, templated(file, networksOf(file, HYPERVISOR, notes)));
  for (const file of files.filter(({ kind }) => kind === "domains")) {
    const context = { backend: HYPERVISOR, networks: networks.names, images, notes };
    machines.addAll(file, templated(file, machinesOf(file, context)));
  }
  const [vpnFile, ...moreVpn] = files.filter(({ kind }) => kind === "vpn");
  for (const { name } of moreVpn) notes.add(name, "a stack has one VPN; the first file is taken");
  const vpn = vpnFile && vpnOf(vpnFile, DIRECTORY, notes);
  const virtual = machines.things.size > 0;
  const metal = metalOf(files, METAL, notes);
  for (const [name, image] of metal?.images ?? []) images.set(name, image);
  for (const [host, fields] of metal?.hosts ?? [])
    machines.things.set(hostMachineName(host, new Set(machines.things.keys())), fields);
  for (const file of files)
    if (!["networks", "domains", "vpn", ...(metal ? [] : ["inventory"])].includes(file.kind))
      noteElsewhere(file, files, notes);

  const backends: Fields = {};
  if (networks.things.size > 0 || virtual) {
    backends[HYPERVISOR] = { kind: "libvirt", uri: "qemu:///system" };
    notes.add(
      `backends.${HYPERVISOR}.uri`,
      "LaaS took the host from each booking; put in yours, like qemu+ssh://root@host.example/system",
    );
  }
  if (metal) backends[METAL] = metal.backend;
  if (vpn) backends[DIRECTORY] = vpn.backend;
  const sections: Fields = {
    lab,
    backends,
    networks: Object.fromEntries(networks.things),
    images: Object.fromEntries(images),
    machines: Object.fromEntries(machines.things),
    vpn: vpn?.vpn,
  };
  return {
    yaml: stackText(sections, "Imported from OPNFV Lab-as-a-Service files."),
    notes: notes.list(),
    files: [...carried.values()],
  };
}

/** Things of several files under one set of names: installers had files of their own, often with the same content. */
class Section {
  /** Name in our config → fields. */
  readonly things = new Map<string, Fields>();
  /** Name in LaaS → name in our config, the last file's. */
  readonly names = new Map<string, string>();
  private readonly noun: string;
  private readonly notes: Notes;

  constructor(noun: string, notes: Notes) {
    this.noun = noun;
    this.notes = notes;
  }

  addAll(file: LaasFile, things: Map<string, Fields>): void {
    for (const [laasName, fields] of things) this.names.set(laasName, this.add(file, laasName, fields));
  }

  private add(file: LaasFile, laasName: string, fields: Fields): string {
    const plain = logicalName(laasName);
    if (plain !== laasName)
      this.notes.add(laasName, `the ${this.noun} keeps this name at libvirt; the config says ${plain}`);
    const other = this.things.get(plain);
    if (other && isDeepStrictEqual(other, fields)) {
      this.notes.add(
        `${laasName} in ${file.name}`,
        `the same ${this.noun} stands in another file; imported once`,
      );
      return plain;
    }
    const base = file.name.replace(/\.[^.]*$/, "");
    const name = other ? logicalName(`${base}-${plain}`) : plain;
    if (other)
      this.notes.add(
        `${laasName} in ${file.name}`,
        `another ${this.noun} of this name stands in another file; this one is ${name}. A stack for each installer would keep both names`,
      );
    this.things.set(name, fields);
    return name;
  }
}
