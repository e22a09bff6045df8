import { contains, formatIpv4, parseIpv4, prefixOfMask, type Subnet } from "../address";
import { CODE, FROM, refuse } from "../errors";
import type { Invent } from "./domain";
import { uuidOf } from "./domain";
import { ORDER, sortChildren } from "./order";
import { all, copy, element, elements, first, parseXml, replaceChild, textOf, type XmlElement } from "./tree";

export const parseNetwork = (source: string): XmlElement => {
  const root = parseXml(source, "network_definition", FROM.network);
  if (root.name !== "network") {
    throw refuse(CODE.xml, FROM.network, `expecting root element of 'network', not '${root.name}'`);
  }
  return root;
};

const OWN_BRIDGE = [undefined, "nat", "route", "open"];
const MODES = [...OWN_BRIDGE, "bridge", "private", "vepa", "passthrough", "hostdev"];

export const modeOf = (network: XmlElement): string | undefined => {
  const forward = first(network, "forward");
  return forward && (forward.attributes.mode ?? "nat");
};
export const bridgeOf = (network: XmlElement): string | undefined =>
  first(network, "bridge")?.attributes.name;

/** The persistent definition as libvirt keeps it. `taken` tells whether another network has a bridge of that name. */
export function normaliseNetwork(
  given: XmlElement,
  invent: Invent,
  taken: (bridge: string) => boolean,
): XmlElement {
  const root = copy(given);
  delete root.attributes.connections;
  const name = textOf(root, "name");
  if (!name) throw refuse(CODE.noName, FROM.network, "missing name information");
  if (name.includes("/")) throw refuse(CODE.xml, FROM.network, `name ${name} cannot contain '/'`);
  const mode = modeOf(root);
  if (!MODES.includes(mode)) {
    throw refuse(CODE.configUnsupported, FROM.network, `unknown forwarding type '${mode}'`);
  }
  replaceChild(root, element("uuid", {}, [uuidOf(root) ?? invent.uuid()]));
  normaliseForward(root);
  if (OWN_BRIDGE.includes(mode)) normaliseBridge(root, taken, invent);
  for (const ip of all(root, "ip")) checkIp(ip, name);
  root.children = elements(root).filter((child) => (ORDER.network as readonly string[]).includes(child.name));
  sortChildren(root, ORDER.network);
  return root;
}

function normaliseForward(root: XmlElement): void {
  const forward = first(root, "forward");
  if (!forward) return;
  const { dev, mode = "nat", ...rest } = forward.attributes;
  forward.attributes = { ...(dev === undefined ? {} : { dev }), mode, ...rest };
  if (dev !== undefined && !first(forward, "interface")) forward.children.push(element("interface", { dev }));
}

function normaliseBridge(root: XmlElement, taken: (bridge: string) => boolean, invent: Invent): void {
  const given = first(root, "bridge")?.attributes ?? {};
  if (given.name !== undefined && taken(given.name)) {
    throw refuse(CODE.internal, FROM.network, `bridge name '${given.name}' already in use.`);
  }
  const name = given.name ?? freeBridge(taken);
  replaceChild(root, element("bridge", { stp: "on", delay: "0", ...given, name }));
  const bridge = first(root, "bridge");
  if (bridge) {
    const { stp, delay, name: _, ...rest } = bridge.attributes;
    bridge.attributes = { name, stp: stp ?? "on", delay: delay ?? "0", ...rest };
  }
  if (!first(root, "mac")) root.children.push(element("mac", { address: invent.mac() }));
}

function freeBridge(taken: (bridge: string) => boolean): string {
  for (let number = 0; ; number++) if (!taken(`virbr${number}`)) return `virbr${number}`;
}

function checkIp(ip: XmlElement, network: string): void {
  if ((ip.attributes.family ?? "ipv4") !== "ipv4") return;
  const subnet = subnetOf(ip);
  if (!subnet) {
    throw refuse(
      CODE.xml,
      FROM.network,
      `Invalid address '${ip.attributes.address}' in network '${network}'`,
    );
  }
  for (const range of all(first(ip, "dhcp"), "range")) checkRange(range, subnet);
  for (const host of all(first(ip, "dhcp"), "host")) checkHost(host, network);
}

export function checkRange(range: XmlElement, subnet: Subnet): void {
  const [from, to] = [range.attributes.start ?? "", range.attributes.end ?? ""];
  const [start, end] = [parseIpv4(from), parseIpv4(to)];
  if (start === undefined || end === undefined || !contains(subnet, start) || !contains(subnet, end)) {
    const inside = `${formatIpv4(subnet.address)}/${subnet.prefix}`;
    throw refuse(CODE.internal, FROM.none, `range ${from} - ${to} is not entirely within network ${inside}`);
  }
  if (start > end) {
    throw refuse(CODE.internal, FROM.none, `range ${from} - ${to} is reversed `);
  }
}

export function checkHost(host: XmlElement, network: string): void {
  if (!host.attributes.ip) {
    throw refuse(
      CODE.xml,
      FROM.network,
      `Missing IP address in static host definition for network '${network}'`,
    );
  }
}

/** Address and prefix of an `<ip>`; undefined when it is not a proper IPv4 one. */
export function subnetOf(ip: XmlElement): Subnet | undefined {
  const address = parseIpv4(ip.attributes.address ?? "");
  if (address === undefined) return undefined;
  const prefix = ip.attributes.prefix
    ? Number(ip.attributes.prefix)
    : prefixOfMask(ip.attributes.netmask ?? "");
  return prefix === undefined ? undefined : { address, prefix };
}

/** The `<ip>` elements of IPv4, in order. */
export const ipv4Of = (network: XmlElement): XmlElement[] =>
  all(network, "ip").filter((ip) => (ip.attributes.family ?? "ipv4") === "ipv4");
