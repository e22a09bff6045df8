import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { LibvirtError } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { encode } from "../../providers/libvirt/rpc/call";
import type { RpcConnection } from "../../providers/libvirt/rpc/connection";
import type { ProcedureName } from "../../providers/libvirt/rpc/procedures";
import {
  uuidBytes,
  writeDomain,
  writeNetwork,
  writePool,
  writeVolume,
} from "../../providers/libvirt/rpc/references";
import type { XdrWriter } from "../../providers/libvirt/rpc/xdr";
import { writeIso } from "../../providers/seed/iso9660";
import { connectRpc, type LibvirtSystem, makePool, makeVolume, sweep } from "./libvirt-client.fixtures";

/** One call, and what libvirt 9.0.0 answers: `ok`, or the code and the message. */
type Row = [
  title: string,
  answer: "ok" | [code: number, message: string],
  procedure: ProcedureName,
  write: Write,
];
type Write = (args: XdrWriter) => unknown;

const U1 = "6ad1ee2b-0000-4000-8000-0000000000";
const uuid = (n: number): string => `${U1}${String(n).padStart(2, "0")}`;
const domainRef = (n: number, name = `ct-truth-${n}`) => ({ name, uuid: uuid(n), id: -1 });
const networkRef = (n: number, name = `ct-truth-${n}`) => ({ name, uuid: uuid(n) });

const domainText = (
  n: number,
  options: { name?: string; devices?: string; head?: string; body?: string } = {},
) =>
  `<domain ${options.head ?? "type='qemu'"}><name>${options.name ?? `ct-truth-${n}`}</name><uuid>${uuid(n)}</uuid>
   ${options.body ?? "<memory unit='MiB'>16</memory><os><type machine='q35'>hvm</type></os>"}
   <devices><serial type='pty'/>${options.devices ?? ""}</devices></domain>`;
const networkText = (n: number, inside: string, name = `ct-truth-${n}`) =>
  `<network><name>${name}</name><uuid>${uuid(n)}</uuid>${inside}</network>`;

const D1 = domainRef(1);
const D2 = domainRef(2);
const GONE = domainRef(99, "ct-gone");
const N1 = networkRef(1);
const N2 = networkRef(2);
const LIVE = 1;
const CONFIG = 2;
const BOTH = 3;
const MAXIMUM = 4;

const define = (xml: string) => (args: XdrWriter) => args.string(xml);
const onDomain =
  (ref: typeof D1, more: Write = () => {}) =>
  (args: XdrWriter) =>
    more(writeDomain(args, ref));
const onNetwork =
  (ref: typeof N1, more: Write = () => {}) =>
  (args: XdrWriter) =>
    more(writeNetwork(args, ref));
const device = (ref: typeof D1, xml: string, flags: number) =>
  onDomain(ref, (args) => args.string(xml).u32(flags));
const update = (ref: typeof N1, command: number, section: number, xml: string, flags = BOTH) =>
  onNetwork(ref, (args) => args.u32(command).u32(section).i32(-1).string(xml).u32(flags));
const metadata = (ref: typeof D1, xml: string | undefined, key: string | undefined, flags: number) =>
  onDomain(ref, (args) =>
    args.i32(2).optionalString(xml).optionalString(key).optionalString("urn:ct").u32(flags),
  );
const nic = (mac: string, network = "ct-truth-1", model = "virtio") =>
  `<interface type='network'><mac address='${mac}'/><source network='${network}'/><model type='${model}'/></interface>`;
const host = (mac: string, name: string, ip: string) => `<host mac='${mac}' name='${name}' ip='${ip}'/>`;
const invalid = (message: string): [number, string] => [55, `Requested operation is not valid: ${message}`];
const OFF = invalid("domain is not running");
const gone: [number, string] = [42, `Domain not found: no domain with matching uuid '${uuid(99)}' (ct-gone)`];

