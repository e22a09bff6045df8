import { bootHome } from "../../kickstart/server/home";
import { Registry } from "../../kickstart/server/registry";
import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import type { BootAccess } from "../seed/boot-record";

/** A machine whose seed brings the unit that calls home. */
export interface Recorded {
  name: string;
  nics: readonly { mac: string }[];
  bootRecord?: { url: string };
  /** Where SSH reaches it from here: a forwarded port. */
  ssh?: { host: string; port: number };
}

/** Long enough for a machine that is rarely looked at; a `booted` event is taken after it, too. */
const RECORD_S = 365 * 24 * 3600;

/**
 * Let a machine call home, with the token that its seed holds already, if there is one: a new one would never reach a
 * guest that has read its seed. What nobody wants recorded has none.
 */
export function bootAccessOf(
  { name, nics, bootRecord, ssh }: Recorded,
  run: Pick<Run, "mark" | "now">,
  held: string | undefined,
  folder: string = bootHome(),
): BootAccess | undefined {
  if (!bootRecord) return undefined;
  const mac = nics[0]?.mac;
  if (mac === undefined)
    throw new LabError(
      `${name}: without a network card it cannot call home; add one, or say another "wait:"`,
    );
  const { token } = new Registry(folder, { now: () => run.now().getTime() }).begin({
    machine: run.mark.name,
    mac,
    purpose: "record",
    expiresInS: RECORD_S,
    renew: true,
    ...(ssh ? { ssh } : {}),
    ...(held === undefined ? {} : { token: held }),
  });
  return { url: bootRecord.url, token };
}

/** Which SSH host key its seed gives it: its `booted` event must name that one. */
export function expectHostKey(
  { nics, bootRecord }: Recorded,
  hostKey: string,
  folder: string = bootHome(),
): void {
  const mac = nics[0]?.mac;
  if (bootRecord && mac !== undefined) new Registry(folder).expectHostKey(mac, hostKey);
}

/** Its seed is gone, and with it the token. */
export function endBootAccess(
  { nics, bootRecord }: Recorded,
  run: Pick<Run, "mark">,
  folder: string = bootHome(),
): void {
  const mac = nics[0]?.mac;
  if (!bootRecord || mac === undefined) return;
  const registry = new Registry(folder);
  const found = registry.current(mac);
  if (found?.purpose === "record" && found.machine === run.mark.name) registry.end(mac, found.build);
}
