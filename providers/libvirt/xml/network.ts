import type { Mark } from "../../core/definition";
import type { Lease, NetworkInputs } from "../network";
import { firstHost, netmaskOf, networkOf, prefixFrom, prefixOf } from "./address";
import { all, attribute, element, find, render, type XmlElement } from "./element";
import { withMark } from "./mark";
import { renderDefinition } from "./template";

/** libvirt's word for each of our modes; an isolated network has no `<forward>` at all. */
const FORWARD = { nat: "nat", routed: "route", bridge: "bridge", open: "open", isolated: undefined } as const;

const MODE = new Map<string | undefined, NetworkInputs["mode"]>(
  Object.entries(FORWARD).map(([mode, forward]) => [forward, mode as NetworkInputs["mode"]]),
);

/** The definition of a network, without our mark. */
export function networkElement(inputs: NetworkInputs): XmlElement {
  if (inputs.template !== undefined)
    return renderDefinition("network", inputs.template, templateVariables(inputs));
  const { mode, mtu, domain, forwardDevice, boot } = inputs;
  const isHostBridge = mode === "bridge";
  return element(
    "network",
    { [`xmlns:${DNSMASQ}`]: boot && DNSMASQ_NAMESPACE },
    element("name", {}, inputs.name),
    element("uuid", {}, inputs.uuid),
    FORWARD[mode] && element("forward", { mode: FORWARD[mode], dev: forwardDevice }),
    // The bridge is the network's own: no other bridge can make a loop with it, and without STP ports forward at
    // once instead of after 30 s (PXE clients give up before).
    element("bridge", isHostBridge ? { name: inputs.bridge } : { name: inputs.bridge, stp: "off", delay: 0 }),
    !isHostBridge && mtu !== undefined && element("mtu", { size: mtu }),
    !isHostBridge && domain !== undefined && element("domain", { name: domain, localOnly: "yes" }),
    !isHostBridge && ipv4Element(inputs),
    !isHostBridge && ipv6Element(inputs),
    boot && bootElement(boot),
  );
}

/** Options that libvirt's own elements cannot say go to dnsmasq's configuration as they are. */
const DNSMASQ = "dnsmasq";
const DNSMASQ_NAMESPACE = "http://libvirt.org/schemas/network/dnsmasq/1.0";
const IPXE_CLASS = "dhcp-userclass=set:ipxe,iPXE";
const IPXE_BOOT = "dhcp-boot=tag:ipxe,";

/**
 * libvirt's `<bootp>` would name the file to everyone, and an installer that is told of an http file takes it for its
 * preseed: only iPXE, known by its user class, is told.
 */
const bootElement = ({ url }: { url: string }): XmlElement =>
  element(
    `${DNSMASQ}:options`,
    {},
    ...[IPXE_CLASS, `${IPXE_BOOT}${url}`].map((value) => element(`${DNSMASQ}:option`, { value })),
  );

function readBoot(root: XmlElement): { url: string } | undefined {
  const options = all(find(root, `${DNSMASQ}:options`), `${DNSMASQ}:option`).map(
    (option) => attribute(option, "value") ?? "",
  );
  const boot = options.find((value) => value.startsWith(IPXE_BOOT));
  return boot !== undefined && options.includes(IPXE_CLASS)
    ? { url: boot.slice(IPXE_BOOT.length) }
    : undefined;
}

/** The definition with our mark, as sent to libvirt. */
export const renderNetwork = (inputs: NetworkInputs, mark: Mark): string =>
  render(withMark(networkElement(inputs), mark));

function ipv4Element({ cidr, gateway, dhcp, leases = [] }: NetworkInputs): XmlElement | undefined {
  if (cidr === undefined) return undefined;
  const serves = dhcp !== undefined || leases.length > 0;
  return element(
    "ip",
    { address: gateway ?? firstHost(cidr), prefix: prefixOf(cidr) },
    serves && element("dhcp", {}, dhcp && rangeElement(dhcp), ...leases.map(hostElement)),
  );
}

