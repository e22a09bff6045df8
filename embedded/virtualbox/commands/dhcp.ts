import * as net from "node:net";
import { com, context, FROM, Refusal, SyntaxRefusal, said } from "../errors";
import type { Call } from "../interpreter";
import { type GivenOption, has, type OptionSpec, optionOf, type Parsed, parseOptions } from "../options";
import type { DhcpConfig, DhcpServer } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";

const FILE = "DHCPServer";
const OPTIONS: OptionSpec[] = [
  { names: ["--network", "--netname", "-n"] },
  { names: ["--interface", "--ifname", "-i"] },
  { names: ["--server-ip", "--ip", "-a"] },
  { names: ["--netmask", "-m"] },
  { names: ["--lower-ip", "--lowerip", "-l"] },
  { names: ["--upper-ip", "--upperip", "-u"] },
  { names: ["--enable", "-e"], value: "none" },
  { names: ["--disable", "-d"], value: "none" },
  { names: ["--global", "-g"], value: "none" },
  { names: ["--mac-address"] },
  { names: ["--vm"] },
  { names: ["--nic"], value: "number" },
  { names: ["--group"] },
  { names: ["--fixed-address"] },
  { names: ["--set-opt"] },
  { names: ["--set-opt-hex"] },
  { names: ["--del-opt"], value: "number" },
  { names: ["--force-opt"] },
  { names: ["--suppress-opt"] },
  { names: ["--min-lease-time"] },
  { names: ["--default-lease-time"] },
  { names: ["--max-lease-time"] },
  { names: ["--remove-config"], value: "none" },
];
const SECOND = "\u0000";

export function dhcpServer({ virtualBox, args }: Call): void {
  const [action = "", ...rest] = args;
  const parsed = parseOptions(joinOptions(rest), OPTIONS, { command: "dhcpserver" });
  const name = networkOf(virtualBox, parsed, action);
  if (!["add", "modify", "remove", "start", "restart", "stop", "findlease"].includes(action))
    throw new SyntaxRefusal(`Unknown sub-command '${action}'`, "dhcpserver");
  if (name === undefined)
    throw new SyntaxRefusal(
      "You need to specify either --network or --interface to identify the DHCP server",
      "dhcpserver",
    );
  const known = virtualBox.dhcpServers().find((one) => one.network === name);
  if (action === "remove") {
    if (!known) throw said(`Failed to find DHCP server for network '${name}'`);
    virtualBox.dropDhcpServer(name);
  } else if (action === "add") {
    add(virtualBox, name, known, parsed);
  } else if (action === "modify") {
    if (!known) throw said("DHCP server does not exist", 2);
    const next = structuredClone(known);
    setAddresses(next, parsed);
    configure(virtualBox, next, parsed.options);
    virtualBox.saveDhcpServer(next);
  } else if (!known) throw said(`Failed to find DHCP server for network '${name}'`);
}

/** `--set-opt 12 NAME` has two words. */
function joinOptions(words: string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    out.push(word);
    if (word === "--set-opt" || word === "--set-opt-hex") {
      out.push(`${words[at + 1] ?? ""}${SECOND}${words[at + 2] ?? ""}`);
      at += 2;
    }
  }
  return out;
}

function networkOf(virtualBox: VirtualBox, parsed: Parsed, action: string): string | undefined {
  const name = optionOf(parsed, "--interface");
  if (name === undefined) return optionOf(parsed, "--network");
  if (virtualBox.hostOnlyInterfaces().some((one) => one.name === name))
    return `HostInterfaceNetworking-${name}`;
  const [call, line, last, exit] =
    action === "add"
      ? ([
          "FindHostNetworkInterfaceByName(Bstr(pCtx->pszInterface).mutableRaw(), hif.asOutParam())",
          927,
          `Could not find interface '${name}'`,
          2,
        ] as const)
      : ([
          "FindHostNetworkInterfaceByName(bstrInterface.raw(), ptrIHostIf.asOutParam())",
          187,
          `Failed to locate host-only interface '${name}'`,
          1,
        ] as const);
  const text = `The host network interface named '${name}' could not be found`;
  const { lines } = com(text, "NS_ERROR_INVALID_ARG", FROM.host, context(call, line, FILE));
  throw new Refusal([...lines, last], exit);
}

function add(virtualBox: VirtualBox, name: string, known: DhcpServer | undefined, parsed: Parsed): void {
  const missing = [
    ["--server-ip", "--ip"],
    ["--netmask", "--netmask"],
    ["--lower-ip", "--lowerip"],
    ["--upper-ip", "--upperip"],
  ].filter(([option]) => !has(parsed, option ?? ""));
  const [first] = missing;
  if (first) throw new SyntaxRefusal(`Missing required option: ${first[1]}`, "dhcpserver", 2, true);
  if (known) throw said("DHCP server already exists", 2);
  const nobody = "0.0.0.0";
  const server: DhcpServer = {
    network: name,
    serverIp: nobody,
    netmask: nobody,
    lowerIp: nobody,
    upperIp: nobody,
    enabled: true,
    options: {},
    hosts: [],
  };
  // It is there from here on, also when its addresses are refused.
  virtualBox.saveDhcpServer(server);
  setAddresses(server, parsed);
  configure(virtualBox, server, parsed.options);
  virtualBox.saveDhcpServer(server);
}

