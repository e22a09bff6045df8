import * as ipaddr from "ipaddr.js";
import {
  type Fields,
  fieldsOf,
  given,
  isFields,
  listOf,
  logicalName,
  textOf,
  truthOf,
} from "../import/fields";
import type { Notes } from "../import/notes";
import type { LaasFile } from "./folder";
import { knownKeys } from "./keys";

const KNOWN = ["brAddr", "brName", "cidr", "dhcp", "forward", "name", "netmask"];

const DHCP = ["used", "rangeStart", "rangeEnd"];

const MODES: Record<string, string> = {
  nat: "nat",
  route: "routed",
  routed: "routed",
  open: "open",
  bridge: "bridge",
};

/** The networks of one file, by the name LaaS gave them. */
export function networksOf(file: LaasFile, backend: string, notes: Notes): Map<string, Fields> {
  const networks = new Map<string, Fields>();
  for (const item of listOf(file.fields.networks)) {
    const laas = fieldsOf(item);
    const name = textOf(laas.name);
    if (!isFields(item) || name === undefined) {
      notes.add(`a network in ${file.name}`, "has no name; not imported");
      continue;
    }
    if (networks.has(name)) {
      notes.add(
        `${name} in ${file.name}`,
        "a network of this name stands earlier in the file; the later one is left out",
      );
      continue;
    }
    networks.set(name, networkOf(name, laas, backend, notes));
  }
  return networks;
}

function networkOf(name: string, written: Fields, backend: string, notes: Notes): Fields {
  const laas = knownKeys(`${name}.`, written, KNOWN, notes);
  const cidr = cidrOf(name, laas, notes);
  const mode = modeOf(
    name,
    knownKeys(`${name}.forward.`, fieldsOf(laas.forward), ["used", "type"], notes),
    notes,
  );
  const bridged = mode === "bridge";
  if (bridged && (cidr || textOf(laas.brAddr)))
    notes.add(`${name}.cidr`, "a bridge of the host has its addresses from the host; left out");
  return given({
    backend,
    mode,
    cidr: bridged ? undefined : cidr,
    gateway: bridged ? undefined : gatewayOf(name, textOf(laas.brAddr), cidr, notes),
    bridge: bridgeOf(name, textOf(laas.brName), notes),
    dhcp: bridged
      ? undefined
      : dhcpOf(name, knownKeys(`${name}.dhcp.`, fieldsOf(laas.dhcp), DHCP, notes), cidr, notes),
    ...(logicalName(name) === name ? {} : { name }),
  });
}

/** LaaS set up brAddr with netmask, and did not look at cidr. */
function cidrOf(name: string, laas: Fields, notes: Notes): string | undefined {
  const written = textOf(laas.cidr);
  const inForce = networkOfAddress(textOf(laas.brAddr), textOf(laas.netmask));
  const fixed = written === undefined ? undefined : withoutHostBits(written);
  if (written !== undefined && fixed === undefined)
    notes.add(`${name}.cidr`, `no IPv4 network; ${inForce ? "taken from brAddr and netmask" : "left out"}`);
  if (fixed !== undefined && inForce !== undefined && fixed !== inForce) {
    notes.add(`${name}.cidr`, "does not agree with brAddr and netmask, which LaaS used; those are taken");
    return inForce;
  }
  if (fixed !== undefined && fixed !== written)
    notes.add(`${name}.cidr`, "held an address in the network; the network itself is written");
  return fixed ?? inForce;
}

function networkOfAddress(address: string | undefined, netmask: string | undefined): string | undefined {
  if (!address || !netmask || !ipaddr.IPv4.isValidFourPartDecimal(address)) return undefined;
  const prefix = ipaddr.IPv4.isValidFourPartDecimal(netmask)
    ? ipaddr.IPv4.parse(netmask).prefixLengthFromSubnetMask()
    : null;
  return prefix === null ? undefined : withoutHostBits(`${address}/${prefix}`);
}

function withoutHostBits(cidr: string): string | undefined {
  if (!/^[\d.]+\/\d+$/.test(cidr) || !ipaddr.IPv4.isValidCIDR(cidr)) return undefined;
  return `${ipaddr.IPv4.networkAddressFromCIDR(cidr).toString()}/${cidr.split("/")[1]}`;
}

function modeOf(name: string, forward: Fields, notes: Notes): string {
  const type = textOf(forward.type)?.toLowerCase();
  const used = truthOf(forward.used) ?? type !== undefined;
  if (!used) return "isolated";
  if (type === undefined) {
    notes.add(`${name}.forward.type`, "missing; libvirt's default, nat, is written");
    return "nat";
  }
  const mode = MODES[type];
  if (mode === undefined)
    notes.add(`${name}.forward.type`, `"${type}" has no counterpart; written as isolated, to be looked at`);
  return mode ?? "isolated";
}

function gatewayOf(
  name: string,
  address: string | undefined,
  cidr: string | undefined,
  notes: Notes,
): string | undefined {
  if (address === undefined) return undefined;
  if (isInside(address, cidr)) return address;
  notes.add(`${name}.brAddr`, "no address inside of the network; left out, the first address is the default");
  return undefined;
}

function isInside(address: string, cidr: string | undefined): boolean {
  if (cidr === undefined || !ipaddr.IPv4.isValidFourPartDecimal(address)) return false;
  return ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parseCIDR(cidr));
}

/** Linux allows 15 characters in the name of an interface. */
function bridgeOf(name: string, bridge: string | undefined, notes: Notes): string | undefined {
  if (bridge === undefined || /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/.test(bridge)) return bridge;
  notes.add(
    `${name}.brName`,
    "no name for a bridge (at most 15 letters, digits, dots and dashes); left out, one is derived",
  );
  return undefined;
}

function dhcpOf(name: string, dhcp: Fields, cidr: string | undefined, notes: Notes): unknown {
  const [from, to] = [textOf(dhcp.rangeStart), textOf(dhcp.rangeEnd)];
  const used = truthOf(dhcp.used) ?? false;
  if (!used) {
    if (from ?? to) notes.add(`${name}.dhcp`, "DHCP is off (used: false); the range is left out");
    return false;
  }
  if (!from || !to || !isInside(from, cidr) || !isInside(to, cidr)) {
    notes.add(`${name}.dhcp`, "no range inside of the network; DHCP is on for the whole network");
    return true;
  }
  const reversed = numberOf(from) > numberOf(to);
  if (reversed) notes.add(`${name}.dhcp`, "rangeStart lay after rangeEnd; they are swapped");
  return reversed ? { from: to, to: from } : { from, to };
}

const numberOf = (address: string): number =>
  ipaddr.IPv4.parse(address).octets.reduce((number, octet) => number * 256 + octet, 0);
