import { type Definition, markText, type Problem, type Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { VirtualBoxClient } from "./client";
import { about, clientFor } from "./clients";
import { interfacesByPlan } from "./host-facts";
import { foreignError, foreignMessage, ownership } from "./marks";
import type { NetworkInputs, NetworkState } from "./network";
import { networkChanges } from "./network.changes";
import { networkSchema } from "./network.schema";
import { ensureHostOnly } from "./network-hostonly";
import {
  dhcpName,
  exists,
  type FoundNetwork,
  isSameDhcp,
  isSameForwards,
  lookAt,
  netmaskOf,
  stateOf,
  who,
} from "./network-look";
import { type NetworkMark, writeNetworkMark } from "./network-mark";

/** Ours, adoptable or absent; a foreign one ends it. */
function claim(inputs: NetworkInputs, found: FoundNetwork, run: Run<NetworkState>): void {
  if (!found.mark && !exists(inputs.type, found)) return;
  if (ownership(found.mark, run.mark, inputs.adopt) === "foreign")
    throw foreignError("network", inputs.name, found.mark);
}

/** Step 1: the mark comes first, so that whatever follows is ours, also of a run that is killed. */
async function ensureMark(
  client: VirtualBoxClient,
  inputs: NetworkInputs,
  found: FoundNetwork,
  run: Run<NetworkState>,
): Promise<NetworkMark> {
  if (found.mark) return found.mark;
  const adopted = exists(inputs.type, found);
  const mark: NetworkMark = {
    text: markText(run.mark),
    adopted,
    ...(inputs.type !== "hostonly"
      ? {}
      : adopted && found.hostOnly
        ? { interface: found.hostOnly.interface }
        : { before: (await client.hostOnlyInterfaces()).map((one) => one.interface) }),
  };
  await writeNetworkMark(client, inputs.name, mark);
  interfacesByPlan.forget(client);
  return mark;
}

/** Step 2: it exists, with its addresses and ports. */
async function ensureNetwork(
  client: VirtualBoxClient,
  inputs: NetworkInputs,
  found: FoundNetwork,
  mark: NetworkMark,
): Promise<void> {
  const { name, cidr, gateway, type, forwards = [] } = inputs;
  if (type === "hostonly") {
    const { interface: card, ip, netmask } = await ensureHostOnly(client, name, found.hostOnly, mark);
    if (ip !== gateway || netmask !== netmaskOf(cidr))
      await client.configureHostOnly(card, { ip: gateway, netmask: netmaskOf(cidr) });
  }
  if (type !== "natnetwork") return;
  const wanted = { name, cidr, dhcp: inputs.dhcp !== undefined, forwards, enabled: true };
  if (!found.nat) return client.addNatNetwork(wanted);
  const { nat } = found;
  const isRight =
    nat.cidr === cidr && nat.dhcp === wanted.dhcp && nat.enabled && isSameForwards(forwards, nat.forwards);
  if (!isRight) await client.modifyNatNetwork(wanted);
}

/** Step 3: its DHCP server, or none. That of an adopted network is left where the config names none. */
async function ensureDhcp(
  client: VirtualBoxClient,
  inputs: NetworkInputs,
  network: string,
  found: FoundNetwork["dhcp"],
  adopted: boolean,
): Promise<void> {
  const { dhcp, cidr } = inputs;
  if (!dhcp) {
    if (found && !adopted) await client.removeDhcpServer(network);
    return;
  }
  const { server: serverIp, from, to, hosts } = dhcp;
  const wanted = { network, serverIp, netmask: netmaskOf(cidr), from, to, hosts, enabled: true };
  if (!found) await client.addDhcpServer(wanted);
  else if (!found.enabled || !isSameDhcp(dhcp, found, wanted.netmask)) await client.modifyDhcpServer(wanted);
}

export const networkDefinition: Definition<NetworkInputs, NetworkState> = {
  kind: "virtualbox:Network",
  schema: networkSchema,
  changes: networkChanges,
  expects: {
    active: { value: true, sentence: "the network was switched off outside: it is switched on again" },
  },
  id: ({ name }) => name,

  async observe(inputs, run) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const found = await lookAt(client, inputs);
      if (ownership(found.mark, run.mark, false) !== "ours") return undefined;
      const isMade = exists(inputs.type, found) || (inputs.type === "intnet" && !inputs.dhcp);
      return isMade ? stateOf(inputs, found) : undefined;
    });
  },

  async precheck(inputs, run): Promise<Problem[]> {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const found = await lookAt(client, inputs);
      if (!found.mark && !exists(inputs.type, found)) return [];
      if (ownership(found.mark, run.mark, inputs.adopt) !== "foreign") return [];
      return [{ field: "name", message: foreignMessage("network", inputs.name, found.mark) }];
    });
  },

  async reconcile(inputs, _observed, run) {
    const client = await clientFor(run);
    return about(who(inputs), async () => {
      const before = await lookAt(client, inputs);
      claim(inputs, before, run);
      const mark = await run.step("1/3 mark", () => ensureMark(client, inputs, before, run));
      run.checkpoint({ ...inputs, active: false });
      await run.step("2/3 network", () => ensureNetwork(client, inputs, before, mark));
      const made = inputs.type === "hostonly" ? await lookAt(client, inputs) : before;
      const network = dhcpName(inputs, made.hostOnly);
      await run.step("3/3 addresses", async () => {
        if (network !== undefined) await ensureDhcp(client, inputs, network, made.dhcp, mark.adopted);
      });
      const after = await lookAt(client, inputs);
      if (!exists(inputs.type, after) && (inputs.type !== "intnet" || inputs.dhcp))
        throw new LabError(`${who(inputs)} vanished while it was set up; run "pulumi up" again`);
      return stateOf(inputs, after);
    });
  },

  async remove(state, run) {
    const client = await clientFor(run);
    await about(who(state), async () => {
      const found = await lookAt(client, state);
      if (!found.mark) {
        if (exists(state.type, found))
          run.say(`${who(state)} does not carry our mark any more: it is left alone`, "warning");
        return;
      }
      if (ownership(found.mark, run.mark, false) !== "ours") {
        run.say(`${who(state)} belongs to ${found.mark.text} now: it is left alone`, "warning");
        return;
      }
      if (!(found.mark.adopted && state.onDestroy !== "delete"))
        await run.step("1/2 delete", () => removeNetwork(client, state, found));
      await run.step("2/2 mark", () => writeNetworkMark(client, state.name, undefined));
      interfacesByPlan.forget(client);
    });
  },
};

/** VirtualBox leaves the DHCP server of a NAT network behind. */
async function removeNetwork(
  client: VirtualBoxClient,
  state: NetworkState,
  { mark, hostOnly, dhcp, nat }: FoundNetwork,
): Promise<void> {
  if (dhcp) await client.removeDhcpServer(dhcp.network);
  if (nat) await client.removeNatNetwork(state.name);
  if (hostOnly && mark) await client.removeHostOnly(hostOnly.interface);
}
