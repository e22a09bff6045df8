import type { VirtualBoxClient } from "../virtualbox/client";
import { about, clientFor } from "../virtualbox/clients";
import { isUp, turnOff, turnOn } from "../virtualbox/power";
import { hypervisorPower, missing } from "./hypervisor";
import type { Patience, RawSwitch } from "./patience";
import type { PlannedPower, Power, PowerContext } from "./power";

type Config = Extract<PlannedPower, { kind: "virtualbox" }>;

/** A machine of a declared VirtualBox backend as a machine's hardware. */
export function virtualBoxPower(config: Config, context: PowerContext, patience: Patience): Power {
  const peer = `VirtualBox machine "${config.machine}"`;
  const who = `${context.name}: ${peer}`;
  const run = { signal: context.signal, progress: context.progress, now: () => new Date() };
  const withClient = <T>(work: (client: VirtualBoxClient) => Promise<T>): Promise<T> =>
    about(who, async () => work(await clientFor({ backend: config.backend, ...run })));
  const find = async (client: VirtualBoxClient) => {
    const facts = await client.vm({ name: config.machine });
    if (facts) return facts;
    throw missing(who, "VirtualBox", "machine");
  };
  const raw: RawSwitch = {
    look: () => withClient(async (client) => (isUp((await find(client)).power) ? "on" : "off")),
    press: (want) =>
      withClient(async (client) => {
        const machine = await find(client);
        if (want === "on") await turnOn(client, machine, run);
        else await turnOff(client, machine, 0, run);
      }),
  };
  return hypervisorPower(
    {
      peer,
      hypervisor: "VirtualBox",
      raw,
      bootOrder: async () => (await withClient(find)).boot.filter((device) => device !== "none"),
      network: "net",
    },
    context,
    patience,
  );
}
