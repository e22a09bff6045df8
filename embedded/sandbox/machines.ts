import * as fs from "node:fs";
import * as path from "node:path";
import type { Readable } from "node:stream";
import type { MachineStatus } from "../control";
import type { Faults } from "../faults";
import type { GuestAddress, GuestHardware, Guests } from "../libvirt/store/guests";
import { SerialConsole } from "./console";
import { ensureHostKey, Machine } from "./machine";
import { namespaceIsolation, namespacesWork } from "./namespaces";
import { readBelow } from "./netboot";
import { restrictedIsolation } from "./restricted";
import type { Isolation } from "./runner";
import { readSeed } from "./seed";

export interface MachinesOptions {
  /** Folder of the machines' disks. */
  folder: string;
  log: (line: string) => void;
  /** Do without name spaces, as where there are none. */
  restricted?: boolean;
  /** Faults named `netboot:pxe`, `netboot:config`, `netboot:pre`, `netboot:installed` and `netboot:booted`. */
  faults?: Faults;
}

/** Knows the machines that run, and answers what their own programs ask. */
export interface MachineNetwork {
  /** The URL that it asks, and where its git finds what is OpenStack's. */
  attach(machine: {
    uuid: string;
    name: string;
    nics: readonly { mac: string; ip?: string }[];
    address: string | undefined;
  }): { url: string; gitBase: string };
  detach(uuid: string): void;
}

const TRASH = ".trash";
const KEPT = ".kept-";

/** The machines of the lab, each a sandbox. */
export class Machines implements Guests {
  private readonly running = new Map<string, { machine: Machine; name: string }>();
  private readonly consoles = new Map<string, SerialConsole>();

  /** Who answers the network programs inside; set before the first machine boots. */
  network: MachineNetwork | undefined;

  /** Files of TFTP folders that the caller of VBoxManage can read and we cannot, by folder and name. */
  readonly tftpFiles = new Map<string, Map<string, string>>();

  private readonly removals = new Set<Promise<void>>();
  private trashed = 0;

  private constructor(
    private readonly options: MachinesOptions,
    private readonly sandbox: Isolation,
  ) {
    // Of a daemon that was killed while it removed them.
    for (const name of fs.readdirSync(options.folder).filter((entry) => entry.includes(TRASH))) {
      this.removals.add(removeTree(path.join(options.folder, name)).catch(() => {}));
    }
  }

  static async create(options: MachinesOptions): Promise<Machines> {
    const strong = !options.restricted && (await namespacesWork());
    return new Machines(options, (strong ? namespaceIsolation : restrictedIsolation)(options.folder));
  }

  get isolation(): string {
    return this.sandbox.name;
  }

  list(): MachineStatus[] {
    return [...this.running].flatMap(([uuid, { machine, name }]) =>
      machine.address ? [{ domain: name, uuid, macs: machine.macs, ...machine.address }] : [],
    );
  }

  hostNameOf({ media, cmdline }: GuestHardware): string | undefined {
    return readSeed(media, cmdline).hostName;
  }

  async boot(hardware: GuestHardware, onExit: (how: "poweroff" | "reboot") => void): Promise<void> {
    await this.kill(hardware.uuid);
    const machine = new Machine(hardware, {
      folder: this.folderOf(hardware.uuid),
      isolation: this.sandbox,
      console: this.consoleOf(hardware.uuid),
      log: this.options.log,
      fault: (stage) => this.options.faults?.next(`netboot:${stage}`),
      attach: (address) => this.network?.attach({ ...hardware, address }),
      readTftp: (prefix, file) => this.tftpFiles.get(prefix)?.get(file) ?? readBelow(prefix, file),
      onExit: (how) => {
        if (this.running.get(hardware.uuid)?.machine === machine) onExit(how);
      },
    });
    this.running.set(hardware.uuid, { machine, name: hardware.name });
    await machine.boot();
  }

  async kill(uuid: string): Promise<void> {
    const entry = this.running.get(uuid);
    this.running.delete(uuid);
    this.network?.detach(uuid);
    await entry?.machine.powerOff();
  }

