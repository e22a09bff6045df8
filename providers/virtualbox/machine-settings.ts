import type { MachineSettings, NicFacts, NicSettings, VirtualBoxClient, VmFacts } from "./client";
import type { MachineInputs } from "./machine";
import type { Comparison } from "./machine-compare";
import { bootDevices, type Interfaces, wantedSettings } from "./machine-wanted";

/** A new machine has a card on VirtualBox's NAT. */
const FIRST_CARD: NicSettings = { slot: 1, type: "none" };

/** Everything that one modifyvm must write, and no more. */
export function settingsOf(
  inputs: MachineInputs,
  comparison: Comparison | undefined,
  interfaces: Interfaces,
): MachineSettings {
  const { name, osType, cpus, memoryMiB, firmware } = inputs;
  if (!comparison) {
    const wanted = wantedSettings(inputs, interfaces);
    // It has no forwards yet: to say that there are none would cost a look.
    const nics = (wanted.nics ?? []).map(({ forwards = [], ...nic }) =>
      forwards.length > 0 ? { ...nic, forwards } : nic,
    );
    return { ...wanted, nics: nics.length === 0 ? [FIRST_CARD] : nics };
  }
  const { differences, nics } = comparison;
  return {
    ...("name" in differences ? { name } : {}),
    ...("osType" in differences ? { osType } : {}),
    ...("cpus" in differences ? { cpus } : {}),
    ...("memoryMiB" in differences ? { memoryMiB } : {}),
    ...("firmware" in differences ? { firmware } : {}),
    ...("boot" in differences ? { boot: bootDevices(inputs.boot) } : {}),
    ...(nics.length > 0 ? { nics } : {}),
  };
}

/** Port forwards and cables of a machine that runs. */
export async function changeLive(
  client: VirtualBoxClient,
  facts: VmFacts,
  nics: readonly NicSettings[],
): Promise<void> {
  for (const nic of nics) {
    const found = facts.nics.find(({ slot }) => slot === nic.slot);
    if (!found) continue;
    if (nic.cable !== undefined && nic.cable !== found.cable)
      await client.cableLive(facts.uuid, nic.slot, nic.cable);
    if (nic.forwards) await forwardLive(client, facts.uuid, found, nic.forwards);
  }
}

async function forwardLive(
  client: VirtualBoxClient,
  uuid: string,
  { slot, nat }: NicFacts,
  wanted: NonNullable<NicSettings["forwards"]>,
): Promise<void> {
  const text = ({ name, protocol, hostIp = "127.0.0.1", hostPort, guestPort }: (typeof wanted)[number]) =>
    JSON.stringify([name, protocol, hostIp, hostPort, guestPort]);
  const there = nat?.forwards ?? [];
  const right = new Set(wanted.map(text));
  for (const rule of there) if (!right.has(text(rule))) await client.unforwardLive(uuid, slot, rule.name);
  const kept = new Set(there.map(text));
  for (const rule of wanted) if (!kept.has(text(rule))) await client.forwardLive(uuid, slot, rule);
}