function ipv6Element({ ipv6 }: NetworkInputs): XmlElement | undefined {
  if (!ipv6) return undefined;
  return element("ip", { family: "ipv6", address: firstHost(ipv6.cidr), prefix: prefixOf(ipv6.cidr) });
}

export const rangeElement = ({ from, to }: { from: string; to: string }): XmlElement =>
  element("range", { start: from, end: to });

export const hostElement = ({ mac, ip, hostName }: Partial<Lease>): XmlElement =>
  element("host", { mac, name: hostName, ip });

/** What a network definition says, in the words of our inputs. */
export interface NetworkFacts {
  mode: NetworkInputs["mode"] | undefined;
  bridge: string | undefined;
  cidr: string | undefined;
  gateway: string | undefined;
  /** All IPv4 ranges; ours is one of them. */
  ranges: { from: string; to: string }[];
  /** All reservations, also those made by others, which may lack a part. */
  hosts: Partial<Lease>[];
  domain: string | undefined;
  mtu: number | undefined;
  forwardDevice: string | undefined;
  ipv6: { cidr: string } | undefined;
  /** Where iPXE alone is sent. */
  boot: { url: string } | undefined;
  /** Running domains that are plugged in (only in the live definition). */
  connections: number;
}

export function readNetwork(root: XmlElement): NetworkFacts {
  const forward = find(root, "forward");
  const ips = all(root, "ip");
  const ipv4 = ips.find((ip) => (attribute(ip, "family") ?? "ipv4") === "ipv4");
  const ipv6 = ips.find((ip) => attribute(ip, "family") === "ipv6");
  const mtu = attribute(find(root, "mtu"), "size");
  const cidr = cidrOf(ipv6);
  return {
    mode: MODE.get(attribute(forward, "mode") ?? (forward ? "nat" : undefined)),
    bridge: attribute(find(root, "bridge"), "name"),
    cidr: cidrOf(ipv4),
    gateway: attribute(ipv4, "address"),
    ranges: all(find(ipv4, "dhcp"), "range").map((range) => ({
      from: attribute(range, "start") ?? "",
      to: attribute(range, "end") ?? "",
    })),
    hosts: all(find(ipv4, "dhcp"), "host").map(readHost),
    domain: attribute(find(root, "domain"), "name"),
    mtu: mtu === undefined ? undefined : Number(mtu),
    forwardDevice: attribute(forward, "dev") ?? attribute(find(forward, "interface"), "dev"),
    ipv6: cidr === undefined ? undefined : { cidr },
    boot: readBoot(root),
    connections: Number(attribute(root, "connections") ?? 0),
  };
}

function readHost(host: XmlElement): Partial<Lease> {
  const { mac, ip, name } = host.attributes;
  return {
    ...(mac === undefined ? {} : { mac: mac.toLowerCase() }),
    ...(ip === undefined ? {} : { ip }),
    ...(name === undefined ? {} : { hostName: name }),
  };
}

function cidrOf(ip: XmlElement | undefined): string | undefined {
  const address = attribute(ip, "address");
  const prefix = prefixFrom(attribute(ip, "prefix"), attribute(ip, "netmask"));
  return address === undefined || prefix === undefined ? undefined : networkOf(address, prefix);
}

/** Every field by its name, absent ones too: a template may ask whether there is one. */
function templateVariables(inputs: NetworkInputs) {
  const { cidr, ipv6 } = inputs;
  return {
    gateway: cidr && firstHost(cidr),
    dhcp: undefined,
    leases: [],
    domain: undefined,
    mtu: undefined,
    forwardDevice: undefined,
    boot: undefined,
    ...inputs,
    cidr,
    prefix: cidr && prefixOf(cidr),
    netmask: cidr && netmaskOf(cidr),
    forward: FORWARD[inputs.mode],
    ipv6: ipv6 && { cidr: ipv6.cidr, address: firstHost(ipv6.cidr), prefix: prefixOf(ipv6.cidr) },
  };
}
