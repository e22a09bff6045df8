import * as net from "node:net";
import { bare, type Context, com, context, FROM, Refusal, SyntaxRefusal, said } from "../errors";
import { hostAt } from "../guest-hardware";
import type { Call } from "../interpreter";
import { type GivenOption, has, type OptionSpec, optionOf, type Parsed, parseOptions } from "../options";
import type { Forward, NatNetwork } from "../store/types";

const FILE = "NATNetwork";
const OPTIONS: OptionSpec[] = [
  { names: ["--netname", "-t"] },
  { names: ["--network", "-n"] },
  { names: ["--dhcp", "-h"], value: "switch" },
  { names: ["--ipv6", "-6"], value: "switch" },
  { names: ["--port-forward-4", "-p"] },
  { names: ["--port-forward-6", "-P"] },
  { names: ["--loopback-4", "-l"] },
  { names: ["--loopback-6", "-L"] },
  { names: ["--enable", "-e"], value: "none" },
  { names: ["--disable", "-d"], value: "none" },
];
const DELETE = "\u0000";

export function natNetwork({ virtualBox, session, args }: Call): void {
  const [action = "", ...rest] = args;
  if (!["add", "modify", "remove", "start", "stop", "list"].includes(action))
    throw new SyntaxRefusal(`Invalid parameter '${action}'`, "natnetwork", 2, true);
  const all = virtualBox.natNetworks();
  if (action === "list") {
    const shown = all.filter((one) => rest[0] === undefined || matches(rest[0], one.name));
    session.out("NAT Networks:", "", ...shown.flatMap((one) => [...natBlock(one, true), ""]));
    session.out(`${shown.length} ${shown.length === 1 ? "network" : "networks"} found`);
    return;
  }
  const parsed = parseOptions(joinDeletes(rest), OPTIONS, { command: "natnetwork" });
  const name = optionOf(parsed, "--netname");
  if (name === undefined) throw new SyntaxRefusal("You need to specify the --netname option", "natnetwork");
  const known = all.find((one) => one.name === name);
  if (action === "add") {
    const cidr = optionOf(parsed, "--network");
    if (cidr === undefined) throw new SyntaxRefusal("You need to specify the --network option", "natnetwork");
    if (known) throw said("NATNetwork server already exists", 2);
    const network = newNetwork(name);
    // It is there from here on, whatever its settings are refused for.
    virtualBox.saveNatNetwork(network);
    configure(network, parsed);
    virtualBox.saveNatNetwork(network);
    return;
  }
  if (!known) throw said("NATNetwork server does not exist", 2);
  if (action === "remove") virtualBox.dropNatNetwork(name);
  else if (action === "modify") {
    const next = structuredClone(known);
    configure(next, parsed);
    virtualBox.saveNatNetwork(next);
  }
}

const matches = (pattern: string, name: string): boolean =>
  new RegExp(
    `^${pattern
      .replace(/[.+^${}()|[\]\\]/g, "\\$&")
      .replaceAll("*", ".*")
      .replaceAll("?", ".")}$`,
  ).test(name);

/** `--port-forward-4 delete NAME` has two words. */
function joinDeletes(words: string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (/^--port-forward-[46]$/.test(word) && words[at + 1] === "delete") {
      out.push(word, `${DELETE}${words[at + 2] ?? ""}`);
      at += 2;
    } else out.push(word);
  }
  return out;
}

const newNetwork = (name: string): NatNetwork => ({
  name,
  network: "10.0.2.0/24",
  enabled: true,
  dhcp: true,
  ipv6: false,
  forwards: [],
  loopback: [{ address: "127.0.0.1", offset: 2 }],
});

function configure(network: NatNetwork, parsed: Parsed): void {
  const rules = parsed.options.filter(({ name }) => name === "--port-forward-4");
  // Rules that cannot be read are refused before anything is written.
  const forwards = rules.map((option) => readRule(option));
  const cidr = optionOf(parsed, "--network");
  if (cidr !== undefined) {
    if (!isCidr(cidr)) {
      const at = context("COMSETTER(Network)(Bstr(pPrefixIPv4).raw())", 434, FILE);
      const text = `${cidr} is not a valid IPv4 CIDR notation`;
      const { lines } = com(text, "NS_ERROR_FAILURE", FROM.natNetwork, at);
      throw new Refusal([...lines, "Failed to set configuration"], 2);
    }
    network.forwards = network.forwards.map((one) => moved(one, network.network, cidr));
    network.network = cidr;
  }
  const dhcp = optionOf(parsed, "--dhcp");
  if (dhcp !== undefined) network.dhcp = dhcp === "on";
  const ipv6 = optionOf(parsed, "--ipv6");
  if (ipv6 !== undefined) network.ipv6 = ipv6 === "on";
  if (has(parsed, "--enable")) network.enabled = true;
  if (has(parsed, "--disable")) network.enabled = false;
  for (const option of parsed.options) {
    const [, address, offset] =
      option.name === "--loopback-4" ? (/^([\d.]+)=(\d+)$/.exec(option.value) ?? []) : [];
    if (address === undefined) continue;
    const others = network.loopback.filter((one) => one.address !== address);
    network.loopback = [...others, { address, offset: Number(offset) }];
  }
  // Deletions first, as VBoxManage sorts them.
  for (const name of forwards) if (typeof name === "string") removeRule(network, name);
  for (const forward of forwards) if (typeof forward !== "string") addRule(network, forward);
}

