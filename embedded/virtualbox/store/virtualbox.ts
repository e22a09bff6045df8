import * as fs from "node:fs";
import * as path from "node:path";
import type { Journal } from "../../journal";
import type { Guests } from "../../libvirt/store/guests";
import { type Context, com, FROM } from "../errors";
import { writeSettings } from "../settings";
import { Media, UUID } from "./media";
import { Power } from "./power";
import type { DhcpServer, Globals, HostOnlyInterface, Medium, NatNetwork, Vm } from "./types";

const VM = "vm/";
const NAT = "natnet/";
const DHCP = "dhcp/";
const HOST_ONLY = "hostonly/";
const GLOBALS = "globals";

const FIRST_DHCP_SERVER = {
  network: "HostInterfaceNetworking-vboxnet0",
  serverIp: "192.168.56.100",
  netmask: "255.255.255.0",
  lowerIp: "192.168.56.101",
  upperIp: "192.168.56.254",
  enabled: true,
};

export interface VirtualBoxOptions {
  journal: Journal;
  /** Folder of the state: machines are made below it. */
  home: string;
  guests: Guests;
  /** Takes what the caller could read of a TFTP folder that is closed to us. */
  keepTftp?: (folder: string, files: Map<string, string>) => void;
  log?: (line: string) => void;
  now?: () => Date;
}

/** Everything that VBoxSVC knows. Each change is in the journal before its command is answered. */
export class VirtualBox {
  readonly home: string;
  readonly media: Media;
  readonly power: Power;
  readonly log: (line: string) => void;
  readonly guests: Guests;
  readonly keepTftp: (folder: string, files: Map<string, string>) => void;
  private readonly journal: Journal;
  private readonly machines = new Map<string, Vm>();
  private readonly natNets = new Map<string, NatNetwork>();
  private readonly dhcp = new Map<string, DhcpServer>();
  private readonly hostOnly = new Map<string, HostOnlyInterface>();
  readonly globals: Globals;
  private readonly clock: () => Date;
  private lastCall = Date.now();

  constructor(options: VirtualBoxOptions) {
    const { journal } = options;
    this.journal = journal;
    this.home = options.home;
    this.guests = options.guests;
    this.keepTftp = options.keepTftp ?? (() => {});
    this.log = options.log ?? (() => {});
    this.clock = options.now ?? (() => new Date());
    this.media = new Media(journal, path.join(options.home, "VirtualBox.xml"));
    for (const vm of journal.all<Vm>(VM)) this.machines.set(vm.uuid, vm);
    for (const network of journal.all<NatNetwork>(NAT)) this.natNets.set(network.name, network);
    for (const server of journal.all<DhcpServer>(DHCP)) this.dhcp.set(server.network, server);
    for (const one of journal.all<HostOnlyInterface>(HOST_ONLY)) this.hostOnly.set(one.name, one);
    this.globals = journal.all<Globals>(GLOBALS)[0] ?? { extraData: {} };
    // A new VirtualBox has a server for the host-only interface that is yet to be made.
    if (!fs.existsSync(this.defaultMachineFolder)) {
      fs.mkdirSync(this.defaultMachineFolder, { recursive: true, mode: 0o700 });
      this.saveDhcpServer({ ...FIRST_DHCP_SERVER, options: {}, hosts: [] });
    }
    this.power = new Power(this);
  }

  now(): string {
    return this.clock().toISOString();
  }

  /** Called before each command: a VBoxSVC that nobody asked anything for a while has ended meanwhile. */
  called(): void {
    this.media.rest(Date.now() - this.lastCall, (medium) => this.usersOf(medium).length > 0);
    this.lastCall = Date.now();
  }

  /** Start what ran when the last daemon ended. */
  resume(): void {
    for (const vm of this.list()) if (vm.state === "running" || vm.state === "paused") this.power.resume(vm);
  }

  get running(): number {
    return this.list().filter((vm) => vm.state === "running" || vm.state === "paused").length;
  }

  get machineFolder(): string {
    return this.globals.machineFolder ?? this.defaultMachineFolder;
  }
  get defaultMachineFolder(): string {
    return path.join(this.home, "VirtualBox VMs");
  }

