import { installOn, isBlank } from "../disk-content";
import { CODE, FROM, refuse } from "../errors";
import { all, elements, first, textOf, type XmlElement } from "../xml/tree";
import type { Domain } from "./domains";
import type { BootDevice, GuestHardware } from "./guests";
import type { Lab } from "./lab";
import type { Pool } from "./pools";
import type { Volume } from "./volumes";

/** Between power on and the first DHCP request; short, and yet long enough that nobody takes start for ready. */
const FIRMWARE_MS = 20;
/** A guest takes its time to shut down. */
const SHUTDOWN_MS = 30;

interface Running {
  /** Leases by MAC. */
  addresses: Map<string, { ip: string; prefix: number }>;
  timers: Set<NodeJS.Timeout>;
}

/** From "started" to a guest with addresses that answers, and back. */
export class Boot {
  private readonly running = new Map<string, Running>();

  constructor(
    private readonly lab: Lab,
    private readonly onExit: (domain: Domain, how: "poweroff" | "reboot") => void,
  ) {}

  /** All that can be refused before the start: networks that do not run, files that are not there. */
  check(config: XmlElement): void {
    for (const disk of disksOf(config)) this.checkDisk(disk);
    for (const network of nicsOf(config).flatMap((nic) => nic.network ?? []))
      this.lab.networks.active(network);
  }

  checkDisk(disk: XmlElement): void {
    const source = first(disk, "source")?.attributes ?? {};
    if (source.pool !== undefined && source.volume !== undefined) {
      const pool = this.lab.pools.named(source.pool);
      if (!pool.active) {
        const detail = `storage pool '${source.pool}' containing volume '${source.volume}' is not active`;
        throw refuse(CODE.operationInvalid, FROM.storage, detail);
      }
      this.lab.pools.volume(pool, source.volume);
    } else if (source.file !== undefined && !this.lab.pools.volumeAt(source.file)) {
      const detail = `Cannot access storage file '${source.file}': No such file or directory`;
      throw refuse(CODE.system, FROM.storage, detail);
    }
  }

  /** Power is on; the rest happens in the background. */
  start(domain: Domain): void {
    this.cancel(domain.uuid);
    const running: Running = { addresses: new Map(), timers: new Set() };
    this.running.set(domain.uuid, running);
    this.later(running, FIRMWARE_MS, () => {
      this.bootNow(domain, running).catch((error: Error) =>
        this.lab.log(`domain ${domain.name}: boot failed: ${error.message}`),
      );
    });
  }

  private async bootNow(domain: Domain, running: Running): Promise<void> {
    if (!domain.live) return;
    const hardware = this.hardwareOf(domain);
    const hostName = this.lab.guests.hostNameOf(hardware);
    this.leaseAll(domain.live, running, hostName);
    for (const nic of hardware.nics) {
      const ip = running.addresses.get(nic.mac)?.ip;
      if (ip !== undefined) nic.ip = ip;
    }
    await this.lab.guests.boot(hardware, (how) => {
      if (this.running.get(domain.uuid) === running) this.onExit(domain, how);
    });
  }

  private leaseAll(live: XmlElement, running: Running, hostName: string | undefined): void {
    for (const { mac, network } of nicsOf(live)) {
      if (network === undefined || running.addresses.has(mac)) continue;
      const lease = this.lab.networks.lease(network, {
        mac,
        ...(hostName === undefined ? {} : { hostName }),
      });
      if (lease) running.addresses.set(mac, { ip: lease.ip, prefix: lease.prefix });
    }
  }

  /** A NIC came, went or moved while the guest ran. */
  refreshNics(domain: Domain): void {
    const running = this.running.get(domain.uuid);
    if (!running) return;
    this.later(running, FIRMWARE_MS, () => {
      if (!domain.live) return;
      const nics = nicsOf(domain.live);
      for (const [mac, { ip }] of running.addresses) {
        const nic = nics.find((one) => one.mac === mac);
        const network = nic?.network;
        if (network !== undefined && this.lab.networks.serves(network, ip)) continue;
        running.addresses.delete(mac);
      }
      this.leaseAll(domain.live, running, this.lab.guests.hostNameOf(this.hardwareOf(domain)));
    });
  }

  powerButton(domain: Domain): void {
    const running = this.running.get(domain.uuid);
    if (running) this.later(running, SHUTDOWN_MS, () => this.onExit(domain, "poweroff"));
  }

  reset(domain: Domain): void {
    this.lab.guests.kill(domain.uuid).then(
      () => this.start(domain),
      (error: Error) => this.lab.log(error.message),
    );
  }

  async stop(domain: Domain): Promise<void> {
    this.cancel(domain.uuid);
    await this.lab.guests.kill(domain.uuid);
  }

