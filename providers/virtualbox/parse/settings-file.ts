import type { XmlElement } from "../../libvirt/xml/element";
import { parseXml } from "../../libvirt/xml/parse";
import type { NamedForward, NatFacts, SharedFolderFacts, SnapshotFacts } from "../facts";

/** What `--machinereadable` does not tell, or not of which NIC, or not without doubt. */
export interface SettingsFile {
  /** ID of the guest type; `--machinereadable` has its description. */
  osType: string;
  /** By slot, from 1. Of NICs that are on NAT now. */
  nat: Map<number, NatFacts>;
  /** Of generic drivers, by slot. */
  properties: Map<number, Record<string, string>>;
  sharedFolders: SharedFolderFacts[];
  extraData: Record<string, string>;
  /** Parents before children. */
  snapshots: SnapshotFacts[];
}

/** Reads a .vbox file (src/VBox/Main/xml/Settings.cpp writes it; attributes at their default are left out). */
export function readSettingsFile(text: string): SettingsFile {
  const machine = child(parseXml(text, "the machine's settings file"), "Machine");
  const hardware = machine && child(machine, "Hardware");
  const adapters = hardware ? children(child(hardware, "Network"), "Adapter") : [];
  const file: SettingsFile = {
    osType: machine?.attributes.OSType ?? "",
    nat: new Map(),
    properties: new Map(),
    sharedFolders: hardware
      ? children(child(hardware, "SharedFolders"), "SharedFolder").map(sharedFolder)
      : [],
    extraData: Object.fromEntries(
      children(machine && child(machine, "ExtraData"), "ExtraDataItem").map(({ attributes }) => [
        attributes.name ?? "",
        attributes.value ?? "",
      ]),
    ),
    snapshots: [],
  };
  for (const adapter of adapters) {
    const slot = Number(adapter.attributes.slot ?? -1) + 1;
    // What it is on now is a child of its own; what it was on before stands in DisabledModes.
    const nat = child(adapter, "NAT");
    if (nat) file.nat.set(slot, natFacts(nat));
    const generic = child(adapter, "GenericInterface");
    if (generic) file.properties.set(slot, properties(generic));
  }
  const current = bare(machine?.attributes.currentSnapshot ?? "");
  for (const snapshot of machine ? children(machine, "Snapshot") : [])
    addSnapshots(file.snapshots, snapshot, current);
  return file;
}

function natFacts(nat: XmlElement): NatFacts {
  const { attributes } = nat;
  const tftp = child(nat, "TFTP")?.attributes ?? {};
  return {
    forwards: children(nat, "Forwarding").map(forward),
    ...(attributes.network && { network: attributes.network }),
    localhostReachable: attributes["localhost-reachable"] === "true",
    tftp: {
      enabled: attributes["enable-tftp"] === "true",
      ...(tftp.prefix && { prefix: tftp.prefix }),
      ...(tftp["boot-file"] && { bootFile: tftp["boot-file"] }),
      ...(tftp["next-server"] && { nextServer: tftp["next-server"] }),
    },
  };
}

/** `proto` is 0 for UDP and 1 for TCP (NATProtocol in VirtualBox.xidl). */
const forward = ({ attributes }: XmlElement): NamedForward => ({
  name: attributes.name ?? "",
  protocol: attributes.proto === "0" ? "udp" : "tcp",
  hostIp: attributes.hostip ?? "",
  hostPort: Number(attributes.hostport ?? 0),
  guestIp: attributes.guestip ?? "",
  guestPort: Number(attributes.guestport ?? 0),
});

const properties = (generic: XmlElement): Record<string, string> =>
  Object.fromEntries(
    children(generic, "Property").map(({ attributes }) => [attributes.name ?? "", attributes.value ?? ""]),
  );

const sharedFolder = ({ attributes }: XmlElement): SharedFolderFacts => ({
  name: attributes.name ?? "",
  path: attributes.hostPath ?? "",
  readOnly: attributes.writable !== "true",
  autoMount: attributes.autoMount === "true",
});

function addSnapshots(found: SnapshotFacts[], element: XmlElement, current: string, parent?: string): void {
  const uuid = bare(element.attributes.uuid ?? "");
  found.push({
    uuid,
    name: element.attributes.name ?? "",
    description: textOf(child(element, "Description")),
    ...(parent !== undefined && { parent }),
    current: uuid === current,
  });
  for (const next of children(child(element, "Snapshots"), "Snapshot"))
    addSnapshots(found, next, current, uuid);
}

const bare = (uuid: string): string => uuid.replaceAll(/[{}]/g, "").toLowerCase();

const textOf = (element: XmlElement | undefined): string =>
  (element?.children ?? []).filter((one): one is string => typeof one === "string").join("");

const isElement = (node: XmlElement | string): node is XmlElement => typeof node !== "string";

const children = (element: XmlElement | undefined, name: string): XmlElement[] =>
  (element?.children ?? []).filter(isElement).filter((one) => one.name === name);

const child = (element: XmlElement, name: string): XmlElement | undefined => children(element, name)[0];
