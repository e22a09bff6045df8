import * as os from "node:os";
import { SyntaxRefusal } from "../errors";
import type { Call } from "../interpreter";
import { has, parseOptions } from "../options";
import { OS_TYPES } from "../store/defaults";
import type { VirtualBox } from "../store/virtualbox";
import { dhcpBlock } from "./dhcp";
import { mediumLines } from "./medium-info";
import { natBlock } from "./nat-network";
import { isRunning } from "./show";
import { humanInfo } from "./show-human";
import { SYSTEM_PROPERTIES } from "./system-properties";

type Lister = (virtualBox: VirtualBox, long: boolean, sorted: boolean) => string[];

export function list({ virtualBox, session, args }: Call): void {
  const parsed = parseOptions(
    args,
    [
      { names: ["--long", "-l"], value: "none" },
      { names: ["--sorted", "-s"], value: "none" },
      { names: ["--platform-arch", "-p"] },
    ],
    { command: "list" },
  );
  const unknown = parsed.words.find((word) => !(word in LISTERS));
  if (unknown !== undefined) throw new SyntaxRefusal(`Unknown subcommand "${unknown}".`, "list");
  for (const word of parsed.words)
    session.out(...(LISTERS[word]?.(virtualBox, has(parsed, "--long"), has(parsed, "--sorted")) ?? []));
}

const machines = (vms: ReturnType<VirtualBox["list"]>, sorted: boolean) =>
  sorted ? [...vms].sort((a, b) => (a.name < b.name ? -1 : 1)) : vms;

const vms =
  (choose: (virtualBox: VirtualBox) => ReturnType<VirtualBox["list"]>): Lister =>
  (virtualBox, long, sorted) =>
    machines(choose(virtualBox), sorted).flatMap((vm) =>
      long ? humanInfo(virtualBox, vm) : [`"${vm.name}" {${vm.uuid}}`],
    );

const media =
  (kind: "disk" | "dvd"): Lister =>
  (virtualBox, long) =>
    virtualBox.media.tree(kind).flatMap((medium) => [...mediumLines(virtualBox, medium, long), ""]);

const nat: Lister = (virtualBox, long) =>
  virtualBox.natNetworks().flatMap((network) => [...natBlock(network, long), ""]);

const LISTERS: Record<string, Lister> = {
  vms: vms((virtualBox) => virtualBox.list()),
  runningvms: vms((virtualBox) => virtualBox.list().filter(isRunning)),
  hdds: media("disk"),
  dvds: media("dvd"),
  floppies: () => [],
  natnets: nat,
  natnetworks: nat,
  dhcpservers: (virtualBox) =>
    virtualBox.dhcpServers().flatMap((server, index) => [...(index > 0 ? [""] : []), ...dhcpBlock(server)]),
  hostonlyifs: (virtualBox) => virtualBox.hostOnlyInterfaces().flatMap(hostOnlyBlock),
  bridgedifs: () => bridged(),
  intnets: (virtualBox) =>
    [
      ...new Set(
        virtualBox
          .list()
          .flatMap((vm) => vm.hardware.nics.filter((nic) => nic.type === "intnet").map((nic) => nic.intnet)),
      ),
    ].map((name) => `Name:        ${name}`),
  systemproperties: (virtualBox) =>
    SYSTEM_PROPERTIES.map((line) =>
      line.startsWith("Default machine folder:")
        ? `Default machine folder:          ${virtualBox.machineFolder}`
        : line,
    ),
  ostypes: () =>
    Object.entries(OS_TYPES).flatMap(([id, description]) => [
      `ID:           ${id}`,
      `Description:  ${description}`,
      `Family:       ${id.startsWith("Windows") ? "Windows" : id.startsWith("Other") ? "Other" : "Linux"}`,
      `Architecture: ${id.endsWith("_64") ? "x86 (64-bit)" : "x86 (32-bit)"}`,
      "",
    ]),
  extpacks: () => ["Extension Packs: 0"],
  groups: (virtualBox) =>
    [...new Set(["/", ...virtualBox.list().map((vm) => vm.group)])].map((group) => `"${group}"`),
};

const hostOnlyBlock = (one: ReturnType<VirtualBox["hostOnlyInterfaces"]>[number]): string[] => [
  `Name:            ${one.name}`,
  `GUID:            ${one.uuid}`,
  "DHCP:            Disabled",
  `IPAddress:       ${one.ip}`,
  `NetworkMask:     ${one.netmask}`,
  "IPV6Address:     ",
  "IPV6NetworkMaskPrefixLength: 0",
  `HardwareAddress: ${one.mac}`,
  "MediumType:      Ethernet",
  "Wireless:        No",
  `Status:          ${one.ip === "0.0.0.0" ? "Down" : "Up"}`,
  `VBoxNetworkName: HostInterfaceNetworking-${one.name}`,
  "",
];

/** The host's own cards. */
function bridged(): string[] {
  return Object.entries(os.networkInterfaces())
    .filter(([, addresses]) => addresses?.some((one) => !one.internal))
    .flatMap(([name, addresses = []]) => {
      const ipv4 = addresses.find((one) => one.family === "IPv4");
      const mac = addresses[0]?.mac ?? "00:00:00:00:00:00";
      return [
        `Name:            ${name}`,
        `GUID:            ${guid(name, mac)}`,
        "DHCP:            Disabled",
        `IPAddress:       ${ipv4?.address ?? "0.0.0.0"}`,
        `NetworkMask:     ${ipv4?.netmask ?? "0.0.0.0"}`,
        "IPV6Address:     ",
        "IPV6NetworkMaskPrefixLength: 0",
        `HardwareAddress: ${mac}`,
        "MediumType:      Ethernet",
        "Wireless:        No",
        "Status:          Up",
        `VBoxNetworkName: HostInterfaceNetworking-${name}`,
        "",
      ];
    });
}

/** VirtualBox makes it of the interface's name and MAC. */
export function guid(name: string, mac: string): string {
  const letters = Buffer.from(name.padEnd(4, "\0")).subarray(0, 4).toString("hex");
  return `${letters}-0000-4000-8000-${mac.replaceAll(":", "")}`;
}
