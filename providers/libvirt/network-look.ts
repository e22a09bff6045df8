import { pruned, reported } from "../core/reported";
import { ERROR, type LibvirtClient, type NetworkRef } from "./client";
import { unlessGone } from "./clients";
import { reportedLeases } from "./dhcp-edits";
import type { NetworkInputs, NetworkState } from "./network";
import { hasCode } from "./rpc/errors";
import { find, textOf, type XmlElement } from "./xml/element";
import { type FoundMark, readMark } from "./xml/mark";
import { type NetworkFacts, networkElement, readNetwork } from "./xml/network";
import { parseXml } from "./xml/parse";
import { templateDigest } from "./xml/template";

/** Facts that only a new network can change. */
const RECREATED = [
  "mode",
  "bridge",
  "cidr",
  "gateway",
  "domain",
  "mtu",
  "forwardDevice",
  "ipv6",
  "boot",
] as const;
/** Of an adopted network, what the planner chose for us says nothing: the network is named, not designed. */
const NOT_ADOPTED: readonly string[] = ["bridge", "gateway"];

/** A network as it is. */
export interface FoundNetwork {
  ref: NetworkRef;
  /** The persistent definition. */
  root: XmlElement;
  facts: NetworkFacts;
  /** What runs; the same as `facts` when nothing does. */
  live: NetworkFacts;
  active: boolean;
  autostart: boolean;
  mark: FoundMark | undefined;
}

/** How messages name a network. */
export const who = (inputs: Pick<NetworkInputs, "name">) => `network "${inputs.name}"`;

/** Four questions in one round trip. */
export async function lookAt(client: LibvirtClient, ref: NetworkRef): Promise<FoundNetwork | undefined> {
  const answers = await unlessGone(
    Promise.all([
      client.networkXml(ref, { inactive: true }),
      client.networkXml(ref),
      client.networkIsActive(ref),
      // A transient network has no autostart to tell.
      client.networkAutostart(ref).catch((error: unknown) => {
        if (hasCode(error, ERROR.operationInvalid)) return false;
        throw error;
      }),
    ]),
  );
  if (!answers) return undefined;
  const [persistentXml, liveXml, active, autostart] = answers;
  const root = parseXml(persistentXml);
  return {
    ref: { name: textOf(find(root, "name")) ?? ref.name, uuid: textOf(find(root, "uuid")) ?? ref.uuid },
    root,
    facts: readNetwork(root),
    live: readNetwork(parseXml(liveXml)),
    active,
    autostart,
    mark: readMark(root),
  };
}

/**
 * The network of the planned UUID, or else of the planned name. `expected` saves a round trip where the state says
 * that there is one.
 */
export async function seek(
  client: LibvirtClient,
  inputs: NetworkInputs,
  expected = false,
): Promise<FoundNetwork | undefined> {
  const { name, uuid } = inputs;
  const byUuid = expected && !inputs.adopt ? { name, uuid } : await client.networkByUuid(uuid);
  const found = byUuid && (await lookAt(client, byUuid));
  if (found) return found;
  const byName = await client.networkByName(name);
  return byName && lookAt(client, byName);
}

/** What `observe` reports. */
export function stateOf(
  inputs: NetworkInputs,
  found: FoundNetwork,
  known: NetworkState | undefined,
): NetworkState {
  const wanted = readNetwork(networkElement(inputs));
  const { facts, live, active, mark } = found;
  const adopted = mark?.adopted ?? false;
  const field = <K extends (typeof RECREATED)[number]>(key: K) =>
    adopted && NOT_ADOPTED.includes(key)
      ? inputs[key]
      : reported(inputs[key], wanted[key], facts[key] as NetworkInputs[K]);
  const leases = inputs.leases ?? known?.leases;
  const ourLeases = [...(inputs.leases ?? []), ...(known?.leases ?? [])];
  const leasesIn = ({ hosts }: NetworkFacts) => reportedLeases(hosts, ourLeases);
  const wantedRange = inputs.dhcp ?? known?.dhcp;
  const rangeIn = ({ ranges }: NetworkFacts) =>
    ranges.find(({ from, to }) => from === wantedRange?.from && to === wantedRange.to) ?? ranges[0];
  return pruned<NetworkState>({
    ...inputs,
    name: found.ref.name,
    uuid: adopted ? inputs.uuid : found.ref.uuid,
    mode: field("mode") ?? inputs.mode,
    bridge: field("bridge") ?? "",
    cidr: field("cidr"),
    gateway: field("gateway"),
    domain: field("domain"),
    mtu: field("mtu"),
    forwardDevice: field("forwardDevice"),
    ipv6: field("ipv6"),
    boot: field("boot"),
    dhcp: reported(wantedRange, wantedRange, rangeIn(facts), rangeIn(live)),
    leases: reported(leases, reportedLeases(leases ?? [], ourLeases), leasesIn(facts), leasesIn(live)),
    autostart: found.autostart,
    active,
    adopted: adopted || undefined,
  });
}

/** What differs and only a new network could change; empty where the network is as planned. */
export function outdated(inputs: NetworkInputs, found: FoundNetwork): string[] {
  const wanted = readNetwork(networkElement(inputs));
  const adopted = found.mark?.adopted ?? true;
  const fields = RECREATED.filter(
    (key) =>
      wanted[key] !== undefined &&
      !(adopted && NOT_ADOPTED.includes(key)) &&
      JSON.stringify(wanted[key]) !== JSON.stringify(found.facts[key]),
  ).map((key) => `${key} is ${show(found.facts[key])}, planned ${show(wanted[key])}`);
  const digest = inputs.template === undefined ? undefined : templateDigest(inputs.template);
  if (!adopted && digest !== found.mark?.template) fields.push("its template is another");
  if (found.ref.name !== inputs.name) fields.push(`its name is "${found.ref.name}"`);
  return fields;
}

const show = (value: unknown): string => (value === undefined ? "not set" : JSON.stringify(value));
