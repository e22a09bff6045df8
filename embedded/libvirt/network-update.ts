import {
  NETWORK_UPDATE_COMMAND as COMMAND,
  NETWORK_UPDATE_SECTION as SECTION,
} from "../../providers/libvirt/rpc/procedures";
import { CODE, FROM, refuse } from "./errors";
import { checkHost, checkRange, ipv4Of, subnetOf } from "./xml/network";
import { all, element, first, parseXml, printXml, text, textOf, type XmlElement } from "./xml/tree";

const FIXED_SECTIONS: Record<number, string> = {
  1: "bridge",
  2: "domain",
  3: "ip",
  6: "forward",
  7: "forward interface",
  8: "portgroup",
  9: "dns",
  11: "dns txt",
  12: "dns srv",
};

/** One virNetworkUpdate on one definition, with libvirt's refusals, in place. */
export function updateNetwork(
  network: XmlElement,
  command: number,
  section: number,
  parentIndex: number,
  xml: string,
): void {
  const name = textOf(network, "name") ?? "";
  if (section === SECTION["dhcp-host"]) {
    updateHost(network, name, command, ipFor(network, name, parentIndex, "host"), read(xml, "host", name));
  } else if (section === SECTION["dhcp-range"]) {
    updateRange(name, command, ipFor(network, name, parentIndex, "range"), read(xml, "range", name));
  } else if (section === SECTION["dns-host"]) {
    updateDns(network, name, command, read(xml, "host", name));
  } else {
    const fixed = FIXED_SECTIONS[section];
    throw refuse(
      CODE.operationUnsupported,
      FROM.network,
      fixed
        ? `can't update '${fixed}' section of network '${name}'`
        : "can't update unrecognized section of network",
    );
  }
}

function read(xml: string, expected: string, network: string): XmlElement {
  const root = parseXml(xml, "network_update_xml", FROM.network);
  if (root.name !== expected) {
    const detail = `unexpected element <${root.name}>, expecting <${expected}>, while updating network '${network}'`;
    throw refuse(CODE.xml, FROM.network, detail);
  }
  return root;
}

/** The `<ip>` that the change concerns: by index, else the first with DHCP, else the first. */
function ipFor(network: XmlElement, name: string, index: number, what: string): XmlElement {
  const addresses = ipv4Of(network);
  const chosen = index >= 0 ? addresses[index] : (addresses.find((ip) => first(ip, "dhcp")) ?? addresses[0]);
  if (!chosen) {
    const detail = `couldn't update dhcp ${what} entry - no <ip> element found in network '${name}'`;
    throw refuse(CODE.operationInvalid, FROM.network, detail);
  }
  return chosen;
}

function dhcpOf(ip: XmlElement): XmlElement {
  const there = first(ip, "dhcp");
  if (there) return there;
  const dhcp = element("dhcp");
  ip.children.push(dhcp);
  return dhcp;
}

const sameMac = (a: XmlElement, b: XmlElement): boolean =>
  a.attributes.mac !== undefined && a.attributes.mac.toLowerCase() === b.attributes.mac?.toLowerCase();
const same = (a: XmlElement, b: XmlElement, key: string): boolean =>
  a.attributes[key] !== undefined && a.attributes[key] === b.attributes[key];