/** In order: each row finds what the rows before it left. Nothing here was written down from the embedded lab. */
const DOMAINS: Row[] = [
  [
    "no domain of a name",
    [42, "Domain not found: no domain with matching name 'ct-gone'"],
    "domainLookupByName",
    define("ct-gone"),
  ],
  [
    "no domain of a uuid",
    [42, `Domain not found: no domain with matching uuid '${uuid(99)}'`],
    "domainLookupByUuid",
    (a) => a.fixed(uuidBytes(uuid(99))),
  ],
  [
    "no domain of an id",
    [42, "Domain not found: no domain with matching id 9999"],
    "domainLookupById",
    (a) => a.i32(9999),
  ],
  ["the XML of a domain that is gone", gone, "domainGetXmlDesc", onDomain(GONE, (a) => a.u32(0))],
  ["undefine a domain that is gone", gone, "domainUndefineFlags", onDomain(GONE, (a) => a.u32(0))],
  ["define", "ok", "domainDefineXml", define(domainText(1, { devices: nic("52:54:00:ad:00:01") }))],
  ["define another", "ok", "domainDefineXml", define(domainText(2))],
  [
    "its name under another uuid",
    [9, `operation failed: domain 'ct-truth-1' already exists with uuid ${uuid(1)}`],
    "domainDefineXml",
    define(domainText(3, { name: "ct-truth-1" })),
  ],
  [
    "its uuid under another name",
    [9, `operation failed: domain 'ct-truth-1' is already defined with uuid ${uuid(1)}`],
    "domainDefineXml",
    define(domainText(1, { name: "ct-other" })),
  ],
  [
    "no type",
    [1, "internal error: missing domain type attribute"],
    "domainDefineXml",
    define(domainText(4, { head: "" })),
  ],
  [
    "an unknown type",
    [67, "unsupported configuration: invalid domain type foo"],
    "domainDefineXml",
    define(domainText(4, { head: "type='foo'" })),
  ],
  [
    "no memory",
    [27, "XML error: Memory size must be specified via <memory> or in the <numa> configuration"],
    "domainDefineXml",
    define(domainText(4, { body: "<os><type>hvm</type></os>" })),
  ],
  [
    "no os",
    [27, "XML error: an os <type> must be specified"],
    "domainDefineXml",
    define(domainText(4, { body: "<memory>65536</memory>" })),
  ],
  [
    "another root",
    [27, "XML error: expecting root element of 'domain', not 'network'"],
    "domainDefineXml",
    define("<network/>"),
  ],
  [
    "start without its network",
    [43, "Network not found: no network with matching name 'ct-truth-1'"],
    "domainCreate",
    onDomain(D1),
  ],
  ["destroy what is off", OFF, "domainDestroy", onDomain(D1)],
  ["shut down what is off", OFF, "domainShutdown", onDomain(D1)],
  ["suspend what is off", OFF, "domainSuspend", onDomain(D1)],
  ["resume what is off", OFF, "domainResume", onDomain(D1)],
  ["reboot what is off", OFF, "domainReboot", onDomain(D1, (a) => a.u32(0))],
  ["addresses of what is off", OFF, "domainInterfaceAddresses", onDomain(D1, (a) => a.u32(0).u32(0))],
  [
    "the console of what is off",
    OFF,
    "domainOpenConsole",
    onDomain(D1, (a) => a.optionalString(undefined).u32(0)),
  ],
  ["attach to what is off, live", OFF, "domainAttachDeviceFlags", device(D1, nic("52:54:00:ad:00:02"), LIVE)],
  ["attach to what is off, both", OFF, "domainAttachDeviceFlags", device(D1, nic("52:54:00:ad:00:02"), BOTH)],
  [
    "a device that nobody knows",
    [67, "unsupported configuration: unknown device type 'foo'"],
    "domainAttachDeviceFlags",
    device(D1, "<foo/>", CONFIG),
  ],
  [
    "detach a NIC that is not there",
    [
      99,
      "device not found: no device found at address '(<null>)' matching MAC address '52:54:00:ad:00:99' and alias '(<null>)'",
    ],
    "domainDetachDeviceFlags",
    device(D1, nic("52:54:00:ad:00:99"), CONFIG),
  ],
  [
    "detach a disk that is not there",
    [99, "device not found: no target device vdz"],
    "domainDetachDeviceFlags",
    device(
      D1,
      "<disk type='file' device='disk'><source file='/x'/><target dev='vdz' bus='virtio'/></disk>",
      CONFIG,
    ),
  ],
  [
    "more memory than the most",
    [8, "invalid argument: cannot set memory higher than max memory"],
    "domainSetMemoryFlags",
    onDomain(D1, (a) => a.u64(99_999).u32(CONFIG)),
  ],
  [
    "a higher most of memory",
    "ok",
    "domainSetMemoryFlags",
    onDomain(D1, (a) => a.u64(32_768).u32(CONFIG | MAXIMUM)),
  ],
  [
    "no memory at all",
    [8, "memory in virDomainSetMemoryFlags must not be zero"],
    "domainSetMemoryFlags",
    onDomain(D1, (a) => a.u64(0).u32(CONFIG)),
  ],
  [
    "more vcpus than the most",
    [
      8,
      "invalid argument: requested vcpus is greater than max allowable vcpus for the persistent domain: 4 > 1",
    ],
    "domainSetVcpusFlags",
    onDomain(D1, (a) => a.u32(4).u32(CONFIG)),
  ],
  [
    "a higher most of vcpus, live",
    [8, "Flag 'VIR_DOMAIN_AFFECT_CONFIG' is required by flag 'VIR_DOMAIN_VCPU_MAXIMUM'"],
    "domainSetVcpusFlags",
    onDomain(D1, (a) => a.u32(4).u32(LIVE | MAXIMUM)),
  ],
  [
    "metadata without a key",
    [8, "key in virDomainSetMetadata must not be NULL"],
    "domainSetMetadata",
    metadata(D1, "<a/>", undefined, CONFIG),
  ],
  ["metadata of what is off, live", OFF, "domainSetMetadata", metadata(D1, "<a/>", "k", LIVE)],
  ["metadata", "ok", "domainSetMetadata", metadata(D1, "<a b='1'><c/></a>", "k", CONFIG)],
  ["remove metadata", "ok", "domainSetMetadata", metadata(D1, undefined, undefined, CONFIG)],
  [
    "metadata that is gone",
    [80, "metadata not found: Requested metadata element is not present"],
    "domainGetMetadata",
    onDomain(D1, (a) => a.i32(2).optionalString("urn:ct").u32(CONFIG)),
  ],
  ["start", "ok", "domainCreate", onDomain(D2)],
  ["start again", invalid("domain is already running"), "domainCreate", onDomain(D2)],
  ["resume what runs", invalid("domain is already running"), "domainResume", onDomain(D2)],
  ["suspend", "ok", "domainSuspend", onDomain(D2)],
  ["suspend again", "ok", "domainSuspend", onDomain(D2)],
  ["resume", "ok", "domainResume", onDomain(D2)],
  [
    "attach, live, to a network that is not there",
    [43, "Network not found: no network with matching name 'ct-none'"],
    "domainAttachDeviceFlags",
    device(D2, nic("52:54:00:ad:00:03", "ct-none"), LIVE),
  ],
  [
    "a higher most of memory, live",
    invalid("cannot resize the maximum memory on an active domain"),
    "domainSetMemoryFlags",
    onDomain(D2, (a) => a.u64(99_999).u32(LIVE | MAXIMUM)),
  ],
  [
    "addresses from an agent that is not there",
    [74, "argument unsupported: QEMU guest agent is not configured"],
    "domainInterfaceAddresses",
    onDomain(D2, (a) => a.u32(1).u32(0)),
  ],
  [
    "resize a disk that is not there",
    [8, "invalid argument: disk 'vdx' was not found in the domain config"],
    "domainBlockResize",
    onDomain(D2, (a) =>
      a
        .string("vdx")
        .u64(1 << 20)
        .u32(1),
    ),
  ],
  [
    "a console that is not there",
    [1, "internal error: cannot find character device zzz"],
    "domainOpenConsole",
    onDomain(D2, (a) => a.optionalString("zzz").u32(0)),
  ],
  [
    "keep and delete nvram",
    invalid("cannot both keep and delete nvram"),
    "domainUndefineFlags",
    onDomain(D2, (a) => a.u32(4 | 8)),
  ],
  ["undefine what runs", "ok", "domainUndefineFlags", onDomain(D2, (a) => a.u32(0))],
  [
    "undefine it again",
    invalid("cannot undefine transient domain"),
    "domainUndefineFlags",
    onDomain(D2, (a) => a.u32(0)),
  ],
  [
    "start a transient one with the host",
    invalid("cannot set autostart for transient domain"),
    "domainSetAutostart",
    onDomain(D2, (a) => a.i32(1)),
  ],
  [
    "attach to a transient one's config",
    invalid("transient domains do not have any persistent config"),
    "domainAttachDeviceFlags",
    device(D2, nic("52:54:00:ad:00:04"), CONFIG),
  ],
  ["destroy it", "ok", "domainDestroy", onDomain(D2)],
  [
    "look at it",
    [42, `Domain not found: no domain with matching uuid '${uuid(2)}' (ct-truth-2)`],
    "domainGetState",
    onDomain(D2, (a) => a.u32(0)),
  ],
];

