import { createHash } from "node:crypto";
import { type Mark, markPrefix } from "../../providers/core/definition";
import { OFF, type VirtualBoxClient } from "../../providers/virtualbox/client";
import { clientFor } from "../../providers/virtualbox/clients";
import { folderOf } from "../../providers/virtualbox/folder";
import type { MachineInputs, MachineNic } from "../../providers/virtualbox/machine";
import type { MediumInputs } from "../../providers/virtualbox/medium";
import type { NetworkInputs } from "../../providers/virtualbox/network";
import type { SnapshotInputs } from "../../providers/virtualbox/snapshot";
import type { BackendConfig } from "../../stacks/config/types";
import { LAB, STACK } from "./libvirt-handlers.run";

/** What the suite is run on: a real VBoxManage, or the embedded lab's. */
export interface HandlerSystem {
  backend: BackendConfig;
  /** Machines can be started; without the kernel module, the real one only keeps their settings. */
  canStart: boolean;
  /** Host-only interfaces can be made; the real one needs its module for them. */
  hasHostOnly: boolean;
  /** Fast enough to die at every single call. */
  everyCall: boolean;
  /** Its VBoxManage, for something that stands before it. */
  command?: readonly string[];
  /** A network card of the host to bridge to, where VirtualBox sees one. */
  card?: string;
  stop(): Promise<void>;
}

const mark: Mark = { lab: LAB, stack: STACK, name: "" };
export const PREFIX = markPrefix(mark);

/** Facts as the planner hashes them: the same name always gives the same. */
export function uuidOf(name: string): string {
  const hex = createHash("sha256").update(name).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

export const macOf = (name: string): string =>
  `52:54:00:${createHash("sha256")
    .update(name)
    .digest("hex")
    .slice(0, 6)
    .replace(/..(?=.)/g, "$&:")}`;

export const nat = (name: string, more: Partial<MachineNic> = {}): MachineNic => ({
  type: "nat",
  mac: macOf(name),
  ...more,
});

export const machine = (name: string, more: Partial<MachineInputs> = {}): MachineInputs => ({
  name,
  uuid: uuidOf(name),
  backend: "b",
  hostName: name,
  osType: "Linux_64",
  cpus: 1,
  memoryMiB: 64,
  firmware: "bios",
  boot: ["hd"],
  disks: [],
  nics: [],
  sharedFolders: [],
  running: false,
  wait: { for: "none" },
  ...more,
});

const MIB = 1024 * 1024;

export const disk = (name: string, more: Partial<MediumInputs> = {}): MediumInputs => ({
  name: `${PREFIX}${name}`,
  backend: "b",
  format: "vdi",
  capacity: 8 * MIB,
  ...more,
});

export const network = (name: string, more: Partial<NetworkInputs> = {}): NetworkInputs => ({
  name,
  backend: "b",
  type: "natnetwork",
  cidr: "10.199.0.0/24",
  gateway: "10.199.0.1",
  ...more,
});

export const snapshotOf = (of: string, name: string, more: Partial<SnapshotInputs> = {}): SnapshotInputs => ({
  name,
  backend: "b",
  machine: of,
  machineUuid: uuidOf(of),
  description: "",
  restore: 0,
  ...more,
});

export const clientOf = ({ backend }: Pick<HandlerSystem, "backend">): Promise<VirtualBoxClient> =>
  clientFor({ backend, signal: new AbortController().signal });

/** Everything that exists at the system, as text that two equal labs share. */
export async function inventory(system: HandlerSystem): Promise<Record<string, string>> {
  const client = await clientOf(system);
  const folder = await folderOf(client, system);
  const seen: Record<string, string> = {};
  const media = await client.media();
  const nameOf = new Map(media.map(({ uuid, path }) => [uuid, path]));
  for (const { uuid } of await client.vms()) {
    const {
      poweredAt: _,
      attachments,
      ...facts
    } = (await client.vm(uuid)) ?? { poweredAt: "", attachments: [] };
    // VirtualBox makes up the UUIDs of media.
    const drives = attachments.map(({ medium: __, ...rest }) => rest);
    // It switches the way to the host on by itself, whenever its service restarts.
    const settled = (key: string, value: unknown) => (key === "localhostReachable" ? undefined : value);
    seen[`machine ${uuid}`] = JSON.stringify({ ...facts, drives }, settled, 1);
    for (const { name, description } of await client.snapshots(uuid))
      seen[`snapshot ${uuid} ${name} ${description}`] = "";
  }
  for (const { kind, path, capacityBytes, format, parent, usedBy } of media)
    seen[`medium ${path}`] =
      `${kind} ${format.toLowerCase()} ${kind === "disk" ? capacityBytes : ""} on ${parent && nameOf.get(parent)} in ${usedBy.join()}`;
  for (const name of await client.listFolder(folder)) seen[`file ${name}`] = "";
  for (const name of await client.listFolder(await client.defaultMachineFolder()))
    seen[`folder ${name}`] = "";
  for (const net of await client.natNetworks()) seen[`natnetwork ${net.name}`] = JSON.stringify(net);
  for (const { uuid: _, ...card } of await client.hostOnlyInterfaces())
    seen[`hostonly ${card.interface}`] = JSON.stringify(card);
  for (const server of await client.dhcpServers()) seen[`dhcp ${server.network}`] = JSON.stringify(server);
  const globals = await client.extraData("global");
  for (const [key, value] of Object.entries(globals))
    if (key.startsWith("labplan/")) seen[`global ${key}`] = value;
  return seen;
}

/** Media of a machine's snapshots have names made by chance. */
export const withoutChance = (seen: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(seen).map(([key, value]) => [
      key.replaceAll(/\{[0-9a-f-]{36}\}/g, "{}"),
      value.replaceAll(/\{[0-9a-f-]{36}\}/g, "{}"),
    ]),
  );

/** Remove everything, whoever made it: between tests. */
export async function wipe(system: HandlerSystem): Promise<void> {
  const client = await clientOf(system);
  const folder = await folderOf(client, system);
  for (const { uuid } of await client.vms()) {
    const facts = await client.vm(uuid);
    if (facts && !OFF.has(facts.power)) await client.powerOff(uuid);
    if (facts?.power === "saved") await client.discardState(uuid);
    for (const { uuid: snapshot } of [...(await client.snapshots(uuid))].reverse())
      await client.deleteSnapshot(uuid, snapshot);
    for (const { controller, port, device } of (await client.vm(uuid))?.attachments ?? [])
      await client.detach(uuid, { controller, port, device });
    await client.deleteVm(uuid);
  }
  // Clones before what they are clones of.
  for (;;) {
    const media = await client.media();
    if (media.length === 0) break;
    for (const medium of media.filter(({ children }) => children.length === 0))
      await client.closeMedium(medium.kind, medium.path, { deleteFile: true });
  }
  for (const name of await client.listFolder(folder)) await client.removeFile(client.join(folder, name));
  const machines = await client.defaultMachineFolder();
  for (const name of await client.listFolder(machines)) {
    const place = client.join(machines, name);
    for (const file of await client.listFolder(place))
      await client.removeFile(client.join(place, file)).catch(() => {});
    await client.removeEmptyFolder(place);
  }
  for (const { name } of await client.natNetworks()) await client.removeNatNetwork(name);
  for (const card of await client.hostOnlyInterfaces()) await client.removeHostOnly(card.interface);
  for (const server of await client.dhcpServers()) await client.removeDhcpServer(server.network);
  for (const key of Object.keys(await client.extraData("global")))
    if (key.startsWith("labplan/")) await client.setExtraData("global", key, undefined);
}
