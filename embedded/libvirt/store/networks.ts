import type { NetworkRef } from "../../../providers/libvirt/client";
import { contains, parseIpv4, type Subnet } from "../address";
import { CODE, FROM, refuse } from "../errors";
import { expiry, grantLease, type Lease } from "../leases";
import { updateNetwork } from "../network-update";
import { bridgeOf, ipv4Of, modeOf, normaliseNetwork, parseNetwork, subnetOf } from "../xml/network";
import { all, copy, element, first, printXml, textOf, type XmlElement } from "../xml/tree";
import type { Lab } from "./lab";

interface StoredNetwork {
  name: string;
  uuid: string;
  autostart: boolean;
  config?: XmlElement;
  live?: XmlElement;
  leases: Lease[];
}

/** A network: `config` is what is defined, `live` what runs. At least one of them is there. */
export type Network = StoredNetwork;

const KEY = "network/";
const IPXE_BOOT = /^dhcp-boot=(?:tag:[^,]+,)?(http:\/\/[^,\s]+)/;

export class Networks {
  private readonly byUuid = new Map<string, Network>();
  private readonly byName = new Map<string, Network>();

  constructor(private readonly lab: Lab) {
    for (const stored of lab.journal.all<StoredNetwork>(KEY)) this.index(stored);
  }

  list(): Network[] {
    return [...this.byUuid.values()];
  }

  named(name: string): Network {
    const network = this.byName.get(name);
    if (!network) throw refuse(CODE.noNetwork, FROM.network, `no network with matching name '${name}'`);
    return network;
  }

  withUuid(uuid: string, name?: string): Network {
    const network = this.byUuid.get(uuid);
    if (network) return network;
    const known = name === undefined ? "" : ` (${name})`;
    throw refuse(CODE.noNetwork, FROM.network, `no network with matching uuid '${uuid}'${known}`);
  }

  find(ref: NetworkRef): Network {
    return this.withUuid(ref.uuid, ref.name);
  }

  xml(network: Network, inactive: boolean): string {
    const shown = copy((inactive ? network.config : network.live) ?? network.live ?? network.config ?? EMPTY);
    const connections = inactive || !network.live ? 0 : this.lab.domains.connectionsTo(network.name);
    if (connections > 0) shown.attributes = { connections: String(connections), ...shown.attributes };
    return printXml(shown);
  }

  define(xml: string): Network {
    const given = parseNetwork(xml);
    const name = textOf(given, "name") ?? "";
    const same = this.byName.get(name);
    const config = normaliseNetwork(given, this.lab.invent, (bridge) => this.hasBridge(bridge, same));
    const uuid = textOf(config, "uuid") ?? "";
    this.checkIdentity(name, uuid);
    const network: Network = same ?? { name, uuid, autostart: false, leases: [] };
    // The bridge and its MAC stay where a redefinition leaves them out.
    network.config = config;
    this.index(network);
    this.save(network);
    this.lab.events.network(network, "defined");
    return network;
  }

  private checkIdentity(name: string, uuid: string): void {
    const named = this.byName.get(name);
    if (named && named.uuid !== uuid) {
      throw refuse(
        CODE.operationFailed,
        FROM.network,
        `network '${name}' already exists with uuid ${named.uuid}`,
      );
    }
    const known = this.byUuid.get(uuid);
    if (known && known.name !== name) {
      const detail = `network '${known.name}' is already defined with uuid ${uuid}`;
      throw refuse(CODE.operationFailed, FROM.network, detail);
    }
  }

  start(network: Network): void {
    if (network.live) throw refuse(CODE.operationInvalid, FROM.network, "network is already active");
    const live = copy(network.config ?? EMPTY);
    this.checkFree(live);
    const forward = first(live, "forward");
    if (forward && modeOf(live) === "nat" && !first(forward, "nat")) {
      forward.children.unshift(element("nat", {}, [element("port", { start: "1024", end: "65535" })]));
    }
    network.live = live;
    this.save(network);
    this.lab.events.network(network, "started");
  }

  private hasBridge(name: string, except: Network | undefined): boolean {
    for (const other of this.byUuid.values()) {
      if (other === except) continue;
      if (other.config && claimsOf(other.config).bridge === name) return true;
      if (other.live && claimsOf(other.live).bridge === name) return true;
    }
    return false;
  }

  /** Two running networks cannot have overlapping addresses. */
  private checkFree(live: XmlElement): void {
    const wanted = claimsOf(live).subnets;
    for (const other of this.byUuid.values()) {
      if (!other.live) continue;
      for (const theirs of claimsOf(other.live).subnets) {
        if (!wanted.some((mine) => overlap(mine, theirs))) continue;
        const detail = `Network is already in use by interface ${bridgeOf(other.live)}`;
        throw refuse(CODE.internal, FROM.none, detail);
      }
    }
    const bridge = bridgeOf(live);
    if (bridge && bridge.length > 15 && modeOf(live) !== "bridge") {
      const detail = `error creating bridge interface ${bridge}: Numerical result out of range`;
      throw refuse(CODE.system, FROM.none, detail);
    }
  }