const IP =
  "<ip address='192.168.77.1' netmask='255.255.255.0'><dhcp><range start='192.168.77.100' end='192.168.77.200'/></dhcp></ip>";
const ACTIVE_ENTRY = (xml: string) =>
  invalid(`there is an existing dhcp host entry in network 'ct-truth-1' that matches "${xml}"`);
const NETWORKS: Row[] = [
  [
    "no network of a name",
    [43, "Network not found: no network with matching name 'ct-gone'"],
    "networkLookupByName",
    define("ct-gone"),
  ],
  ["define", "ok", "networkDefineXml", define(networkText(1, `<bridge name='cttr1'/>${IP}`))],
  ["define without an address", "ok", "networkDefineXml", define(networkText(2, "<bridge name='cttr2'/>"))],
  [
    "its name under another uuid",
    [9, `operation failed: network 'ct-truth-1' already exists with uuid ${uuid(1)}`],
    "networkDefineXml",
    define(networkText(3, "", "ct-truth-1")),
  ],
  [
    "its uuid under another name",
    [9, `operation failed: network 'ct-truth-1' is already defined with uuid ${uuid(1)}`],
    "networkDefineXml",
    define(networkText(1, "", "ct-other")),
  ],
  [
    "its bridge",
    [1, "internal error: bridge name 'cttr1' already in use."],
    "networkDefineXml",
    define(networkText(3, "<bridge name='cttr1'/>")),
  ],
  ["no name", [21, "missing name information"], "networkDefineXml", define("<network/>")],
  [
    "an unknown mode",
    [67, "unsupported configuration: unknown forwarding type 'zz'"],
    "networkDefineXml",
    define(networkText(3, "<forward mode='zz'/>")),
  ],
  [
    "a bad address",
    [27, "XML error: Invalid address '10.300.0.1' in network 'ct-truth-3'"],
    "networkDefineXml",
    define(networkText(3, "<ip address='10.300.0.1' netmask='255.255.255.0'/>")),
  ],
  [
    "a range outside",
    [1, "internal error: range 10.4.0.1 - 10.4.0.3 is not entirely within network 10.3.0.1/24"],
    "networkDefineXml",
    define(
      networkText(
        3,
        "<ip address='10.3.0.1' prefix='24'><dhcp><range start='10.4.0.1' end='10.4.0.3'/></dhcp></ip>",
      ),
    ),
  ],
  ["destroy what is off", invalid("network 'ct-truth-1' is not active"), "networkDestroy", onNetwork(N1)],
  [
    "update what is off, live",
    invalid("network is not running"),
    "networkUpdate",
    update(N1, 3, 4, host("52:54:00:ad:00:01", "a", "192.168.77.5"), LIVE),
  ],
  [
    "update what is off, both",
    invalid("network is not running"),
    "networkUpdate",
    update(N1, 3, 4, host("52:54:00:ad:00:01", "a", "192.168.77.5")),
  ],
  [
    "a reservation without an address range",
    invalid("couldn't update dhcp host entry - no <ip> element found in network 'ct-truth-2'"),
    "networkUpdate",
    update(N2, 3, 4, host("52:54:00:ad:00:01", "a", "192.168.77.5"), CONFIG),
  ],
  ["start", "ok", "networkCreate", onNetwork(N1)],
  ["start again", invalid("network is already active"), "networkCreate", onNetwork(N1)],
  ["add", "ok", "networkUpdate", update(N1, 3, 4, host("52:54:00:ad:00:01", "a", "192.168.77.5"))],
  [
    "add again",
    ACTIVE_ENTRY(host("52:54:00:ad:00:01", "a", "192.168.77.5")),
    "networkUpdate",
    update(N1, 3, 4, host("52:54:00:ad:00:01", "a", "192.168.77.5")),
  ],
  [
    "add another under its name",
    ACTIVE_ENTRY(host("52:54:00:ad:00:02", "a", "192.168.77.6")),
    "networkUpdate",
    update(N1, 3, 4, host("52:54:00:ad:00:02", "a", "192.168.77.6")),
  ],
  [
    "add another under its address",
    ACTIVE_ENTRY(host("52:54:00:ad:00:02", "b", "192.168.77.5")),
    "networkUpdate",
    update(N1, 3, 4, host("52:54:00:ad:00:02", "b", "192.168.77.5")),
  ],
  [
    "modify with an unknown MAC and its address",
    "ok",
    "networkUpdate",
    update(N1, 1, 4, host("52:54:00:ad:00:09", "z", "192.168.77.5")),
  ],
  [
    "modify what nothing matches",
    invalid(
      `couldn't locate an existing dhcp host entry with "mac='52:54:00:ad:00:77'" "name='q'" "ip='192.168.77.9'" in network 'ct-truth-1'`,
    ),
    "networkUpdate",
    update(N1, 1, 4, host("52:54:00:ad:00:77", "q", "192.168.77.9")),
  ],
  ["delete", "ok", "networkUpdate", update(N1, 2, 4, host("52:54:00:ad:00:09", "z", "192.168.77.5"))],
  [
    "delete again",
    invalid("couldn't locate a matching dhcp host entry in network 'ct-truth-1'"),
    "networkUpdate",
    update(N1, 2, 4, host("52:54:00:ad:00:09", "z", "192.168.77.5")),
  ],
  [
    "a reservation without an address",
    [27, "XML error: Missing IP address in static host definition for network 'ct-truth-1'"],
    "networkUpdate",
    update(N1, 3, 4, "<host mac='52:54:00:ad:00:01' name='a'/>"),
  ],
  [
    "another element",
    [27, "XML error: unexpected element <foo>, expecting <host>, while updating network 'ct-truth-1'"],
    "networkUpdate",
    update(N1, 3, 4, "<foo/>"),
  ],
  [
    "modify a range",
    [84, "Operation not supported: dhcp ranges cannot be modified, only added or deleted"],
    "networkUpdate",
    update(N1, 1, 5, "<range start='192.168.77.100' end='192.168.77.200'/>"),
  ],
  [
    "delete a range that is not there",
    invalid("couldn't locate a matching dhcp range entry in network 'ct-truth-1'"),
    "networkUpdate",
    update(N1, 2, 5, "<range start='192.168.77.210' end='192.168.77.220'/>"),
  ],
  [
    "the bridge",
    [84, "Operation not supported: can't update 'bridge' section of network 'ct-truth-1'"],
    "networkUpdate",
    update(N1, 1, 1, "<bridge name='x'/>"),
  ],
  [
    "no section at all",
    [84, "Operation not supported: can't update unrecognized section of network"],
    "networkUpdate",
    update(N1, 1, 99, "<x/>"),
  ],
  [
    "leases of a bad MAC",
    [44, "invalid MAC address: zz"],
    "networkGetDhcpLeases",
    onNetwork(N1, (a) => a.optionalString("zz").i32(1).u32(0)),
  ],
  [
    "leases of what is off",
    "ok",
    "networkGetDhcpLeases",
    onNetwork(N2, (a) => a.optionalString(undefined).i32(1).u32(0)),
  ],
  ["undefine what runs", "ok", "networkUndefine", onNetwork(N1)],
  [
    "start a transient one with the host",
    invalid("cannot set autostart for transient network"),
    "networkSetAutostart",
    onNetwork(N1, (a) => a.i32(1)),
  ],
  ["destroy it", "ok", "networkDestroy", onNetwork(N1)],
  [
    "look at it",
    [43, `Network not found: no network with matching uuid '${uuid(1)}' (ct-truth-1)`],
    "networkIsActive",
    onNetwork(N1),
  ],
];