  /** Its disk: `root` is the system on it. */
  folder(uuid: string): string {
    return this.folderOf(uuid);
  }

  hasSystem(uuid: string): boolean {
    return fs.existsSync(path.join(this.folderOf(uuid), "root"));
  }

  /** An empty disk from now on; it is off. */
  erase(uuid: string): void {
    this.discard(this.folderOf(uuid));
    fs.mkdirSync(this.folderOf(uuid), { recursive: true, mode: 0o700 });
  }

  /** Of the system on its disk, `ssh-ed25519 AAAA…`; made now where it has none. */
  hostKey(uuid: string): string {
    return ensureHostKey(this.folderOf(uuid), undefined).publicKey;
  }

  /** Words on its console, of what is no system yet. */
  say(uuid: string, line: string): void {
    this.consoleOf(uuid).write(`${line}\n`);
  }

  pause(uuid: string, paused: boolean): void {
    const entry = this.running.get(uuid);
    if (entry) entry.machine.paused = paused;
  }

  address(uuid: string): GuestAddress | undefined {
    return this.running.get(uuid)?.machine.address;
  }

  console(uuid: string): Readable {
    return this.consoleOf(uuid).open();
  }

  async forget(uuid: string): Promise<void> {
    await this.kill(uuid);
    this.consoles.delete(uuid);
    this.discard(this.folderOf(uuid));
    for (const name of fs.readdirSync(this.options.folder))
      if (name.startsWith(`${uuid}${KEPT}`) && !name.includes(TRASH))
        this.discard(path.join(this.options.folder, name));
  }

  /** A snapshot keeps the whole disk: what is inside a sandbox is small. */
  async keep(uuid: string, snapshot: string): Promise<void> {
    if (!fs.existsSync(this.folderOf(uuid))) return;
    await copyTree(this.folderOf(uuid), this.keptOf(uuid, snapshot));
  }

  async restore(uuid: string, snapshot: string): Promise<void> {
    this.discard(this.folderOf(uuid));
    const kept = this.keptOf(uuid, snapshot);
    // Taken before the first boot: the disk was empty.
    if (fs.existsSync(kept)) await copyTree(kept, this.folderOf(uuid));
  }

  async release(uuid: string, snapshot: string): Promise<void> {
    this.discard(this.keptOf(uuid, snapshot));
  }

  /** At once gone for everybody; the many small files go in the background. */
  private discard(folder: string): void {
    const trash = `${folder}${TRASH}${++this.trashed}`;
    try {
      fs.renameSync(folder, trash);
    } catch {
      // It was never made.
      return;
    }
    this.removals.add(removeTree(trash).catch((error: Error) => this.options.log(error.message)));
  }

  private keptOf(uuid: string, snapshot: string): string {
    return `${this.folderOf(uuid)}${KEPT}${snapshot}`;
  }

  async close(): Promise<void> {
    await Promise.all([...this.running.keys()].map((uuid) => this.kill(uuid)));
    await Promise.all(this.removals);
  }

  private consoleOf(uuid: string): SerialConsole {
    const there = this.consoles.get(uuid) ?? new SerialConsole();
    this.consoles.set(uuid, there);
    return there;
  }

  private folderOf(uuid: string): string {
    return path.join(this.options.folder, uuid);
  }
}

const copyTree = (from: string, to: string): Promise<void> =>
  fs.promises.cp(from, to, { recursive: true, verbatimSymlinks: true, errorOnExist: true });

/** Also where a guest took rights away from its own folders. Links are removed, never followed. */
async function removeTree(folder: string): Promise<void> {
  try {
    await fs.promises.rm(folder, { recursive: true, force: true });
  } catch {
    unlock(folder);
    await fs.promises.rm(folder, { recursive: true, force: true });
  }
}

function unlock(folder: string): void {
  fs.chmodSync(folder, 0o700);
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) unlock(path.join(folder, entry.name));
  }
}
