import { createHash } from "node:crypto";
import type { Mark } from "../../providers/core/definition";
import { markPrefix } from "../../providers/core/definition";
import type { LibvirtClient } from "../../providers/libvirt/client";
import type { DomainInputs } from "../../providers/libvirt/domain";
import type { NetworkInputs } from "../../providers/libvirt/network";
import type { PoolInputs } from "../../providers/libvirt/pool";
import type { VolumeInputs } from "../../providers/libvirt/volume";
import type { BackendConfig } from "../../stacks/config/types";
import { LAB, STACK } from "./libvirt-handlers.run";

/** What the suite is run on: a real libvirtd, or the embedded lab's. */
export interface HandlerSystem {
  backend: BackendConfig;
  /** Its socket, for a proxy in front of it. */
  socket: string;
  /** A folder that the daemon may write to, for pools. */
  folder: string;
  /** Fast enough to die at every single call. */
  everyCall: boolean;
  /** A domain without any disk comes up all the same, with an address. */
  guestsBoot: boolean;
  /** Names of the files in a folder of the hypervisor. */
  list?(folder: string): Promise<string[]>;
  /** Let a folder of the hypervisor have room for this many MiB and no more; without a number, as before. */
  limit?(folder: string, mebibytes?: number): Promise<void>;
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

export const network = (name: string, more: Partial<NetworkInputs> = {}): NetworkInputs => ({
  name,
  uuid: uuidOf(name),
  backend: "b",
  mode: "isolated",
  bridge: `lp${uuidOf(name).slice(0, 8)}`,
  cidr: "10.199.0.0/24",
  gateway: "10.199.0.1",
  autostart: false,
  ...more,
});

export const pool = (name: string, folder: string, more: Partial<PoolInputs> = {}): PoolInputs => ({
  name: `${PREFIX}${name}`,
  uuid: uuidOf(name),
  backend: "b",
  path: `${folder}/${PREFIX}${name}`,
  ...more,
});

export const volume = (name: string, inPool: PoolInputs, more: Partial<VolumeInputs> = {}): VolumeInputs => ({
  name: `${PREFIX}${name}`,
  backend: "b",
  pool: inPool.name,
  format: "qcow2",
  ...more,
});

/** A machine that starts, runs its firmware, and goes no further. */
export const domain = (name: string, more: Partial<DomainInputs> = {}): DomainInputs => ({
  name,
  uuid: uuidOf(name),
  backend: "b",
  hostName: name,
  cpus: 1,
  memoryMiB: 32,
  firmware: "bios",
  accel: "tcg",
  boot: ["hd"],
  disks: [],
  nics: [],
  running: false,
  autostart: false,
  wait: { for: "none" },
  ...more,
});

/** Everything that exists at the system, as text that two equal labs share. */
export async function snapshot(client: LibvirtClient): Promise<Record<string, string>> {
  const seen: Record<string, string> = {};
  for (const ref of await client.networks()) {
    const active = await client.networkIsActive(ref);
    const autostart = await client.networkAutostart(ref);
    const xml = await client.networkXml(ref, { inactive: true });
    const live = (await client.networkXml(ref)).replace(/<metadata>[\s\S]*<\/metadata>\s*/, "");
    // libvirt makes up the bridge's MAC.
    const settled = (text: string) =>
      text.replace(/<mac address='[^']*'\/>(?=\s*<(domain|ip|\/network))/g, "");
    seen[`network ${ref.name}`] =
      `active=${active} autostart=${autostart}\n${settled(xml)}${settled(live.replace(/ connections='\d+'/, ""))}`;
  }
  for (const ref of await client.domains()) {
    const power = await client.domainState(ref);
    const autostart = await client.domainAutostart(ref);
    seen[`domain ${ref.name}`] =
      `${power} autostart=${autostart}\n${await client.domainXml(ref, { inactive: true })}`;
  }
  for (const ref of await client.pools()) {
    const { active } = await client.poolInfo(ref);
    seen[`pool ${ref.name}`] =
      `active=${active}\n${(await client.poolXml(ref)).replace(/<(capacity|allocation|available)[\s\S]*?<\/\1>\s*/g, "")}`;
    if (!active) continue;
    for (const item of await client.volumes(ref)) {
      // A seed holds a key made by chance.
      const content = item.name.endsWith("-seed.iso") ? "" : digest(await client.volumeDownload(item));
      const { capacity } = await client.volumeInfo(item);
      seen[`volume ${ref.name}/${item.name}`] = `capacity=${capacity} content=${content}`;
    }
  }
  return seen;
}

const digest = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

/** Remove everything, whoever made it: between tests. */
export async function wipe(client: LibvirtClient): Promise<void> {
  for (const ref of await client.domains()) {
    await client.domainDestroy(ref);
    await client.domainUndefine(ref);
  }
  for (const ref of await client.networks()) {
    await client.networkDestroy(ref);
    await client.networkUndefine(ref);
  }
  for (const ref of await client.pools()) {
    if (!(await client.poolInfo(ref)).active) await client.poolStart(ref).catch(() => {});
    if ((await client.poolInfo(ref)).active) {
      await client.poolRefresh(ref);
      for (const item of await client.volumes(ref)) await client.volumeDelete(item);
      await client.poolDestroy(ref);
      await client.poolDelete(ref).catch(() => {});
    }
    await client.poolUndefine(ref);
  }
}