  /**
   * Addresses by NIC, as a guest tells them. The first NIC begins with the address at which the sandbox really
   * answers; the lease follows, which no packet in the embedded lab can reach.
   */
  addresses(domain: Domain): { mac: string; device: string; addresses: { ip: string; prefix: number }[] }[] {
    const running = this.running.get(domain.uuid);
    if (!domain.live || !running) return [];
    const reachable = this.lab.guests.address(domain.uuid);
    return nicsOf(domain.live).flatMap(({ mac, device }, index) => {
      const lease = running.addresses.get(mac);
      const addresses = [
        ...(index === 0 && reachable ? [{ ip: reachable.address, prefix: 8 }] : []),
        ...(lease ? [lease] : []),
      ];
      return addresses.length > 0 ? [{ mac, device, addresses }] : [];
    });
  }

  private hardwareOf(domain: Domain): GuestHardware {
    const live = domain.live;
    const cmdline = textOf(first(live, "os"), "cmdline");
    const nics = live ? nicsOf(live) : [];
    const disk = live && disksOf(live).find((one) => (one.attributes.device ?? "disk") === "disk");
    const file = disk && this.fileOf(disk);
    const netboot = nics.flatMap(({ mac, network }) => {
      const url = network === undefined ? undefined : this.lab.networks.bootUrl(network);
      return url === undefined ? [] : [{ mac, via: "ipxe" as const, url }];
    })[0];
    return {
      uuid: domain.uuid,
      name: domain.name,
      bootOrder: live ? bootOrderOf(live) : [],
      ...(file !== undefined && {
        disk: { isBlank: () => isBlank(file), install: () => installOn(file) },
      }),
      ...(netboot && { netboot }),
      isHost: (address) =>
        nics.some(({ network }) => network !== undefined && this.lab.networks.isGateway(network, address)),
      nics: nics.map(({ mac, network }) => ({ mac, ...(network === undefined ? {} : { network }) })),
      media: live ? disksOf(live).flatMap((disk) => this.fileOf(disk) ?? []) : [],
      ...(cmdline === undefined ? {} : { cmdline }),
    };
  }

  /** The volume that a disk stands for; undefined for an empty drive or a path in no pool. */
  volumeOf(disk: XmlElement): { pool: Pool; volume: Volume } | undefined {
    const source = first(disk, "source")?.attributes ?? {};
    if (source.pool !== undefined && source.volume !== undefined) {
      const pool = this.lab.pools.named(source.pool);
      return { pool, volume: this.lab.pools.volume(pool, source.volume) };
    }
    return source.file === undefined ? undefined : this.lab.pools.volumeAt(source.file);
  }

  /** Where the content of a disk really is. */
  private fileOf(disk: XmlElement): string | undefined {
    try {
      const at = this.volumeOf(disk);
      return at?.pool.files.file(at.volume.name);
    } catch {
      // Deleted under the running domain: the guest sees an empty drive.
      return undefined;
    }
  }

  private later(running: Running, ms: number, work: () => void): void {
    const timer = setTimeout(() => {
      running.timers.delete(timer);
      work();
    }, ms);
    running.timers.add(timer);
  }

  private cancel(uuid: string): void {
    for (const timer of this.running.get(uuid)?.timers ?? []) clearTimeout(timer);
    this.running.delete(uuid);
  }
}

const disksOf = (root: XmlElement): XmlElement[] => all(first(root, "devices"), "disk");

const BOOT_DEVICES: Record<string, BootDevice> = {
  network: "network",
  hd: "disk",
  cdrom: "dvd",
  interface: "network",
  disk: "disk",
};

/** `<boot dev=…>` of the system, or `<boot order=…>` of devices. A kernel of its own needs neither. */
function bootOrderOf(root: XmlElement): BootDevice[] {
  const os = first(root, "os");
  if (textOf(os, "kernel") !== undefined) return [];
  const named = all(os, "boot").flatMap(({ attributes }) => BOOT_DEVICES[attributes.dev ?? ""] ?? []);
  if (named.length > 0) return named;
  return elements(first(root, "devices") ?? root)
    .flatMap((device) => {
      const order = first(device, "boot")?.attributes.order;
      const isDrive = device.attributes.device === "cdrom";
      const kind = isDrive ? "dvd" : BOOT_DEVICES[device.name];
      return order === undefined || kind === undefined ? [] : [{ order: Number(order), kind }];
    })
    .sort((a, b) => a.order - b.order)
    .map(({ kind }) => kind);
}

interface Nic {
  mac: string;
  device: string;
  network?: string;
}

const nicsOf = (root: XmlElement): Nic[] =>
  elements(first(root, "devices") ?? root)
    .filter((device) => device.name === "interface")
    .map((nic) => {
      const network = first(nic, "source")?.attributes.network;
      return {
        mac: first(nic, "mac")?.attributes.address ?? "",
        device: first(nic, "target")?.attributes.dev ?? "",
        ...(network === undefined ? {} : { network }),
      };
    });
