import type { DomainRef } from "../../../providers/libvirt/client";
import type { DOMAIN_STATES } from "../../../providers/libvirt/rpc/procedures";
import { CODE, FROM, refuse } from "../errors";
import { normaliseDomain, parseDomain } from "../xml/domain";
import { type LiveContext, makeLive } from "../xml/live";
import { all, copy, element, first, printXml, textOf, type XmlElement } from "../xml/tree";
import { Boot } from "./boot";
import type { Lab } from "./lab";

type PowerState = (typeof DOMAIN_STATES)[number];

interface StoredDomain {
  name: string;
  uuid: string;
  autostart: boolean;
  /** -1 when off. */
  id: number;
  state: PowerState;
  config?: XmlElement;
  live?: XmlElement;
}

/** A domain: `config` is what is defined, `live` what runs. At least one of them is there. */
export type Domain = StoredDomain;

const KEY = "domain/";
/** virDomainEventStoppedDetailType */
const STOPPED = { shutdown: 0, destroyed: 1 } as const;

export class Domains {
  private readonly byUuid = new Map<string, Domain>();
  private readonly byName = new Map<string, Domain>();
  private readonly boot: Boot;
  private lastId = 0;
  private lastTap = 0;

  constructor(private readonly lab: Lab) {
    for (const stored of lab.journal.all<StoredDomain>(KEY)) {
      this.index(stored);
      this.lastId = Math.max(this.lastId, stored.id);
    }
    this.boot = new Boot(lab, (domain, how) => this.exited(domain, how));
  }

  list(): Domain[] {
    return [...this.byUuid.values()];
  }

  get running(): number {
    return this.list().filter((domain) => domain.live).length;
  }

  named(name: string): Domain {
    const domain = this.byName.get(name);
    if (!domain) throw refuse(CODE.noDomain, FROM.qemu, `no domain with matching name '${name}'`);
    return domain;
  }

  withUuid(uuid: string, name?: string): Domain {
    const domain = this.byUuid.get(uuid);
    if (domain) return domain;
    const known = name === undefined ? "" : ` (${name})`;
    throw refuse(CODE.noDomain, FROM.qemu, `no domain with matching uuid '${uuid}'${known}`);
  }

  withId(id: number): Domain {
    const domain = this.list().find((one) => one.live && one.id === id);
    if (!domain) throw refuse(CODE.noDomain, FROM.qemu, `no domain with matching id ${id}`);
    return domain;
  }

  find(ref: DomainRef): Domain {
    return this.withUuid(ref.uuid, ref.name);
  }

  xml(domain: Domain, inactive: boolean): string {
    return printXml((inactive ? domain.config : domain.live) ?? domain.live ?? domain.config ?? EMPTY);
  }

  /** How many running NICs are on a network. */
  connectionsTo(network: string): number {
    let count = 0;
    for (const domain of this.byUuid.values()) {
      for (const nic of all(first(domain.live, "devices"), "interface")) {
        if (first(nic, "source")?.attributes.network === network) count++;
      }
    }
    return count;
  }

  define(xml: string): Domain {
    const given = parseDomain(xml);
    const config = normaliseDomain(given, this.lab.invent);
    const [name, uuid] = [textOf(config, "name") ?? "", textOf(config, "uuid") ?? ""];
    const named = this.byName.get(name);
    if (named && named.uuid !== uuid) {
      throw refuse(
        CODE.operationFailed,
        FROM.domain,
        `domain '${name}' already exists with uuid ${named.uuid}`,
      );
    }
    const known = this.byUuid.get(uuid);
    if (known && known.name !== name) {
      const detail = `domain '${known.name}' is already defined with uuid ${uuid}`;
      throw refuse(CODE.operationFailed, FROM.domain, detail);
    }
    const domain: Domain = known ?? { name, uuid, autostart: false, id: -1, state: "shutoff" };
    const updated = known?.config !== undefined;
    domain.config = config;
    this.index(domain);
    this.save(domain);
    this.lab.events.domain(domain, "defined", updated ? 1 : 0);
    return domain;
  }

  start(domain: Domain): void {
    if (domain.live) throw refuse(CODE.operationInvalid, FROM.qemu, "domain is already running");
    this.boot.check(domain.config ?? EMPTY);
    domain.id = ++this.lastId;
    domain.live = makeLive(domain.config ?? EMPTY, this.liveContext(domain));
    domain.state = "running";
    this.save(domain);
    this.lab.events.domain(domain, "resumed");
    this.lab.events.domain(domain, "started");
    this.boot.start(domain);
  }

  /** Power off at once. */
  async destroy(domain: Domain): Promise<void> {
    this.mustRun(domain);
    await this.stop(domain, STOPPED.destroyed);
  }

  /** Press the power button: the guest goes down in its own time. */
  shutdown(domain: Domain): void {
    this.mustRun(domain, FROM.qemu);
    this.boot.powerButton(domain);
  }

  reboot(domain: Domain): void {
    this.mustRun(domain);
    this.boot.reset(domain);
  }

  suspend(domain: Domain): void {
    this.mustRun(domain);
    if (domain.state === "paused") return;
    this.setState(domain, "paused");
    this.lab.events.domain(domain, "suspended");
  }

  resumePaused(domain: Domain): void {
    this.mustRun(domain);
    if (domain.state === "running") {
      throw refuse(CODE.operationInvalid, FROM.qemu, "domain is already running");
    }
    this.setState(domain, "running");
    this.lab.events.domain(domain, "resumed");
  }

