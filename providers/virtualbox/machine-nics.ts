import { same } from "../core/change";
import type { NicFacts, NicSettings } from "./client";
import type { MachineInputs, MachineNic } from "./machine";
import { type Interfaces, nicSettings } from "./machine-wanted";

/** A NIC in the form in which two are compared: defaults written out, lists sorted, what its type does not have left out. */
type Comparable = Record<string, unknown>;

const forwardsOf = (forwards: readonly NonNullable<NicSettings["forwards"]>[number][]) =>
  forwards
    .map(({ name, protocol, hostIp = "127.0.0.1", hostPort, guestPort }) => ({
      name,
      protocol,
      hostIp,
      hostPort,
      guestPort,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));

const tftpOf = ({
  enabled,
  prefix = "",
  bootFile = "",
  nextServer = "",
}: NonNullable<NicSettings["tftp"]>) => (enabled ? { prefix, bootFile, nextServer } : undefined);

function comparable(nic: NicSettings | NicFacts): Comparable {
  if (nic.type === "none") return { type: "none" };
  const { type, mac, model, cable, attachment } = nic;
  const nat: Pick<NicSettings, "forwards" | "tftp" | "localhostReachable"> =
    "nat" in nic ? (nic.nat ?? {}) : (nic as NicSettings);
  return {
    type,
    mac,
    model,
    cable,
    ...(type === "nat"
      ? {
          forwards: forwardsOf(nat.forwards ?? []),
          tftp: tftpOf(nat.tftp ?? { enabled: false }),
          // VirtualBox 7.2.22 forgets an "off" when its service restarts: to want it would be drift for ever.
          ...(nat.localhostReachable ? { hostReachable: true } : {}),
        }
      : { attachment }),
    ...(type === "generic" ? { properties: nic.properties ?? {} } : {}),
  };
}

/** How what is there would be written in the inputs. */
function asInput(nic: NicFacts, interfaces: Interfaces): MachineNic {
  const planned = Object.entries(interfaces).find(([, name]) => name === nic.attachment)?.[0];
  const { attachment, properties, ...rest } = comparable(nic) as Partial<MachineNic> & {
    attachment?: string;
  };
  return {
    ...(rest as Pick<MachineNic, "type" | "mac">),
    ...(attachment === undefined
      ? {}
      : { attachment: nic.type === "hostonly" ? (planned ?? attachment) : attachment }),
    ...(properties && Object.keys(properties).length > 0 ? { properties } : {}),
  };
}

const NONE = (slot: number): NicFacts => ({
  slot,
  type: "none",
  properties: {},
  mac: "",
  model: "other",
  cable: false,
});

export interface NicDifferences {
  /** As they are, in the user's own words where they are as wanted. Undefined when all are. */
  found: MachineNic[] | undefined;
  /** NICs to write, also those to take out. */
  settings: NicSettings[];
  /** All that differs are forwards and cables: those change while the machine runs. */
  liveOnly: boolean;
}

/** Compare every NIC, and with `others` those in the slots behind ours too: of a machine of ours, the whole list is ours. */
export function nicDifferences(
  inputs: MachineInputs,
  facts: readonly NicFacts[],
  interfaces: Interfaces,
  others: boolean,
): NicDifferences {
  const wanted = nicSettings(inputs, interfaces);
  const inSlot = (slot: number) => facts.find((nic) => nic.slot === slot) ?? NONE(slot);
  const differing = wanted.filter((nic) => !isAsWanted(nic, inSlot(nic.slot)));
  const extra = others ? facts.filter(({ slot, type }) => slot > wanted.length && type !== "none") : [];
  if (differing.length === 0 && extra.length === 0) return { found: undefined, settings: [], liveOnly: true };
  const isDifferent = (slot: number) => differing.some((nic) => nic.slot === slot);
  return {
    found: [
      ...inputs.nics.map((nic, index) =>
        isDifferent(index + 1) ? withIp(asInput(inSlot(index + 1), interfaces), nic) : nic,
      ),
      ...extra.map((nic) => asInput(nic, interfaces)),
    ],
    settings: [...differing, ...extra.map(({ slot }) => ({ slot, type: "none" as const }))],
    liveOnly: extra.length === 0 && differing.every((nic) => isFixedAsWanted(nic, inSlot(nic.slot))),
  };
}

/** What is there beyond a way to the host that nobody asked for. */
function foundFor(wanted: NicSettings, found: NicFacts): Comparable {
  const { hostReachable, ...rest } = comparable(found);
  return wanted.localhostReachable ? { hostReachable, ...rest } : rest;
}

const isAsWanted = (wanted: NicSettings, found: NicFacts): boolean =>
  same(comparable(wanted), foundFor(wanted, found));

const isFixedAsWanted = (wanted: NicSettings, found: NicFacts): boolean =>
  same(fixed(comparable(wanted)), fixed(foundFor(wanted, found)));

/** Without what a running machine's NIC can change. */
const fixed = ({ forwards: _, cable: __, ...rest }: Comparable): Comparable => rest;

/** The planned address is no setting of VirtualBox's. */
const withIp = (nic: MachineNic, { ip }: MachineNic): MachineNic => (ip === undefined ? nic : { ...nic, ip });