const POOL = { name: "ct-truth-pool", uuid: uuid(50) };
const onPool =
  (more: Write = () => {}) =>
  (args: XdrWriter) =>
    more(writePool(args, POOL));
const onVolume =
  (path: string, name: string, more: Write = () => {}) =>
  (args: XdrWriter) =>
    more(writeVolume(args, { pool: POOL.name, name, key: join(path, name) }));
const storage = (path: string): Row[] => {
  const pool =
    (name: string, at: string, id = uuid(50)) =>
    (args: XdrWriter) =>
      args
        .string(
          `<pool type='dir'><name>${name}</name><uuid>${id}</uuid><target><path>${at}</path></target></pool>`,
        )
        .u32(0);
  const volume = (xml: string) => onPool((args) => args.string(`<volume>${xml}</volume>`).u32(0));
  const SIZE = "<capacity unit='MiB'>1</capacity><allocation>0</allocation>";
  const notActive = invalid(`storage pool '${POOL.name}' is not active`);
  const stillActive = invalid(`storage pool '${POOL.name}' is still active`);
  const noVolume: [number, string] = [
    50,
    "Storage volume not found: no storage vol with matching name 'gone'",
  ];
  const u32 = (args: XdrWriter) => args.u32(0);
  return [
    [
      "no pool of a name",
      [49, "Storage pool not found: no storage pool with matching name 'ct-gone'"],
      "poolLookupByName",
      define("ct-gone"),
    ],
    ["define", "ok", "poolDefineXml", pool(POOL.name, path)],
    [
      "its name under another uuid",
      [9, `operation failed: pool '${POOL.name}' already exists with uuid ${uuid(50)}`],
      "poolDefineXml",
      pool(POOL.name, path, uuid(51)),
    ],
    [
      "its folder",
      [9, `operation failed: Storage source conflict with pool: '${POOL.name}'`],
      "poolDefineXml",
      pool("ct-truth-pool2", path, uuid(51)),
    ],
    [
      "no folder",
      [27, "XML error: missing storage pool target path"],
      "poolDefineXml",
      (a) => a.string("<pool type='dir'><name>ct-p</name></pool>").u32(0),
    ],
    [
      "start before it is built",
      [38, `cannot open directory '${path}': No such file or directory`],
      "poolCreate",
      onPool(u32),
    ],
    ["its volumes while it is off", notActive, "poolListAllVolumes", onPool((a) => a.i32(1).u32(0))],
    ["a new volume while it is off", notActive, "volumeCreateXml", volume(`<name>a</name>${SIZE}`)],
    ["stop it while it is off", notActive, "poolDestroy", onPool()],
    ["build", "ok", "poolBuild", onPool(u32)],
    ["build again", "ok", "poolBuild", onPool(u32)],
    ["start", "ok", "poolCreate", onPool(u32)],
    ["start again", invalid(`storage pool '${POOL.name}' is already active`), "poolCreate", onPool(u32)],
    ["undefine what runs", stillActive, "poolUndefine", onPool()],
    ["delete what runs", stillActive, "poolDelete", onPool(u32)],
    ["a volume", "ok", "volumeCreateXml", volume(`<name>a</name>${SIZE}`)],
    [
      "a volume of its name",
      [90, "storage volume 'a' exists already"],
      "volumeCreateXml",
      volume(`<name>a</name>${SIZE}`),
    ],
    [
      "a volume without a name",
      [27, "XML error: missing volume name element"],
      "volumeCreateXml",
      volume(SIZE),
    ],
    [
      "a volume without a size",
      [27, "XML error: missing capacity element"],
      "volumeCreateXml",
      volume("<name>b</name>"),
    ],
    [
      "a volume of an unknown format",
      [67, "unsupported configuration: unknown volume format type zz"],
      "volumeCreateXml",
      volume(`<name>b</name>${SIZE}<target><format type='zz'/></target>`),
    ],
    [
      "a volume outside",
      invalid("volume name '../b' cannot contain '/'"),
      "volumeCreateXml",
      volume(`<name>../b</name>${SIZE}`),
    ],
    [
      "an overlay of nothing",
      [38, `inaccessible backing store volume ${path}/none: No such file or directory`],
      "volumeCreateXml",
      volume(
        `<name>b</name>${SIZE}<target><format type='qcow2'/></target><backingStore><path>${path}/none</path><format type='qcow2'/></backingStore>`,
      ),
    ],
    [
      "a size in potatoes",
      [8, "invalid argument: unknown suffix 'zz'"],
      "volumeCreateXml",
      volume("<name>b</name><capacity unit='zz'>1</capacity>"),
    ],
    ["no volume of a name", noVolume, "volumeLookupByName", onPool((a) => a.string("gone"))],
    [
      "no volume of a path",
      [50, "Storage volume not found: no storage vol with matching path '/gone'"],
      "volumeLookupByPath",
      define("/gone"),
    ],
    [
      "no volume of a key",
      [50, "Storage volume not found: no storage vol with matching key /gone"],
      "volumeLookupByKey",
      define("/gone"),
    ],
    ["info of what is gone", noVolume, "volumeGetInfo", onVolume(path, "gone")],
    ["delete what is gone", noVolume, "volumeDelete", onVolume(path, "gone", u32)],
    ["grow", "ok", "volumeResize", onVolume(path, "a", (a) => a.u64(2 << 20).u32(0))],
    [
      "shrink",
      [
        8,
        "invalid argument: Can't shrink capacity below current capacity unless shrink flag explicitly specified",
      ],
      "volumeResize",
      onVolume(path, "a", (a) => a.u64(1 << 20).u32(0)),
    ],
    ["stop", "ok", "poolDestroy", onPool()],
    [
      "delete with something in it",
      [38, `failed to remove pool '${path}': Directory not empty`],
      "poolDelete",
      onPool(u32),
    ],
    ["start anew", "ok", "poolCreate", onPool(u32)],
    ["delete the volume", "ok", "volumeDelete", onVolume(path, "a", u32)],
    ["stop anew", "ok", "poolDestroy", onPool()],
    ["delete", "ok", "poolDelete", onPool(u32)],
    [
      "delete again",
      [38, `failed to remove pool '${path}': No such file or directory`],
      "poolDelete",
      onPool(u32),
    ],
    ["undefine", "ok", "poolUndefine", onPool()],
    [
      "undefine again",
      [49, `Storage pool not found: no storage pool with matching uuid '${uuid(50)}' (${POOL.name})`],
      "poolUndefine",
      onPool(),
    ],
  ];
};