  list(): Vm[] {
    return [...this.machines.values()].filter((vm) => vm.registered);
  }

  /** Also those that are not registered. */
  withConfig(configFile: string): Vm | undefined {
    return [...this.machines.values()].find((vm) => vm.configFile === configFile);
  }
  withUuid(uuid: string): Vm | undefined {
    return this.machines.get(uuid);
  }

  find(ref: string, at: Context): Vm {
    const uuid = UUID.exec(ref)?.[1]?.toLowerCase();
    const vm = this.list().find((one) => (uuid === undefined ? one.name === ref : one.uuid === uuid));
    if (vm) return vm;
    const text =
      uuid === undefined
        ? `Could not find a registered machine named '${ref}'`
        : `Could not find a registered machine with UUID {${uuid}}`;
    throw com(text, "VBOX_E_OBJECT_NOT_FOUND", FROM.virtualBox, at);
  }

  save(vm: Vm): void {
    this.machines.set(vm.uuid, vm);
    this.journal.set(VM + vm.uuid, vm);
    writeSettings(vm, this.media);
  }

  /** Its files stay. */
  drop(vm: Vm): void {
    this.machines.delete(vm.uuid);
    this.journal.delete(VM + vm.uuid);
  }

  /** Machines that a medium is attached to, now or in a snapshot. */
  usersOf(medium: Medium): { vm: Vm; snapshots: string[]; now: boolean }[] {
    const isIn = (controllers: Vm["hardware"]["controllers"]): boolean =>
      controllers.some((controller) => controller.attachments.some((one) => one.medium === medium.uuid));
    return [...this.machines.values()].flatMap((vm) => {
      const snapshots = vm.snapshots.filter((one) => isIn(one.hardware.controllers)).map((one) => one.uuid);
      const now = isIn(vm.hardware.controllers);
      return now || snapshots.length > 0 ? [{ vm, snapshots, now }] : [];
    });
  }

  saveGlobals(): void {
    this.journal.set(GLOBALS, this.globals);
  }

  natNetworks(): NatNetwork[] {
    return [...this.natNets.values()];
  }
  saveNatNetwork(network: NatNetwork): void {
    this.natNets.set(network.name, network);
    this.journal.set(NAT + network.name, network);
    this.power.refreshForwards();
  }
  dropNatNetwork(name: string): void {
    this.natNets.delete(name);
    this.journal.delete(NAT + name);
    this.power.refreshForwards();
  }

  dhcpServers(): DhcpServer[] {
    return [...this.dhcp.values()];
  }
  saveDhcpServer(server: DhcpServer): void {
    this.dhcp.set(server.network, server);
    this.journal.set(DHCP + server.network, server);
    // Its addresses say whom a NAT network's forwards lead to.
    if (this.running > 0) this.power.refreshForwards();
  }
  dropDhcpServer(network: string): void {
    this.dhcp.delete(network);
    this.journal.delete(DHCP + network);
  }

  hostOnlyInterfaces(): HostOnlyInterface[] {
    return [...this.hostOnly.values()];
  }
  saveHostOnly(one: HostOnlyInterface): void {
    this.hostOnly.set(one.name, one);
    this.journal.set(HOST_ONLY + one.name, one);
  }
  dropHostOnly(name: string): void {
    this.hostOnly.delete(name);
    this.journal.delete(HOST_ONLY + name);
  }

  /** Files of a machine that is deleted. Empty folders go, what else is in them stays. */
  removeFiles(vm: Vm): void {
    const folder = path.dirname(vm.configFile);
    for (const suffix of ["", "-prev"]) fs.rmSync(`${vm.configFile}${suffix}`, { force: true });
    fs.rmSync(path.join(folder, "Logs"), { recursive: true, force: true });
    for (const one of [path.join(folder, "Snapshots"), folder]) {
      try {
        fs.rmdirSync(one);
      } catch {
        // Not empty, or not there.
      }
    }
  }
}

/** Names as VirtualBox makes file names of them: what is not known to be harmless becomes a line. */
export const fileNameOf = (name: string): string => name.replace(/[^ ()\-.0-9A-Za-z_\u00a0-\ud7af]/g, "_");