  async undefine(domain: Domain): Promise<void> {
    if (!domain.config) {
      throw refuse(CODE.operationInvalid, FROM.qemu, "cannot undefine transient domain");
    }
    delete domain.config;
    domain.autostart = false;
    this.lab.events.domain(domain, "undefined");
    await this.saveOrDrop(domain);
  }

  setAutostart(domain: Domain, on: boolean): void {
    if (!domain.config) {
      throw refuse(CODE.operationInvalid, FROM.qemu, "cannot set autostart for transient domain");
    }
    domain.autostart = on;
    this.save(domain);
  }

  /**
   * Change the definitions that `flags` name (1 live, 2 config, 0 the current one): all of them, or none when one
   * refuses. `work` changes its argument in place.
   */
  change(domain: Domain, flags: number, work: (root: XmlElement, live: boolean) => void): void {
    const { live, config } = this.scope(domain, flags);
    const next = { live: live && copy(live), config: config && copy(config) };
    if (next.config) work(next.config, false);
    if (next.live) work(next.live, true);
    if (next.config) domain.config = next.config;
    if (next.live) domain.live = next.live;
    this.save(domain);
    if (next.live) this.boot.refreshNics(domain);
  }

  /** The definition to look into, by the same flags. */
  current(domain: Domain, flags: number): XmlElement {
    const { live, config } = this.scope(domain, flags);
    return live ?? config ?? EMPTY;
  }

  private scope(domain: Domain, flags: number): { live?: XmlElement; config?: XmlElement } {
    const wantsLive = (flags & 1) !== 0 || ((flags & 3) === 0 && domain.live !== undefined);
    const wantsConfig = (flags & 2) !== 0 || ((flags & 3) === 0 && !domain.live);
    if (wantsLive) this.mustRun(domain);
    if (wantsConfig && !domain.config) {
      const detail = "transient domains do not have any persistent config";
      throw refuse(CODE.operationInvalid, FROM.domain, detail);
    }
    return {
      ...(wantsLive && domain.live ? { live: domain.live } : {}),
      ...(wantsConfig && domain.config ? { config: domain.config } : {}),
    };
  }

  liveContext(domain: Domain): LiveContext {
    return {
      id: domain.id,
      bridgeOf: (network) => this.lab.networks.bridgeOf(network),
      nextTap: () => `vnet${this.lastTap++}`,
    };
  }

  mustRun(domain: Domain, from: typeof FROM.qemu | typeof FROM.domain = FROM.domain): void {
    if (!domain.live) throw refuse(CODE.operationInvalid, from, "domain is not running");
  }

  addresses(domain: Domain): { mac: string; device: string; addresses: { ip: string; prefix: number }[] }[] {
    this.mustRun(domain);
    return this.boot.addresses(domain);
  }

  /** What a live device stands on must be there: its network runs, its volume exists. */
  checkDevice(device: XmlElement): void {
    if (device.name === "disk") this.boot.checkDisk(device);
    const network = device.name === "interface" ? first(device, "source")?.attributes.network : undefined;
    if (network !== undefined) this.lab.networks.active(network);
  }

  /** The path of a disk's volume, as the hypervisor shows it. */
  diskPath(disk: XmlElement): string | undefined {
    const at = this.boot.volumeOf(disk);
    return at?.pool.files.pathOf(at.volume.name);
  }

  resizeDisk(disk: XmlElement, bytes: bigint): void {
    const at = this.boot.volumeOf(disk);
    at?.pool.files.resize(at.volume, bytes, true);
  }

  /** Boot what ran before; called once, when the daemon has started. */
  async resume(): Promise<void> {
    for (const domain of this.list()) if (domain.live) this.boot.start(domain);
  }

  private exited(domain: Domain, how: "poweroff" | "reboot"): void {
    if (!domain.live) return;
    const action = textOf(domain.live, how === "reboot" ? "on_reboot" : "on_poweroff");
    if (action === "restart") {
      this.boot.start(domain);
      return;
    }
    this.stop(domain, STOPPED.shutdown).catch((error: Error) => this.lab.log(error.message));
  }

  private async stop(domain: Domain, detail: number): Promise<void> {
    domain.id = -1;
    domain.state = "shutoff";
    delete domain.live;
    this.lab.events.domain(domain, "shutdown");
    this.lab.events.domain(domain, "stopped", detail);
    await this.boot.stop(domain);
    await this.saveOrDrop(domain);
  }

  private setState(domain: Domain, state: PowerState): void {
    domain.state = state;
    this.lab.guests.pause(domain.uuid, state === "paused");
    this.save(domain);
  }

  private index(domain: Domain): void {
    this.byUuid.set(domain.uuid, domain);
    this.byName.set(domain.name, domain);
  }

  private save(domain: Domain): void {
    this.lab.journal.set(KEY + domain.uuid, domain);
  }

  private async saveOrDrop(domain: Domain): Promise<void> {
    if (domain.config || domain.live) {
      this.save(domain);
      return;
    }
    this.byUuid.delete(domain.uuid);
    this.byName.delete(domain.name);
    this.lab.journal.delete(KEY + domain.uuid);
    await this.lab.guests.forget(domain.uuid);
  }
}

const EMPTY: XmlElement = element("domain");
