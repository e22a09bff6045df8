import { createHash } from "node:crypto";
import * as os from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import type { FaultRule } from "../faults";
import type { Journal } from "../journal";
import type { Machines } from "../sandbox/machines";
import type { ImageStore } from "./image-content";
import { networkBoot } from "./imaging";
import type { HostRecord } from "./records";
import type { FogStore } from "./store";

/** A machine of metal, as its own management controller sees it. It is there whatever FOG knows of it. */
export interface Metal {
  uuid: string;
  /** The one that boots from the network first. */
  macs: string[];
  isOn: boolean;
  override: "Disabled" | "Once" | "Continuous";
  target: "None" | "Pxe" | "Hdd";
}

export interface BareMetalOptions {
  machines: Machines;
  journal: Journal;
  store: FogStore;
  images: ImageStore;
  fault: (stage: string) => FaultRule | undefined;
  log: (line: string) => void;
  /** How long writing an image takes. */
  durationMs: number;
  tellsFailures: boolean;
}

/** Between power on and the first request. */
const FIRMWARE_MS = 20;
/** A guest takes its time to shut down. */
const SHUTDOWN_MS = 30;
/** Of anything that goes wrong in a loop of reboots. */
const REST_MS = 200;

/** The lab's hosts: sandboxes that are imaged by what the FOG server has for them. */
export class BareMetal {
  private readonly all = new Map<string, Metal>();
  private readonly runs = new Map<string, AbortController>();
  private base = "";
  private isClosed = false;

  constructor(private readonly options: BareMetalOptions) {
    for (const one of options.journal.all<Metal>("metal/")) this.all.set(one.uuid, one);
  }

  /** The server listens. Those that were on are switched on again. */
  begin(base: string): void {
    this.base = base;
    for (const one of this.all.values()) if (one.isOn) this.start(one);
  }

  list(): Metal[] {
    return [...this.all.values()];
  }

  /** By a MAC in any form, or by its UUID. */
  find(id: string): Metal | undefined {
    const mac = id.toLowerCase().replaceAll("-", ":");
    return this.list().find((one) => one.uuid === id || one.macs.includes(mac));
  }

  nameOf(metal: Metal): string | undefined {
    return this.recordOf(metal)?.name;
  }

  /** Those on that FOG knows: what else is on keeps nobody up. */
  get running(): number {
    return this.list().filter((one) => one.isOn && this.recordOf(one)).length;
  }

  /** There is a machine for the cards of every host. */
  register(macs: readonly string[]): void {
    const known = this.list().find((one) => one.macs.some((mac) => macs.includes(mac)));
    const [first] = macs;
    if (first === undefined) return;
    const metal = known ?? {
      uuid: uuidOf(first),
      macs: [],
      isOn: false,
      override: "Disabled",
      target: "None",
    };
    const free = macs.filter((mac) => !this.find(mac));
    if (known && free.length === 0) return;
    metal.macs.push(...free);
    this.save(metal);
  }

  on(metal: Metal): void {
    if (metal.isOn) return;
    metal.isOn = true;
    this.save(metal);
    this.start(metal);
  }

  async off(metal: Metal): Promise<void> {
    metal.isOn = false;
    this.save(metal);
    this.runs.get(metal.uuid)?.abort();
    await this.options.machines.kill(metal.uuid);
  }

  async reset(metal: Metal): Promise<void> {
    await this.off(metal);
    this.on(metal);
  }

  /** By its system, which takes its time, or never hears of it when there is none. */
  async shutDown(metal: Metal, then: "off" | "on"): Promise<void> {
    if (!this.options.machines.address(metal.uuid)) return;
    await sleep(SHUTDOWN_MS);
    await (then === "off" ? this.off(metal) : this.reset(metal));
  }

  bootNext(metal: Metal, override: Metal["override"], target: Metal["target"]): void {
    Object.assign(metal, override === "Disabled" ? { override, target: "None" } : { override, target });
    this.save(metal);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    for (const run of this.runs.values()) run.abort();
  }