  destroy(network: Network): void {
    if (!network.live) {
      throw refuse(CODE.operationInvalid, FROM.network, `network '${network.name}' is not active`);
    }
    delete network.live;
    network.leases = [];
    this.lab.events.network(network, "stopped");
    this.saveOrDrop(network);
  }

  undefine(network: Network): void {
    delete network.config;
    network.autostart = false;
    this.lab.events.network(network, "undefined");
    this.saveOrDrop(network);
  }

  setAutostart(network: Network, on: boolean): void {
    if (!network.config) {
      throw refuse(CODE.operationInvalid, FROM.network, "cannot set autostart for transient network");
    }
    network.autostart = on;
    this.save(network);
  }

  /** virNetworkUpdate; `flags` 0 is the running configuration, or the stored one when it is off. */
  update(
    network: Network,
    command: number,
    section: number,
    parentIndex: number,
    xml: string,
    flags: number,
  ): void {
    const live = (flags & 1) !== 0 || ((flags & 3) === 0 && network.live !== undefined);
    const config = (flags & 2) !== 0 || ((flags & 3) === 0 && !network.live);
    if (live && !network.live) throw refuse(CODE.operationInvalid, FROM.network, "network is not running");
    // Both must succeed before either is kept.
    const changed = [live && network.live, config && network.config].map((definition) => {
      if (!definition) return undefined;
      const next = copy(definition);
      updateNetwork(next, command, section, parentIndex, xml);
      return next;
    });
    if (changed[0]) network.live = changed[0];
    if (changed[1]) network.config = changed[1];
    this.save(network);
  }

  leases(network: Network, mac?: string): (Lease & { expiresS: number; bridge: string })[] {
    if (mac !== undefined && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac)) {
      throw refuse(CODE.invalidMac, FROM.network, `invalid MAC address: ${mac}`);
    }
    if (!network.live) return [];
    const bridge = bridgeOf(network.live) ?? "";
    return network.leases
      .filter((lease) => mac === undefined || lease.mac === mac.toLowerCase())
      .map((lease) => ({ ...lease, bridge, expiresS: expiry(lease, this.lab.nowS()) }));
  }

  /** A guest's NIC asks for an address. */
  lease(name: string, nic: { mac: string; hostName?: string }): Lease | undefined {
    const network = this.byName.get(name);
    if (!network?.live) return undefined;
    const lease = grantLease(network.live, network.leases, nic, this.lab.nowS());
    const others = network.leases.filter((other) => other.mac !== nic.mac.toLowerCase());
    network.leases = lease ? [...others, lease] : others;
    this.save(network);
    return lease;
  }

  /** The network that a starting domain wants to be on. */
  active(name: string): Network {
    const network = this.named(name);
    if (!network.live) {
      throw refuse(CODE.operationInvalid, FROM.network, `network '${name}' is not active`);
    }
    return network;
  }

  bridgeOf(name: string): string | undefined {
    const live = this.byName.get(name)?.live;
    return live && bridgeOf(live);
  }

  /** Where dnsmasq sends iPXE, by an option of ours: `dhcp-boot=tag:ipxe,http://…`. */
  bootUrl(name: string): string | undefined {
    const options = all(first(this.byName.get(name)?.live, "dnsmasq:options"), "dnsmasq:option");
    return options.flatMap(({ attributes }) => IPXE_BOOT.exec(attributes.value ?? "")?.[1] ?? [])[0];
  }

  /** Whether it is the host's own address on the running network. */
  isGateway(name: string, address: string): boolean {
    const live = this.byName.get(name)?.live;
    return live !== undefined && ipv4Of(live).some((ip) => ip.attributes.address === address);
  }

  /** Whether an address lies in one of the running network's subnets. */
  serves(name: string, ip: string): boolean {
    const live = this.byName.get(name)?.live;
    const value = parseIpv4(ip);
    if (!live || value === undefined) return false;
    return ipv4Of(live).some((each) => {
      const subnet = subnetOf(each);
      return subnet !== undefined && contains(subnet, value);
    });
  }

  private index(network: Network): void {
    this.byUuid.set(network.uuid, network);
    this.byName.set(network.name, network);
  }

  private save(network: Network): void {
    this.lab.journal.set(KEY + network.uuid, network);
  }

  private saveOrDrop(network: Network): void {
    if (network.config || network.live) {
      this.save(network);
      return;
    }
    this.byUuid.delete(network.uuid);
    this.byName.delete(network.name);
    this.lab.journal.delete(KEY + network.uuid);
  }
}

const EMPTY: XmlElement = element("network");

/** What is looked for in all other networks, read once: definitions are replaced, never changed. */
interface Claims {
  subnets: Subnet[];
  /** A bridge that libvirt makes for it. */
  bridge: string | undefined;
}
const claims = new WeakMap<XmlElement, Claims>();
function claimsOf(definition: XmlElement): Claims {
  const known = claims.get(definition);
  if (known) return known;
  const subnets = ipv4Of(definition).flatMap((ip) => subnetOf(ip) ?? []);
  const found = { subnets, bridge: modeOf(definition) === "bridge" ? undefined : bridgeOf(definition) };
  claims.set(definition, found);
  return found;
}

function overlap(a: Subnet, b: Subnet): boolean {
  return a.prefix <= b.prefix ? contains(a, b.address) : contains(b, a.address);
}
