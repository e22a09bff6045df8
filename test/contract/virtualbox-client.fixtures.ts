import { randomUUID } from "node:crypto";
import type { VirtualBoxClient, VmRef } from "../../providers/virtualbox/client";
import { openHost } from "../../providers/virtualbox/connect";
import { type ClientParts, vboxManageClient } from "../../providers/virtualbox/vboxmanage-client";
import type { VirtualBoxBackend } from "../../stacks/config/types";

/** What the contract is run on: a real VBoxManage, here or at the end of an SSH connection, or the embedded lab's. */
export interface VirtualBoxSystem {
  backend: VirtualBoxBackend;
  /** For machines and for media; exists, and its paths mean the same to VBoxManage and to us. */
  folder: string;
  /** Machines can be started: the real one would need its kernel module. */
  canStart: boolean;
  /** Host-only interfaces can be made: the real one would need its kernel module. */
  hasHostOnly: boolean;
  stop(): Promise<void>;
}

/** A client with a queue of its own, its system, and what tests make. */
export interface Bench {
  readonly system: VirtualBoxSystem;
  readonly client: VirtualBoxClient;
  readonly parts: ClientParts;
  /** Path of a file that nobody has made yet. */
  path(name: string): string;
  /** A registered machine without anything. */
  machine(name?: string): Promise<VmRef>;
  /** The same with a SATA controller of four ports. */
  machineWithSata(): Promise<VmRef>;
  /** A disk of 64 MiB. */
  disk(): Promise<{ path: string; uuid: string }>;
}

let counter = 0;
export const fresh = (what: string): string => `ct-${what}-${++counter}`;

export const SATA = { name: "SATA", bus: "sata", ports: 4, bootable: true } as const;
export const MIB = 1024 * 1024;

export async function benchOf(system: VirtualBoxSystem): Promise<Bench> {
  const parts = await openHost(system.backend);
  const client = vboxManageClient(parts);
  const path = (name: string) => client.join(system.folder, fresh(name));
  const machine = (name = fresh("machine")) =>
    client.createVm({ name, uuid: randomUUID(), osType: "Linux_64", folder: system.folder });
  return {
    system,
    client,
    parts,
    path,
    machine,
    machineWithSata: async () => {
      const vm = await machine();
      await client.addController(vm.uuid, SATA);
      return vm;
    },
    disk: async () => {
      const file = `${path("disk")}.vdi`;
      return { path: file, uuid: await client.createMedium({ path: file, sizeBytes: 64 * MIB }) };
    },
  };
}
