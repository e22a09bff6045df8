import { PowerError } from "./errors";
import { Ipmitool } from "./ipmitool";
import { bring, offAndOn, type Patience, persist, type RawSwitch, type Waiting } from "./patience";
import type { PlannedPower, Power, PowerContext, PowerStatus } from "./power";

type Config = Extract<PlannedPower, { kind: "ipmi" }>;
type Device = Parameters<Power["bootOnce"]>[0];

/** ipmitool's name of a boot device, and what the BMC shows when it has it. */
const DEVICES = {
  network: { order: "pxe", shown: /Force PXE/i },
  disk: { order: "disk", shown: /Hard-?Drive/i },
} as const satisfies Record<Device, { order: string; shown: RegExp }>;

/** A machine with an IPMI 2.0 BMC. */
export function ipmiPower(config: Config, context: PowerContext, patience: Patience): Power {
  const { host, port = 623, user, password, cipherSuite } = config;
  const peer = `BMC ${host}${port === 623 ? "" : `:${port}`}`;
  const who = `${context.name}: ${peer}`;
  const waiting: Waiting = { context, patience, peer };
  let ready: Ipmitool | undefined;
  let ordered: Device | undefined;

  const run = async (order: readonly string[], signal: AbortSignal): Promise<string> => {
    ready ??= new Ipmitool({
      who,
      host,
      port,
      password: password === undefined ? "" : context.secret(password),
      ...(user === undefined ? {} : { user }),
      ...(cipherSuite === undefined ? {} : { cipherSuite }),
    });
    return ready.run(order, signal);
  };
  const look = async (signal: AbortSignal): Promise<PowerStatus> => {
    const told = await run(["chassis", "power", "status"], signal);
    return /Chassis Power is (on|off)/i.exec(told)?.[1]?.toLowerCase() === "on"
      ? "on"
      : /Chassis Power is off/i.test(told)
        ? "off"
        : "unknown";
  };
  const raw: RawSwitch = {
    look,
    press: async (want, signal) => void (await run(["chassis", "power", want], signal)),
  };
  const order = (device: Device, isOff: boolean): Promise<void> =>
    persist(waiting, patience.bootS, "take the order for the next boot", async (signal) => {
      const { order, shown } = DEVICES[device];
      const options = context.firmware === "uefi" ? ["options=efiboot"] : [];
      await run(["chassis", "bootdev", order, ...options], signal);
      // Some take it and keep nothing. Those that cannot be asked are believed; so are those of a machine that runs,
      // which may show what it was started with, for the order is given again before the start.
      if (!isOff) return;
      const told = await run(["chassis", "bootparam", "get", "5"], signal).catch((error: unknown) => {
        if (error instanceof PowerError && error.reason === "unable") return undefined;
        throw error;
      });
      if (told !== undefined && /Boot Device Selector/i.test(told) && !shown.test(told))
        throw new PowerError(
          "server",
          `${who} took the order to boot from the ${device} and does not show it. Look at the boot settings on the BMC's own page.`,
        );
    });

  return {
    can: { status: true, off: true, networkOnce: true },
    status: () => persist(waiting, patience.statusS, "tell its state", look),
    on: () => bring(waiting, "on", raw),
    off: () => bring(waiting, "off", raw),
    // Not "power cycle": a machine that is off stays off, and that it was done cannot be seen.
    cycle: async () => {
      await offAndOn(waiting, raw, async () => {
        // A BMC forgets the order a minute after it was given (IPMI 2.0, table 28-14, "boot flag valid bit clearing").
        if (ordered !== undefined) await order(ordered, true);
      });
      ordered = undefined;
    },
    bootOnce: async (device) => {
      await order(device, false);
      ordered = device;
    },
    close: async () => {},
  };
}
