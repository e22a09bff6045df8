import type { BootLog } from "./log";
import { parseMac } from "./mac";
import { neighbour } from "./neighbours";
import type { Refusals, Stranger } from "./refusals";
import type { Registry } from "./registry";
import { readReport } from "./report";
import type { BootEvent, InstallFiles, Registration, Stage } from "./types";

export type Serving = Registration & { install: InstallFiles };

/** Stages that machines tell; the others we see ourselves. */
const TOLD: readonly Stage[] = ["pre", "installed", "booted", "failed"];
/** Taken with an expired token, too: a slow installation must still be able to report. */
const LATE: readonly Stage[] = ["installed", "booted", "failed"];
/** Events of one build at once, and how long until there is room for one more: a token is no right to fill the disk. */
const BURST = 100;
const REFILL_MS = 10_000;

const CONFIG_NAMES = {
  kickstart: ["ks.cfg"],
  preseed: ["preseed.cfg"],
  autoinstall: ["user-data", "meta-data", "vendor-data"],
} as const satisfies Record<InstallFiles["installer"], readonly string[]>;

export type EventAnswer = 204 | 404 | 429;

/** Who gets what: the rules that TFTP and HTTP share. Whatever is refused looks like nothing to the caller. */
export class BootDesk {
  readonly registry: Registry;
  readonly log: BootLog;
  readonly #refusals: Refusals;
  readonly #note: (line: string) => void;
  readonly #now: () => number;
  readonly #neighbour: (address: string) => string | undefined;
  readonly #room = new Map<string, { left: number; at: number }>();

  constructor(
    registry: Registry,
    log: BootLog,
    refusals: Refusals,
    note: (line: string) => void,
    options: { now?: () => number; neighbour?: (address: string) => string | undefined } = {},
  ) {
    this.registry = registry;
    this.log = log;
    this.#refusals = refusals;
    this.#note = note;
    this.#now = options.now ?? Date.now;
    this.#neighbour = options.neighbour ?? neighbour;
  }

  refuse(stranger: Stranger, reason: string): void {
    this.#refusals.tell(stranger, reason);
  }

  note(line: string): void {
    this.#note(line);
  }

  /**
   * The machine that says that it has this MAC, when it is being installed. On our own link the kernel knows its MAC,
   * too, and another's is refused. `what` names in few words what it asked for.
   */
  serving(macText: string, address: string, what: string): Serving | undefined {
    const mac = parseMac(macText);
    if (mac === undefined) {
      this.refuse({ address }, `asked for ${what} with a MAC that is none`);
      return undefined;
    }
    const seen = this.#neighbour(address);
    if (seen === undefined || seen === mac) return this.#find(mac, address, what);
    this.refuse({ address, mac: seen }, `asked for ${what} of another card, ${mac}`);
    return undefined;
  }

  #find(mac: string, address: string, what: string): Serving | undefined {
    const found = this.registry.serving(mac);
    if (found) return found;
    const known = this.registry.current(mac);
    if (known) {
      const why = known.installedAt
        ? "is installed already"
        : known.install && this.registry.isExpired(known)
          ? "had its time"
          : "is not being installed";
      this.refuse({ address, mac, machine: known.machine }, `asked for ${what}, but ${why}`);
    } else this.refuse({ address, mac }, `asked for ${what}; no machine of ours has this MAC`);
    return undefined;
  }

  /** It took its boot script. */
  booting(registration: Registration, address: string): void {
    this.#record({ stage: "pxe", ...nameOf(registration), mac: registration.mac, address });
  }

  /** A config file of the machine with this token; undefined is 404. `fetch` false is a mere question (HEAD). */
  config(token: string, name: string, address: string, fetch: boolean): string | undefined {
    const found = this.registry.byToken(token);
    if (!found) {
      this.refuse({ address }, "asked for a config with an unknown token");
      return undefined;
    }
    const served = this.#find(found.mac, address, "its config");
    if (!served || served.build !== found.build) return undefined;
    const names: readonly string[] = CONFIG_NAMES[served.install.installer];
    if (!names.includes(name)) return undefined;
    if (name === "meta-data") return `instance-id: ${served.build}\n`;
    if (name === "vendor-data") return "#cloud-config\n{}\n";
    if (fetch) this.#record({ stage: "config", ...nameOf(served), mac: served.mac, address });
    return served.install.text;
  }

  /** An event of a machine. Resolves when it is on the disk. */
  async event(
    stage: string,
    token: string,
    body: { bytes: Buffer; type: string | undefined; tooLong?: boolean },
    address: string,
  ): Promise<EventAnswer> {
    const report = readReport(body.bytes, body.type, token);
    const [claimed] = report.macs;
    const stranger = { address, ...(claimed && { mac: claimed }) };
    const told = TOLD.find((name) => name === stage);
    const found = this.registry.byToken(token);
    if (!found) {
      this.refuse(stranger, `sent "${told ?? "an event"}" with ${token ? "an unknown" : "no"} token`);
      return 404;
    }
    if (!told) {
      this.refuse({ address, mac: found.mac, machine: found.machine }, "sent an event that there is not");
      return 404;
    }
    if (report.macs.length > 0 && !report.macs.includes(found.mac)) {
      // A copy of a machine's disk: it has the token, and is not that machine.
      this.refuse(stranger, `sent "${told}" with the token of ${found.machine}, which has another MAC`);
      return 404;
    }
    if (!LATE.includes(told) && this.registry.isExpired(found)) {
      this.refuse({ address, mac: found.mac, machine: found.machine }, `sent "${told}" too late`);
      return 404;
    }
    if (!this.#takeRoom(found.build)) return 429;
    const { macs: _, ...said } = report;
    for (const secret of found.install?.secrets ?? [])
      if (said.detail) said.detail = said.detail.replaceAll(secret, "***");
    const event = { stage: told, ...nameOf(found), mac: found.mac, address, ...said };
    await this.log.append(body.tooLong ? { ...event, detail: "its log was too long to be sent" } : event);
    if (told === "installed") this.registry.markInstalled(found);
    this.#note(`${found.machine}: ${told} (${address})`);
    return 204;
  }

  #record(event: Omit<BootEvent, "at">): void {
    if (event.build !== undefined && !this.#takeRoom(event.build)) return;
    this.#note(`${event.machine}: ${event.stage} (${event.address})`);
    this.log.append(event).catch((error: unknown) => {
      this.#note(`the boot log cannot be written: ${error instanceof Error ? error.message : String(error)}`);
    });
  }

  #takeRoom(build: string): boolean {
    const now = this.#now();
    const { left, at } = this.#room.get(build) ?? { left: BURST, at: now };
    const refills = Math.floor((now - at) / REFILL_MS);
    const room = Math.min(BURST, left + refills);
    this.#room.set(build, { left: Math.max(0, room - 1), at: at + refills * REFILL_MS });
    return room > 0;
  }
}

const nameOf = ({ machine, build }: Registration) => ({ machine, build });