  private save(metal: Metal): void {
    this.all.set(metal.uuid, metal);
    if (!this.isClosed) this.options.journal.set(`metal/${metal.uuid}`, metal);
  }

  private recordOf(metal: Metal): HostRecord | undefined {
    return metal.macs.flatMap((mac) => this.options.store.hostByMac(mac) ?? [])[0];
  }

  private start(metal: Metal): void {
    const run = new AbortController();
    this.runs.get(metal.uuid)?.abort();
    this.runs.set(metal.uuid, run);
    this.boot(metal, run.signal).catch((error: Error) => {
      if (!run.signal.aborted) this.options.log(`fog: ${this.labelOf(metal)}: ${error.message}`);
    });
  }

  /** Firmware and all, until a system is up or the machine stands still. */
  private async boot(metal: Metal, signal: AbortSignal): Promise<void> {
    const { machines, fault, log, durationMs, images, tellsFailures } = this.options;
    const say = (line: string): void => {
      machines.say(metal.uuid, line);
      log(`fog: ${this.labelOf(metal)}: ${line}`);
    };
    for (let isImaged = false; ; isImaged = true) {
      await sleep(isImaged ? REST_MS : FIRMWARE_MS, undefined, { signal });
      if (this.takesNetwork(metal)) {
        const folder = machines.folder(metal.uuid);
        const end = await networkBoot({
          base: this.base,
          macs: metal.macs,
          uuid: metal.uuid,
          hostName: this.labelOf(metal),
          link: { isHost: isOwnAddress, signal },
          durationMs,
          fault,
          say,
          tellsFailures,
          disk: {
            erase: () => machines.erase(metal.uuid),
            write: (image, wrong) => images.write(image, folder, wrong),
            capture: (image) => images.capture(image, folder),
            hasImage: (image) => images.has(image),
            hostKey: () => machines.hostKey(metal.uuid),
          },
        });
        if (signal.aborted) return;
        if (end === "reboot") continue;
        if (end === "poweroff") return this.off(metal);
        if (end === "stuck") return;
      }
      if (isImaged && fault("boot")) return say("does not come back");
      if (!machines.hasSystem(metal.uuid)) return say("FATAL: No bootable medium found! System halted.");
      return this.bootDisk(metal, signal);
    }
  }

  /** Hosts of FOG have the network first, unless their controller was told otherwise for this boot. */
  private takesNetwork(metal: Metal): boolean {
    const isDisk = metal.override !== "Disabled" && metal.target === "Hdd";
    if (metal.override === "Once") this.bootNext(metal, "Disabled", "None");
    return !isDisk;
  }

  private async bootDisk(metal: Metal, signal: AbortSignal): Promise<void> {
    const { machines, store } = this.options;
    const name = this.labelOf(metal);
    await machines.boot(
      { uuid: metal.uuid, name, nics: metal.macs.map((mac) => ({ mac })), media: [], isHost: isOwnAddress },
      (how) => {
        void (how === "reboot" ? this.reset(metal) : this.off(metal));
      },
    );
    if (signal.aborted) {
      // Switched off while it came up. Where it is on again, the next boot ends this one.
      if (!metal.isOn) await machines.kill(metal.uuid);
      return;
    }
    const record = this.recordOf(metal);
    const at = machines.address(metal.uuid);
    // As its client tells it: where a host is found that has no planned address.
    if (record && at) store.save("host", { ...record, ip: at.address });
  }

  private labelOf(metal: Metal): string {
    return this.recordOf(metal)?.name ?? metal.macs[0] ?? metal.uuid;
  }
}

/** What leads to this machine leads to its loopback. */
const isOwnAddress = (address: string): boolean =>
  Object.values(os.networkInterfaces())
    .flat()
    .some((one) => one?.address === address);

/** The same for the same card, wherever and whenever. */
function uuidOf(mac: string): string {
  const hex = createHash("sha256").update(`labplan metal ${mac}`).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