function updateHost(_: XmlElement, name: string, command: number, ip: XmlElement, host: XmlElement): void {
  const dhcp = dhcpOf(ip);
  const hosts = all(dhcp, "host");
  // Any one field is enough to match: so a "modify" with an unknown MAC and a known address rewrites that entry.
  const touches = (other: XmlElement): boolean =>
    sameMac(other, host) || same(other, host, "ip") || same(other, host, "name");
  if (command === COMMAND.modify) {
    checkHost(host, name);
    const other = hosts.find(touches);
    if (!other) {
      const { mac, name: hostName, ip: address } = host.attributes;
      const detail = `couldn't locate an existing dhcp host entry with "mac='${mac}'" "name='${hostName}'" "ip='${address}'" in network '${name}'`;
      throw refuse(CODE.operationInvalid, FROM.network, detail);
    }
    dhcp.children[dhcp.children.indexOf(other)] = host;
  } else if (command === COMMAND.delete) {
    const fits = (key: string, other: XmlElement): boolean =>
      host.attributes[key] === undefined ||
      host.attributes[key]?.toLowerCase() === other.attributes[key]?.toLowerCase();
    const other = hosts.find((one) => fits("mac", one) && fits("ip", one) && fits("name", one));
    if (!other) missing(`couldn't locate a matching dhcp host entry in network '${name}'`);
    remove(ip, dhcp, other);
  } else {
    checkHost(host, name);
    if (hosts.some(touches)) exists("dhcp host", name, host);
    add(dhcp, host, command);
  }
}

function updateRange(name: string, command: number, ip: XmlElement, range: XmlElement): void {
  if (command === COMMAND.modify) {
    const detail = "dhcp ranges cannot be modified, only added or deleted";
    throw refuse(CODE.operationUnsupported, FROM.network, detail);
  }
  const dhcp = dhcpOf(ip);
  const equal = all(dhcp, "range").find((one) => same(one, range, "start") && same(one, range, "end"));
  if (command === COMMAND.delete) {
    if (!equal) missing(`couldn't locate a matching dhcp range entry in network '${name}'`);
    remove(ip, dhcp, equal);
    return;
  }
  if (equal) exists("dhcp range", name, range);
  const subnet = subnetOf(ip);
  if (subnet) checkRange(range, subnet);
  const before = dhcp.children.findLastIndex((node) => typeof node !== "string" && node.name === "range");
  dhcp.children.splice(command === COMMAND.addFirst ? 0 : before + 1, 0, range);
}

function updateDns(network: XmlElement, name: string, command: number, host: XmlElement): void {
  if (command === COMMAND.modify) {
    const detail = "DNS HOST records cannot be modified, only added or deleted";
    throw refuse(CODE.operationUnsupported, FROM.network, detail);
  }
  const dns = first(network, "dns") ?? element("dns");
  const names = (of: XmlElement): string[] => all(of, "hostname").map(text);
  const equal = all(dns, "host").find(
    (one) => same(one, host, "ip") || names(one).some((each) => names(host).includes(each)),
  );
  if (command === COMMAND.delete) {
    if (!equal) missing(`couldn't locate a matching DNS HOST record in network ${name}`);
    remove(network, dns, equal);
    return;
  }
  if (equal) {
    const detail = `there is already at least one DNS HOST record with a matching field in network ${name}`;
    throw refuse(CODE.operationInvalid, FROM.network, detail);
  }
  add(dns, host, command);
  if (!network.children.includes(dns)) {
    const before = network.children.findIndex((node) => typeof node !== "string" && node.name === "ip");
    network.children.splice(before < 0 ? network.children.length : before, 0, dns);
  }
}

function add(parent: XmlElement, child: XmlElement, command: number): void {
  if (command === COMMAND.addFirst) {
    const at = parent.children.findIndex((node) => typeof node !== "string" && node.name === child.name);
    parent.children.splice(at < 0 ? parent.children.length : at, 0, child);
  } else parent.children.push(child);
}

/** An element that is empty afterwards goes, too. */
function remove(grandparent: XmlElement, parent: XmlElement, child: XmlElement | undefined): void {
  parent.children = parent.children.filter((node) => node !== child);
  if (parent.children.length === 0) {
    grandparent.children = grandparent.children.filter((node) => node !== parent);
  }
}

function missing(detail: string): never {
  throw refuse(CODE.operationInvalid, FROM.network, detail);
}

function exists(what: string, network: string, entry: XmlElement): never {
  const shown = printXml(entry).trim();
  const detail = `there is an existing ${what} entry in network '${network}' that matches "${shown}"`;
  throw refuse(CODE.operationInvalid, FROM.network, detail);
}
