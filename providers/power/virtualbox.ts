import type { BootDevice, VirtualBoxClient } from "../virtualbox/client";
import { about, clientFor } from "../virtualbox/clients";
import { isUp, turnOff, turnOn } from "../virtualbox/power";
import { PowerError } from "./errors";
import { bring, offAndOn, type Patience, persist, type RawSwitch, type Waiting } from "./patience";
import type { PlannedPower, Power, PowerContext, PowerStatus } from "./power";

type Config = Extract<PlannedPower, { kind: "virtualbox" }>;

/** A machine of a declared VirtualBox backend as a machine's hardware. */
export function virtualBoxPower(config: Config, context: PowerContext, patience: Patience): Power {
  const peer = `VirtualBox machine "${config.machine}"`;
  const who = `${context.name}: ${peer}`;
  const waiting: Waiting = { context, patience, peer };
  const run = { signal: context.signal, progress: context.progress, now: () => new Date() };

  const withClient = <T>(work: (client: VirtualBoxClient) => Promise<T>): Promise<T> =>
    about(who, async () => work(await clientFor({ backend: config.backend, ...run })));
  const find = async (client: VirtualBoxClient) => {
    const facts = await client.vm({ name: config.machine });
    if (facts) return facts;
    throw new PowerError(
      "missing",
      `${who} does not exist. Write the name that VirtualBox lists as "machine" of its power.`,
    );
  };
  const look = (): Promise<PowerStatus> =>
    withClient(async (client) => (isUp((await find(client)).power) ? "on" : "off"));
  const raw: RawSwitch = {
    look,
    press: (want) =>
      withClient(async (client) => {
        const machine = await find(client);
        if (want === "on") await turnOn(client, machine, run);
        else await turnOff(client, machine, 0, run);
      }),
  };
  return {
    can: { status: true, off: true, networkOnce: false },
    status: () => persist(waiting, patience.statusS, "tell its state", look),
    on: () => bring(waiting, "on", raw),
    off: () => bring(waiting, "off", raw),
    cycle: () => offAndOn(waiting, raw),
    bootOnce: async (device) => {
      if (device === "disk") return;
      const { boot } = await withClient(find);
      const order = boot.filter((one: BootDevice) => one !== "none");
      if (order[0] === "net") return;
      throw new PowerError(
        "unable",
        `${who} boots from ${order.length === 0 ? "nothing" : order.join(", then ")}, and VirtualBox cannot order one boot from the network. Put the network first in its boot order.`,
      );
    },
    close: async () => {},
  };
}
