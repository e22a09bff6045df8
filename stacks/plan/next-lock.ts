import type { Context } from "./context";
import { newAddress, newCard, newCidr, newOverlayAddress, newPort, newSeed, newVni } from "./describe";
import { LAYOUT, type OverlayFacts } from "./devstack-overlay";
import type { FogHostFacts } from "./fog-hosts";
import { clonesOf } from "./image-uses";
import { formatCidr } from "./ipv4";
import type { MachineFacts } from "./machines";
import { naturally } from "./names";
import type { NetworkFacts } from "./networks";
import { addressKey } from "./nics";
import { keptFlavor, keptImage } from "./openstack-server";
import { sshHolder } from "./ports";
import { own, stable } from "./stable";
import type { Lock } from "./types";

/** The lock file after this plan, and what in it is new, in words. Entries of things that are gone are not in it. */
export function nextLock(
  context: Context,
  networks: ReadonlyMap<string, NetworkFacts>,
  machines: ReadonlyMap<string, MachineFacts>,
  hosts: ReadonlyMap<string, FogHostFacts>,
  overlay?: OverlayFacts,
): { lock: Lock; newFacts: string[] } {
  const { lock, seeds, config } = context;
  const cidrs = new Map<string, string>();
  const addresses = new Map<string, Map<string, string>>();
  const macs = new Map<string, Map<string, string>>();
  const ports = new Map<string, Map<string, string>>();
  const clones = new Map<string, Map<string, string>>();
  const flavors = new Map<string, string>();
  const glance = new Map<string, string>();
  const newFacts: string[] = [];

  for (const network of networks.values()) {
    if (!network.allocated || !network.cidr) continue;
    const cidr = formatCidr(network.cidr);
    cidrs.set(network.logical, cidr);
    if (own(lock.cidrs, network.source) !== cidr) newFacts.push(newCidr(network.logical, cidr));
  }
  for (const machine of [...machines.values()].sort((a, b) => naturally(a.logical, b.logical))) {
    for (const nic of machine.nics) {
      const { network, card, mac, ip } = nic;
      const knownMacs = own(lock.macs, machine.source);
      const formerCard = network ? card.replace(network.logical, network.source) : card;
      const macIsNew = nic.macAllocated && (own(knownMacs, card) ?? own(knownMacs, formerCard)) !== mac;
      if (nic.macAllocated) entryOf(macs, machine.logical).set(card, mac);
      let ipIsNew = false;
      if (nic.ipAllocated && network && ip !== undefined) {
        entryOf(addresses, network.logical).set(addressKey(machine.logical, nic), ip);
        const known = own(lock.addresses, network.source);
        ipIsNew = own(known, addressKey(machine.source, nic)) !== ip;
      }
      if (macIsNew) newFacts.push(newCard(machine.logical, card, mac, ipIsNew ? ip : undefined));
      else if (ipIsNew && ip !== undefined) newFacts.push(newAddress(machine.logical, card, ip));
    }
    const disks = Object.entries(clonesOf(context, machine));
    if (disks.length > 0) clones.set(machine.logical, new Map(disks));
    const flavor = keptFlavor(context, machine);
    if (flavor !== undefined) flavors.set(machine.logical, flavor);
    const image = keptImage(context, machine);
    if (image !== undefined) glance.set(machine.logical, image);
    const { ssh, source } = machine;
    const { backend } = machine.config;
    if (!ssh?.allocated) continue;
    entryOf(ports, backend).set(String(ssh.port), sshHolder(machine.logical));
    if (own(own(lock.ports, backend), String(ssh.port)) !== sshHolder(source))
      newFacts.push(newPort(machine.logical, ssh.port));
  }
  for (const [key, seed] of Object.entries(seeds.remembered))
    if (own(lock.seeds, key) !== seed && !key.endsWith(`/${seed}`)) newFacts.push(newSeed(key, seed));

  if (overlay?.vniAllocated && own(lock.vnis, LAYOUT) !== String(overlay.vni))
    newFacts.push(newVni(overlay.vni));
  for (const [logical, address] of overlay?.addresses ?? []) {
    const source = (machines.get(logical) ?? hosts.get(logical))?.source ?? logical;
    if (own(own(lock.overlays, LAYOUT), source) !== address)
      newFacts.push(newOverlayAddress(logical, address));
  }

  const homes = [...machines.values(), ...hosts.values()].map(({ logical, config: { backend } }) => [
    logical,
    backend,
  ]);
  const users = Object.entries(config.vpn?.users ?? {}).map(([logical, { name }]) => [
    logical,
    name ?? logical,
  ]);

  return {
    lock: stable({
      version: 1,
      cidrs: Object.fromEntries(cidrs),
      addresses: nested(addresses),
      ...(macs.size > 0 ? { macs: nested(macs) } : {}),
      ...(ports.size > 0 ? { ports: nested(ports) } : {}),
      ...(overlay?.vniAllocated ? { vnis: { [LAYOUT]: String(overlay.vni) } } : {}),
      ...(overlay ? { overlays: { [LAYOUT]: Object.fromEntries(overlay.addresses) } } : {}),
      ...(homes.length > 0 ? { homes: Object.fromEntries(homes) } : {}),
      ...(clones.size > 0 ? { clones: nested(clones) } : {}),
      ...(flavors.size > 0 ? { flavors: Object.fromEntries(flavors) } : {}),
      ...(glance.size > 0 ? { glance: Object.fromEntries(glance) } : {}),
      ...(Object.keys(seeds.remembered).length > 0 ? { seeds: seeds.remembered } : {}),
      ...(users.length > 0 ? { users: Object.fromEntries(users) } : {}),
    } satisfies Lock),
    newFacts,
  };
}

function entryOf(map: Map<string, Map<string, string>>, key: string): Map<string, string> {
  const entry = map.get(key) ?? new Map<string, string>();
  map.set(key, entry);
  return entry;
}

const nested = (map: ReadonlyMap<string, Map<string, string>>): Record<string, Record<string, string>> =>
  Object.fromEntries([...map].map(([key, entry]) => [key, Object.fromEntries(entry)]));
