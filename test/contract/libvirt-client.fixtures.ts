import { randomUUID } from "node:crypto";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import type { LibvirtClient, PoolRef, VolumeRef } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { RpcConnection } from "../../providers/libvirt/rpc/connection";
import { encodePacket, type Packet, PacketSplitter } from "../../providers/libvirt/rpc/framing";
import { MESSAGE_STATUS, MESSAGE_TYPE } from "../../providers/libvirt/rpc/procedures";
import { openDriver } from "../../providers/libvirt/rpc/rpc-client";

/** What the contract is run on: a real libvirtd, or the embedded lab's. */
export interface LibvirtSystem {
  uri: string;
  socket: string;
  /** A folder that the daemon may write to, for pools. */
  folder: string;
  stop(): Promise<void>;
}

/** Everything that a test makes begins with this, so that `sweep` finds it. */
export const PREFIX = "ct-";

let counter = 0;
export const fresh = (what: string): string => `${PREFIX}${what}-${++counter}`;

export interface DomainXml {
  name?: string;
  uuid?: string;
  memoryMiB?: number;
  cpus?: number;
  /** Elements inside <devices>. */
  devices?: string;
  machine?: "q35" | "pc";
  description?: string;
}

export function domainXml(options: DomainXml = {}): string {
  const { name = fresh("domain"), uuid = randomUUID(), memoryMiB = 16, cpus = 1, machine = "q35" } = options;
  return `<domain type='qemu'>
  <name>${name}</name>${uuid && `<uuid>${uuid}</uuid>`}
  ${options.description ? `<description>${options.description}</description>` : ""}
  <memory unit='MiB'>${memoryMiB}</memory><vcpu>${cpus}</vcpu>
  <os><type arch='x86_64' machine='${machine}'>hvm</type></os>
  <features><acpi/></features>
  <devices><serial type='pty'/><memballoon model='none'/>${options.devices ?? ""}</devices>
</domain>`;
}

export interface NetworkXml {
  name?: string;
  uuid?: string;
  /** Third byte of 192.168.x.0/24; bridges are named after it. */
  subnet?: number;
  hosts?: string;
}

export function networkXml(options: NetworkXml = {}): string {
  const { name = fresh("network"), uuid = randomUUID(), subnet = 150, hosts = "" } = options;
  return `<network><name>${name}</name><uuid>${uuid}</uuid>
  <bridge name='ct${subnet}' stp='off' delay='0'/>
  <ip address='192.168.${subnet}.1' netmask='255.255.255.0'>
    <dhcp><range start='192.168.${subnet}.100' end='192.168.${subnet}.200'/>${hosts}</dhcp>
  </ip></network>`;
}

/** A started dir pool with a folder of its own. */
export async function makePool(client: LibvirtClient, system: LibvirtSystem): Promise<PoolRef> {
  const name = fresh("pool");
  const path = join(system.folder, name);
  const pool = await client.poolDefine(
    `<pool type='dir'><name>${name}</name><target><path>${path}</path></target></pool>`,
  );
  await client.poolBuild(pool);
  await client.poolStart(pool);
  return pool;
}

export const volumeXml = (name: string, bytes: number, format = "raw", more = ""): string =>
  `<volume><name>${name}</name><capacity unit='bytes'>${bytes}</capacity><allocation>0</allocation>
   <target><format type='${format}'/></target>${more}</volume>`;

export const makeVolume = (client: LibvirtClient, pool: PoolRef, bytes: number): Promise<VolumeRef> =>
  client.volumeCreate(pool, volumeXml(fresh("volume"), bytes));

/** Remove all that tests made, in whatever state they left it. */
export async function sweep(system: LibvirtSystem): Promise<void> {
  const client = await connectLibvirt(system.uri);
  const ours = ({ name }: { name: string }) => name.startsWith(PREFIX);
  for (const domain of (await client.domains()).filter(ours)) {
    await client.domainDestroy(domain);
    await client.domainUndefine(domain);
  }
  for (const network of (await client.networks()).filter(ours)) {
    await client.networkDestroy(network);
    await client.networkUndefine(network);
  }
  for (const pool of (await client.pools()).filter(ours)) {
    if ((await client.poolInfo(pool)).active) {
      await client.poolRefresh(pool);
      for (const volume of await client.volumes(pool)) await client.volumeDelete(volume);
      await client.poolDestroy(pool);
    }
    await client.poolDelete(pool);
    await client.poolUndefine(pool);
  }
  await client.close();
}

/** A connection on the level of calls by name. */
export async function connectRpc(system: LibvirtSystem, name = "qemu:///system"): Promise<RpcConnection> {
  const rpc = new RpcConnection(connect(system.socket), { label: "test" });
  await openDriver(rpc, name);
  return rpc;
}

/** A connection on the level of packets: what really is on the wire. */
export class RawLink {
  readonly packets: Packet[] = [];
  private readonly socket: Socket;
  private readonly splitter = new PacketSplitter();
  private wake = () => {};
  private serial = 0;

  constructor(path: string) {
    this.socket = connect(path);
    this.socket.on("error", () => this.wake());
    this.socket.on("data", (chunk: Buffer) => {
      this.packets.push(...this.splitter.push(chunk));
      this.wake();
    });
  }

  /** One call by number; resolves with the reply packet of its serial. */
  async call(procedure: number, payload: Buffer = Buffer.alloc(0)): Promise<Packet> {
    const serial = ++this.serial;
    const status = MESSAGE_STATUS.ok;
    this.socket.write(encodePacket({ procedure, type: MESSAGE_TYPE.call, serial, status, payload }));
    return this.wait((packet) => packet.type === MESSAGE_TYPE.reply && packet.serial === serial);
  }

  /** The first packet that fits, received already or to come. */
  async wait(fits: (packet: Packet) => boolean): Promise<Packet> {
    for (const deadline = Date.now() + 10_000; ; ) {
      const found = this.packets.find(fits);
      if (found) return found;
      if (Date.now() > deadline) throw new Error("no such packet within 10 s");
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, 500);
      });
    }
  }

  close(): void {
    this.socket.destroy();
  }
}
