import type { Readable } from "node:stream";

/** A libvirt error reply. Codes: libvirt's include/libvirt/virterror.h. */
export class LibvirtError extends Error {
  override readonly name = "LibvirtError";
  constructor(
    readonly code: number,
    readonly domain: number,
    message: string,
  ) {
    super(message);
  }
}

/** The error codes we act on (virterror.h). */
export const ERROR = {
  noSupport: 3,
  invalidArgument: 8,
  operationFailed: 9,
  systemError: 38,
  rpc: 39,
  noDomain: 42,
  noNetwork: 43,
  authFailed: 45,
  noStoragePool: 49,
  noStorageVolume: 50,
  operationInvalid: 55,
  configUnsupported: 67,
  operationTimeout: 68,
  authCancelled: 79,
  noDomainMetadata: 80,
  operationUnsupported: 84,
  resourceBusy: 87,
  storageVolumeExists: 90,
  authUnavailable: 94,
} as const;

export interface DomainRef {
  name: string;
  /** Lower-case with dashes. */
  uuid: string;
  /** -1 when off. */
  id: number;
}
export interface NetworkRef {
  name: string;
  uuid: string;
}
export interface PoolRef {
  name: string;
  uuid: string;
}
export interface VolumeRef {
  pool: string;
  name: string;
  /** Key; for dir pools the path. */
  key: string;
}

export type DomainPower =
  | "nostate"
  | "running"
  | "blocked"
  | "paused"
  | "shutdown"
  | "shutoff"
  | "crashed"
  | "pmsuspended";

export interface DhcpLease {
  interface: string;
  /** Seconds since the epoch; 0 for infinite. */
  expiresS: number;
  mac?: string;
  ip: string;
  prefix: number;
  hostName?: string;
}

/** Which configuration a change or a look concerns. */
export type Scope = "live" | "config" | "both";

/**
 * One libvirt connection: pipelined, one per URI and process. Look-ups give undefined for "does not exist" and
 * throw for everything else; destroy, undefine and delete of what is gone are success.
 * Every call takes part in the connection's deadline (60 s without an answer) and rejects when the link breaks.
 */
export interface LibvirtClient {
  readonly uri: string;
  hostName(): Promise<string>;
  /** 9000000 for 9.0.0 */
  version(): Promise<number>;
  capabilities(): Promise<string>;

  domains(): Promise<DomainRef[]>;
  domainByName(name: string): Promise<DomainRef | undefined>;
  domainByUuid(uuid: string): Promise<DomainRef | undefined>;
  /** `inactive`: the persistent configuration, also of a running domain. */
  domainXml(domain: DomainRef, options?: { inactive?: boolean }): Promise<string>;
  domainState(domain: DomainRef): Promise<DomainPower>;
  domainDefine(xml: string): Promise<DomainRef>;
  domainStart(domain: DomainRef): Promise<DomainRef>;
  domainShutdown(domain: DomainRef): Promise<void>;
  domainResume(domain: DomainRef): Promise<void>;
  /** Power off at once; already off or gone is success. */
  domainDestroy(domain: DomainRef): Promise<void>;
  /** With managed save, snapshot metadata, checkpoints, nvram and TPM; gone is success. */
  domainUndefine(domain: DomainRef): Promise<void>;
  domainAutostart(domain: DomainRef): Promise<boolean>;
  domainSetAutostart(domain: DomainRef, on: boolean): Promise<void>;
  domainAttach(domain: DomainRef, deviceXml: string, scope: Scope): Promise<void>;
  domainDetach(domain: DomainRef, deviceXml: string, scope: Scope): Promise<void>;
  domainUpdateDevice(domain: DomainRef, deviceXml: string, scope: Scope): Promise<void>;
  domainSetMemory(domain: DomainRef, kiB: number, scope: Scope): Promise<void>;
  domainSetVcpus(domain: DomainRef, count: number, scope: Scope): Promise<void>;
  /** The element in `uri`'s namespace, or undefined when there is none. */
  domainMetadata(domain: DomainRef, uri: string): Promise<string | undefined>;
  domainSetMetadata(domain: DomainRef, uri: string, prefix: string, xml: string | undefined): Promise<void>;
  domainAddresses(domain: DomainRef): Promise<{ mac?: string; ip: string }[]>;
  /** Output of the first console from now on. */
  domainConsole(domain: DomainRef): Promise<Readable>;
  /** Grow a disk of a running domain; `path` is the volume path or target. */
  domainBlockResize(domain: DomainRef, path: string, bytes: number): Promise<void>;