/**
 * What libvirt says yes and no to, word for word: run on the real one to know that the table is true, and on the
 * embedded lab to know that it says the same.
 */
export function truthContract(name: string, start: () => Promise<LibvirtSystem>): void {
  describe(`what ${name} answers`, () => {
    let system: LibvirtSystem;
    let rpc: RpcConnection;
    let client: LibvirtClient;
    beforeAll(async () => {
      system = await start();
      rpc = await connectRpc(system);
      client = await connectLibvirt(system.uri);
    });
    afterAll(async () => {
      rpc?.destroy("the test is over");
      await client?.close();
      if (!system) return;
      await sweep(system);
      await system.stop();
    });

    const run = async (rows: Row[]) => {
      const answers: unknown[] = [];
      for (const [title, , procedure, write] of rows) {
        const answer = await rpc.call(procedure, encode(write)).then(
          () => "ok",
          (error: Error) => (error instanceof LibvirtError ? [error.code, error.message] : String(error)),
        );
        answers.push([title, answer]);
      }
      expect(answers).toEqual(rows.map(([title, answer]) => [title, answer]));
    };

    it("is this of domains", () => run(DOMAINS));
    it("is this of networks", () => run(NETWORKS));
    it("is this of pools and volumes", () => run(storage(join(system.folder, "ct-truth-pool"))));

    it("is an image's format, once there is one in a volume", async () => {
      const pool = await makePool(client, system);
      const iso = writeIso("cidata", [{ name: "user-data", data: Buffer.from("x") }]);
      const volume = await makeVolume(client, pool, iso.length);
      await client.volumeUpload(volume, Readable.from([iso]), iso.length);
      await client.poolRefresh(pool);
      expect(await client.volumeXml(volume)).toContain("<format type='iso'/>");
      expect(await client.volumeInfo(volume)).toMatchObject({ capacity: BigInt(iso.length) });
    });
  });
}
