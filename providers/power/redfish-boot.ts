import { isFailure, PowerError } from "./errors";
import { type Answer, type Json, type RedfishClient, RedfishRefusal } from "./redfish-client";

type Device = "network" | "disk";

const TARGET = { network: "Pxe", disk: "Hdd" } as const satisfies Record<Device, string>;
const MODE = { uefi: "UEFI", bios: "Legacy" } as const;

export interface BootOrder {
  who: string;
  path: string;
  device: Device;
  /** Where it is known; else what the BMC shows is kept. */
  firmware?: "bios" | "uefi";
}

const bootOf = ({ body }: Answer): Json => (body.Boot ?? {}) as Json;

/**
 * Order the next boot, and read it back: some BMCs take the order and keep nothing (DSP0268, ComputerSystem, Boot).
 * Gives true where the BMC keeps it for every boot.
 */
export async function orderBoot(
  client: RedfishClient,
  order: BootOrder,
  signal: AbortSignal,
): Promise<boolean> {
  const { who, path, device, firmware } = order;
  const target = TARGET[device];
  const before = await client.get(path, signal);
  const allowed = bootOf(before)["BootSourceOverrideTarget@Redfish.AllowableValues"];
  if (Array.isArray(allowed) && !allowed.includes(target))
    throw new PowerError(
      "unable",
      `${who} cannot order a boot from the ${device}: it has ${allowed.join(", ")}, not ${target}. Put the network first in the machine's own boot order.`,
    );
  const shown = bootOf(before).BootSourceOverrideMode;
  const mode = firmware === undefined ? (typeof shown === "string" ? shown : undefined) : MODE[firmware];
  const wish = { BootSourceOverrideTarget: target, BootSourceOverrideEnabled: "Once" };
  // Most keep the mode; where it is not kept, or must be there, it is said. Said to all, some would reset it.
  const withMode = mode === undefined ? wish : { ...wish, BootSourceOverrideMode: mode };
  const sayMode = firmware !== undefined && typeof shown === "string" && shown !== mode;
  try {
    await change(client, path, { Boot: sayMode ? withMode : wish }, before, signal);
  } catch (error) {
    if (!isFailure(error, "refused") || sayMode || mode === undefined) throw error;
    await change(client, path, { Boot: withMode }, before, signal);
  }
  let after = await client.get(path, signal);
  if (mode !== undefined && typeof shown === "string" && bootOf(after).BootSourceOverrideMode !== mode) {
    await change(client, path, { Boot: withMode }, after, signal);
    after = await client.get(path, signal);
  }
  const now = bootOf(after);
  if (now.BootSourceOverrideTarget !== target || now.BootSourceOverrideEnabled === "Disabled")
    throw new PowerError(
      "server",
      `${who} took the order to boot from the ${device} and shows "${now.BootSourceOverrideTarget}" (${now.BootSourceOverrideEnabled}) all the same. Look at the boot settings on the BMC's own page.`,
    );
  return now.BootSourceOverrideEnabled === "Continuous";
}

/** One PATCH; with the ETag as read, read anew, without its `W/`, and none, for BMCs differ in what they compare. */
async function change(
  client: RedfishClient,
  path: string,
  body: Json,
  read: Answer,
  signal: AbortSignal,
): Promise<void> {
  const tries: (() => Promise<string | undefined>)[] = [
    async () => read.etag,
    async () => (await client.get(path, signal)).etag,
    async () => (await client.get(path, signal)).etag?.replace(/^W\//, ""),
    async () => undefined,
  ];
  for (const [at, etag] of tries.entries()) {
    try {
      await client.patch(path, body, await etag(), signal);
      return;
    } catch (error) {
      const isPrecondition =
        error instanceof RedfishRefusal && (error.status === 412 || error.status === 428);
      if (!isPrecondition || at === tries.length - 1) throw error;
    }
  }
}
