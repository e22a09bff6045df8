/**
 * Numbers of libvirt's remote protocol, program 0x20008086 version 1.
 * Source: libvirt's src/remote/remote_protocol.x and src/rpc/virnetprotocol.x, by way of go-libvirt's generated
 * internal/constants/remote_protocol.gen.go; flags and enums from include/libvirt/libvirt-{domain,network,storage}.h.
 */

export const PROGRAM = 0x20008086;
export const VERSION = 1;

export const PROCEDURE = {
  connectOpen: 1,
  connectClose: 2,
  connectGetCapabilities: 7,
  connectGetHostname: 59,
  connectSupportsFeature: 60,
  authList: 66,
  authPolkit: 70,
  connectGetLibVersion: 157,

  domainCreate: 9,
  domainDefineXml: 11,
  domainDestroy: 12,
  domainGetXmlDesc: 14,
  domainGetAutostart: 15,
  domainGetInfo: 16,
  domainLookupById: 22,
  domainLookupByName: 23,
  domainLookupByUuid: 24,
  domainReboot: 27,
  domainResume: 28,
  domainSetAutostart: 29,
  domainShutdown: 33,
  domainSuspend: 34,
  domainUndefine: 35,
  domainAttachDeviceFlags: 160,
  domainDetachDeviceFlags: 161,
  domainUpdateDeviceFlags: 174,
  domainCreateWithFlags: 196,
  domainSetVcpusFlags: 199,
  domainOpenConsole: 201,
  domainSetMemoryFlags: 204,
  domainGetState: 212,
  domainUndefineFlags: 231,
  domainDestroyFlags: 234,
  domainBlockResize: 251,
  domainSetMetadata: 264,
  domainGetMetadata: 265,
  connectListAllDomains: 273,
  domainDefineXmlFlags: 350,
  domainInterfaceAddresses: 353,

  networkCreate: 39,
  networkDefineXml: 41,
  networkDestroy: 42,
  networkGetXmlDesc: 43,
  networkGetAutostart: 44,
  networkLookupByName: 46,
  networkLookupByUuid: 47,
  networkSetAutostart: 48,
  networkUndefine: 49,
  networkIsActive: 152,
  connectListAllNetworks: 283,
  networkUpdate: 291,
  networkGetDhcpLeases: 341,

  poolDefineXml: 77,
  poolCreate: 78,
  poolBuild: 79,
  poolDestroy: 80,
  poolDelete: 81,
  poolUndefine: 82,
  poolRefresh: 83,
  poolLookupByName: 84,
  poolLookupByUuid: 85,
  poolGetInfo: 87,
  poolGetXmlDesc: 88,
  poolGetAutostart: 89,
  poolSetAutostart: 90,
  connectListAllPools: 281,
  poolListAllVolumes: 282,

  volumeCreateXml: 93,
  volumeCreateXmlFrom: 125,
  volumeDelete: 94,
  volumeLookupByName: 95,
  volumeLookupByKey: 96,
  volumeLookupByPath: 97,
  volumeGetInfo: 98,
  volumeGetXmlDesc: 99,
  volumeUpload: 208,
  volumeDownload: 209,
  volumeResize: 260,

  networkEventRegister: 313,
  networkEventDeregister: 314,
  networkEventLifecycle: 315,
  domainEventRegister: 316,
  domainEventDeregister: 317,
  domainEventLifecycle: 318,
} as const satisfies Record<string, number>;

export type ProcedureName = keyof typeof PROCEDURE;

/** virNetMessageType */
export const MESSAGE_TYPE = { call: 0, reply: 1, event: 2, stream: 3 } as const;

/** virNetMessageStatus */
export const MESSAGE_STATUS = { ok: 0, error: 1, continue: 2 } as const;

/** virNetMessageMax of the oldest servers still met; newer ones take 32 MiB. */
export const MAX_SENT_BYTES = 16 * 1024 * 1024;
/** What newer servers may send. */
export const MAX_RECEIVED_BYTES = 32 * 1024 * 1024;
/** VIR_NET_MESSAGE_STRING_MAX */
export const MAX_STRING_BYTES = 4 * 1024 * 1024;
/** VIR_NET_MESSAGE_LEGACY_PAYLOAD_MAX rounded down to whole KiB: every server takes stream packets of this size. */
export const STREAM_CHUNK_BYTES = 255 * 1024;

/** virDomainState, by number. */
export const DOMAIN_STATES = [
  "nostate",
  "running",
  "blocked",
  "paused",
  "shutdown",
  "shutoff",
  "crashed",
  "pmsuspended",
] as const;

/** virDomainEventType, by number. */
export const DOMAIN_EVENTS = [
  "defined",
  "undefined",
  "started",
  "suspended",
  "resumed",
  "stopped",
  "shutdown",
  "pmsuspended",
  "crashed",
] as const;

/** virNetworkEventLifecycleType, by number. */
export const NETWORK_EVENTS = ["defined", "undefined", "started", "stopped"] as const;

/** virDomainEventID and virNetworkEventID of the life cycle. */
export const LIFECYCLE_EVENT_ID = 0;

/** virStoragePoolState */
export const POOL_STATE = { inactive: 0, building: 1, running: 2, degraded: 3, inaccessible: 4 } as const;

/** virDomainModificationImpact: the bits that say what a change concerns. */
export const SCOPE_FLAGS = { live: 1, config: 2, both: 3 } as const;

/** virDomainXMLFlags */
export const DOMAIN_XML_FLAGS = { secure: 1, inactive: 2 } as const;
/** virNetworkXMLFlags */
export const NETWORK_XML_FLAGS = { inactive: 1 } as const;

/** virDomainUndefineFlagsValues */
export const UNDEFINE_FLAGS = {
  managedSave: 1,
  snapshotMetadata: 2,
  nvram: 4,
  keepNvram: 8,
  checkpointMetadata: 16,
  tpm: 32,
  keepTpm: 64,
} as const;

/** virDomainMetadataType: an element of our own namespace. */
export const METADATA_ELEMENT = 2;

/** virDomainVcpuFlags: set the maximum instead of the current number. */
export const VCPU_MAXIMUM = 4;
/** virDomainMemoryModFlags: set the maximum instead of the balloon. */
export const MEMORY_MAXIMUM = 4;
/** virDomainBlockResizeFlags: the size is in bytes, not KiB. */
export const BLOCK_RESIZE_BYTES = 1;
/** virDomainConsoleFlags: take the console over from whoever has it. */
export const CONSOLE_FORCE = 1;

/** virDomainInterfaceAddressesSource */
export const ADDRESS_SOURCE = { lease: 0, agent: 1, arp: 2 } as const;

/** virNetworkUpdateCommand */
export const NETWORK_UPDATE_COMMAND = { modify: 1, delete: 2, add: 3, addFirst: 4 } as const;
/** virNetworkUpdateSection */
export const NETWORK_UPDATE_SECTION = { "dhcp-host": 4, "dhcp-range": 5, "dns-host": 10 } as const;

/** remote_auth_type: what authList offers. */
export const AUTH = { none: 0, sasl: 1, polkit: 2 } as const;

/** virDrvFeature (src/libvirt_internal.h), as asked by connectSupportsFeature. */
export const FEATURE = { networkUpdateHasCorrectOrder: 16 } as const;