/** The guest of a rule keeps its place in the network. */
function moved(forward: Forward, from: string, to: string): Forward {
  const offset = toNumber(forward.guestIp) - toNumber(from);
  return { ...forward, guestIp: hostAt({ network: to }, offset) };
}
const toNumber = (address: string): number =>
  (address.split("/")[0] ?? "").split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0);

const isCidr = (text: string): boolean => {
  const [address = "", prefix = ""] = text.split("/");
  return net.isIPv4(address) && /^\d+$/.test(prefix) && Number(prefix) <= 32;
};

/** `name:tcp:[host]:port:[guest]:port`, or the name of a rule to remove. */
function readRule({ value }: GivenOption): Forward | string {
  if (value.startsWith(DELETE)) return value.slice(1);
  const [, name = "", protocol = "", hostIp = "", hostPort = "", guestIp = "", guestPort = ""] =
    /^([^:]*):(tcp|udp):\[([^\]]*)\]:(\d+):\[([^\]]*)\]:(\d+)$/.exec(value) ?? [];
  const isPort = (text: string): boolean => Number(text) <= 65535;
  if (!protocol || !isPort(hostPort) || !isPort(guestPort))
    throw new SyntaxRefusal(`Invalid port-forward rule ${value}`, "natnetwork");
  return {
    name,
    protocol: protocol as Forward["protocol"],
    hostIp,
    hostPort: Number(hostPort),
    guestIp,
    guestPort: Number(guestPort),
  };
}

const ADD: Context = context(
  "AddPortForwardRule((BOOL)(*it).fPfrIPv6, Bstr((*it).szPfrName).raw(), proto, Bstr((*it).szPfrHostAddr).raw(), (*it).u16PfrHostPort, Bstr((*it).szPfrGuestAddr).raw(), (*it).u16PfrGuestPort)",
  508,
  FILE,
);

function addRule(network: NatNetwork, forward: Forward): void {
  const refuse = (text: string): Refusal =>
    new Refusal([...com(text, "NS_ERROR_INVALID_ARG", FROM.natNetwork, ADD).lines, "Failed to add pf"], 2);
  if (network.forwards.some((one) => one.name === forward.name))
    throw refuse("A NAT rule of this name already exists");
  const same = (one: Forward): boolean =>
    one.protocol === forward.protocol && one.hostIp === forward.hostIp && one.hostPort === forward.hostPort;
  if (network.forwards.some(same))
    throw refuse("A NAT rule for this host port and this host IP already exists");
  network.forwards = [...network.forwards, forward].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function removeRule(network: NatNetwork, name: string): void {
  const at = context("RemovePortForwardRule((BOOL)(*it).fIPv6, Bstr((*it).szName).raw())", 488, FILE);
  if (!network.forwards.some((one) => one.name === name))
    throw new Refusal(
      [...bare("NS_ERROR_INVALID_ARG", "Invalid argument value", at), "Failed to delete pf"],
      2,
    );
  network.forwards = network.forwards.filter((one) => one.name !== name);
}

export function natBlock(network: NatNetwork, long: boolean): string[] {
  const yes = (value: boolean): string => (value ? "Yes" : "No");
  return [
    `Name:         ${network.name}`,
    ...(long ? [`Enabled:      ${yes(network.enabled)}`] : []),
    `Network:      ${network.network}`,
    `Gateway:      ${hostAt(network, 1)}`,
    `DHCP Server:  ${yes(network.dhcp)}`,
    `IPv6:         ${yes(network.ipv6)}`,
    "IPv6 Prefix:  fd17:625c:f037:2::/64",
    "IPv6 Default: No",
    ...(long && network.forwards.length > 0
      ? [
          "Port-forwarding (ipv4)",
          ...network.forwards.map(
            (one) =>
              `        ${one.name}:${one.protocol}:[${one.hostIp}]:${one.hostPort}:[${one.guestIp}]:${one.guestPort}`,
          ),
        ]
      : []),
    ...(long && network.loopback.length > 0
      ? ["loopback mappings (ipv4)", ...network.loopback.map((one) => `        ${one.address}=${one.offset}`)]
      : []),
  ];
}