function setAddresses(server: DhcpServer, parsed: Parsed): void {
  const next = {
    serverIp: optionOf(parsed, "--server-ip") ?? server.serverIp,
    netmask: optionOf(parsed, "--netmask") ?? server.netmask,
    lowerIp: optionOf(parsed, "--lower-ip") ?? server.lowerIp,
    upperIp: optionOf(parsed, "--upper-ip") ?? server.upperIp,
  };
  const { serverIp, netmask, lowerIp, upperIp } = next;
  const all = [serverIp, netmask, lowerIp, upperIp].join(", ");
  const refuse = (text: string): Refusal => {
    const at = context(
      "SetConfiguration(bstrServerIp.raw(), bstrNetmask.raw(), bstrLowerIp.raw(), bstrUpperIp.raw())",
      980,
      FILE,
    );
    const { lines } = com(text, "NS_ERROR_INVALID_ARG", FROM.dhcp, at);
    return new Refusal([...lines, `Failed to set configuration (${all})`], 2);
  };
  const inside = (address: string): boolean =>
    net.isIPv4(address) && masked(address, netmask) === masked(serverIp, netmask);
  if (!net.isIPv4(serverIp)) throw refuse(`Invalid server address: ${serverIp}`);
  if (!inside(lowerIp)) throw refuse(`Invalid range lower address: ${lowerIp} (mask ${netmask})`);
  if (!inside(upperIp)) throw refuse(`Invalid range upper address: ${upperIp} (mask ${netmask})`);
  Object.assign(server, next);
  if (has(parsed, "--enable")) server.enabled = true;
  if (has(parsed, "--disable")) server.enabled = false;
}

const toNumber = (address: string): number =>
  address.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);
const masked = (address: string, mask: string): number => (toNumber(address) & toNumber(mask)) >>> 0;

/** Options belong to the scope that was named last: all, or one card. */
function configure(virtualBox: VirtualBox, server: DhcpServer, options: GivenOption[]): void {
  let host: DhcpConfig | undefined;
  const of = (mac: string): DhcpConfig => {
    const found = server.hosts.find((one) => one.mac === mac);
    if (found) return found;
    const made: DhcpConfig = { mac, options: {} };
    server.hosts.push(made);
    return made;
  };
  for (const [index, { name, value }] of options.entries()) {
    const target = host?.options ?? server.options;
    if (name === "--global") host = undefined;
    else if (name === "--mac-address") host = of(readMac(value));
    else if (name === "--vm") {
      const { mac, card } = cardOf(virtualBox, value, options[index + 1]);
      host = of(mac);
      host.card = card;
    } else if (name === "--fixed-address" && host) {
      if (value === "") delete host.fixedAddress;
      else host.fixedAddress = value;
    } else if (name === "--set-opt") {
      const [number = "", text = ""] = value.split(SECOND);
      target[number] = text;
    } else if (name === "--del-opt") delete target[value];
    else if (name === "--remove-config" && host) {
      server.hosts = server.hosts.filter((one) => one !== host);
      host = undefined;
    }
  }
}

function readMac(text: string): string {
  const hex = text.replace(/[:-]/g, "").toLowerCase();
  if (!/^[0-9a-f]{12}$/.test(hex)) throw new SyntaxRefusal(`Invalid MAC address '${text}'`, "dhcpserver");
  return hex.match(/../g)?.join(":") ?? "";
}

function cardOf(
  virtualBox: VirtualBox,
  ref: string,
  next: GivenOption | undefined,
): { mac: string; card: { vm: string; slot: number } } {
  const at = context(
    "GetConfig(m_enmScope, Bstr(m_pszName).raw(), m_uSlot, 1 , m_ptrConfig.asOutParam())",
    279,
    FILE,
  );
  const vm = virtualBox.find(ref, at);
  const slot = next?.name === "--nic" ? Number(next.value) : 1;
  return { mac: readMac(vm.hardware.nics[slot - 1]?.mac ?? ""), card: { vm: vm.uuid, slot: slot - 1 } };
}

export function dhcpBlock(server: DhcpServer): string[] {
  const lease = [
    "    minLeaseTime:     default",
    "    defaultLeaseTime: default",
    "    maxLeaseTime:     default",
    "    Forced options:   None",
    "    Suppressed opts.: None",
  ];
  const options = (all: Record<string, string>): string[] =>
    Object.entries(all).map(([number, value]) => `${number.padStart(9)}/legacy: ${value}`);
  return [
    `NetworkName:    ${server.network}`,
    `Dhcpd IP:       ${server.serverIp}`,
    `LowerIPAddress: ${server.lowerIp}`,
    `UpperIPAddress: ${server.upperIp}`,
    `NetworkMask:    ${server.netmask}`,
    `Enabled:        ${server.enabled ? "Yes" : "No"}`,
    "Global Configuration:",
    ...lease,
    ...options({ "1": server.netmask, ...server.options }),
    "Groups:               None",
    ...(server.hosts.length === 0
      ? ["Individual Configs:   None"]
      : server.hosts.flatMap((host) => [
          `Individual Config:    ${host.card ? `VM NIC: ${host.card.vm} slot ${host.card.slot}, ` : ""}MAC ${host.mac}`,
          ...(host.fixedAddress === undefined ? [] : [`    Fixed Address:    ${host.fixedAddress}`]),
          ...lease,
          ...(Object.keys(host.options).length === 0
            ? ["    DHCP options:     None"]
            : options(host.options)),
        ])),
  ];
}