  networks(): Promise<NetworkRef[]>;
  networkByName(name: string): Promise<NetworkRef | undefined>;
  networkByUuid(uuid: string): Promise<NetworkRef | undefined>;
  networkXml(network: NetworkRef, options?: { inactive?: boolean }): Promise<string>;
  networkIsActive(network: NetworkRef): Promise<boolean>;
  networkDefine(xml: string): Promise<NetworkRef>;
  networkStart(network: NetworkRef): Promise<void>;
  networkDestroy(network: NetworkRef): Promise<void>;
  networkUndefine(network: NetworkRef): Promise<void>;
  networkAutostart(network: NetworkRef): Promise<boolean>;
  networkSetAutostart(network: NetworkRef, on: boolean): Promise<void>;
  /** Add, modify or delete one `<host>` or `<range>`; read back afterwards: libvirt may have rewritten another (reference trap). */
  networkUpdate(
    network: NetworkRef,
    command: "modify" | "delete" | "add",
    section: "dhcp-host" | "dhcp-range" | "dns-host",
    xml: string,
    scope: Scope,
  ): Promise<void>;
  networkLeases(network: NetworkRef, mac?: string): Promise<DhcpLease[]>;

  pools(): Promise<PoolRef[]>;
  poolByName(name: string): Promise<PoolRef | undefined>;
  poolXml(pool: PoolRef): Promise<string>;
  poolInfo(
    pool: PoolRef,
  ): Promise<{ active: boolean; capacity: bigint; allocation: bigint; available: bigint }>;
  poolDefine(xml: string): Promise<PoolRef>;
  poolBuild(pool: PoolRef): Promise<void>;
  poolStart(pool: PoolRef): Promise<void>;
  poolRefresh(pool: PoolRef): Promise<void>;
  poolDestroy(pool: PoolRef): Promise<void>;
  /** Delete the pool's folder; fails when it is not empty. */
  poolDelete(pool: PoolRef): Promise<void>;
  poolUndefine(pool: PoolRef): Promise<void>;
  poolAutostart(pool: PoolRef): Promise<boolean>;
  poolSetAutostart(pool: PoolRef, on: boolean): Promise<void>;

  volumes(pool: PoolRef): Promise<VolumeRef[]>;
  volumeByName(pool: PoolRef, name: string): Promise<VolumeRef | undefined>;
  volumeByPath(path: string): Promise<VolumeRef | undefined>;
  volumeXml(volume: VolumeRef): Promise<string>;
  /** Bytes. */
  volumeInfo(volume: VolumeRef): Promise<{ capacity: bigint; allocation: bigint }>;
  volumeCreate(pool: PoolRef, xml: string): Promise<VolumeRef>;
  /** A full copy of `from`, written by the hypervisor before it answers. */
  volumeCreateFrom(pool: PoolRef, xml: string, from: VolumeRef): Promise<VolumeRef>;
  volumeResize(volume: VolumeRef, bytes: number): Promise<void>;
  volumeDelete(volume: VolumeRef): Promise<void>;
  /** Send exactly `length` bytes; `onProgress` gets bytes sent so far. */
  volumeUpload(
    volume: VolumeRef,
    source: Readable,
    length: number,
    onProgress?: (sent: number) => void,
    signal?: AbortSignal,
  ): Promise<void>;
  volumeDownload(volume: VolumeRef, signal?: AbortSignal): Promise<Buffer>;

  /** Life-cycle events of domains, until the returned function is called. */
  onDomainEvent(listener: (domain: DomainRef, event: DomainEvent) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export type DomainEvent =
  | "defined"
  | "undefined"
  | "started"
  | "suspended"
  | "resumed"
  | "stopped"
  | "shutdown"
  | "pmsuspended"
  | "crashed";
