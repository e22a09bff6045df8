import { randomBytes, randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { utils } from "ssh2";
import { makeHostKey } from "../../providers/seed/host-key";
import type { FaultRule } from "../faults";
import type { GuestAddress, GuestHardware } from "../libvirt/store/guests";
import { endpoints } from "./addresses";
import { applySeedKeys, loginOf } from "./authorized-keys";
import { writeBootId } from "./boot-id";
import { callHome } from "./call-home";
import { resolveInside } from "./confine";
import type { SerialConsole } from "./console";
import { networkBoot } from "./netboot";
import { prepareRoot } from "./rootfs";
import type { Isolation, Runner } from "./runner";
import { quote, readSeed, type Seed } from "./seed";
import { type SshService, startSsh } from "./ssh";

export interface MachineOptions {
  /** `<state>/machines/<uuid>` */
  folder: string;
  isolation: Isolation;
  console: SerialConsole;
  onExit: (how: "poweroff" | "reboot") => void;
  log: (line: string) => void;
  /** The scripted fault of a stage of a network boot, or of `booted`. */
  fault?: (stage: string) => FaultRule | undefined;
  /** It came up, and answers there: the URL that its own programs ask, and a GIT_BASE. */
  attach?: (address: string | undefined) => { url: string; gitBase: string } | undefined;
  /** Text of a file below a TFTP folder that only its owner can read. */
  readTftp?: (prefix: string, file: string) => string | undefined;
}

/** One running machine: a sandbox, and an SSH server on loopback that leads into it. */
export class Machine {
  paused = false;
  private ssh: SshService | undefined;
  private runner: Runner | undefined;
  private hostKey = "";
  private readonly end = new AbortController();

  constructor(
    private readonly hardware: GuestHardware,
    private readonly options: MachineOptions,
  ) {}

  get address(): GuestAddress | undefined {
    return this.ssh && { address: this.ssh.address, sshPort: this.ssh.port, hostKey: this.hostKey };
  }

  get macs(): string[] {
    return this.hardware.nics.map((one) => one.mac);
  }

  async boot(): Promise<void> {
    const { folder, isolation, log, onExit } = this.options;
    const { name, media, cmdline, nics } = this.hardware;
    const say = (line: string): void => this.options.console.write(`${line}\n`);
    const seed = readSeed(media, cmdline);
    const hostName = seed.hostName ?? this.hardware.hostName ?? name;
    if (!(await this.firmware(hostName, say))) return;
    say(
      `[    0.000000] Linux version 6.1.0-labplan (sandbox)\n[    0.000000] Command line: ${cmdline ?? ""}`,
    );
    const { pem, publicKey } = ensureHostKey(folder, seed.hostKey);
    this.hostKey = publicKey;
    const bootId = randomUUID();
    const root = path.join(folder, "root");
    this.runner = isolation.create({ root, hostName, onExit, log });
    const [nic] = nics;
    if (nic) {
      const ssh = await startSsh({
        hostKey: pem,
        login: loginOf(root, seed.keys),
        runner: this.runner,
        root,
        endpoints: endpoints(nic.mac, nic.ip),
        paused: () => this.paused,
        log,
      });
      // Powered off while it was coming up.
      if (this.end.signal.aborted) return ssh.close();
      this.ssh = ssh;
    }
    const link = this.options.attach?.(this.ssh?.address);
    const address = this.ssh?.address ?? "127.0.0.1";
    prepareRoot(root, { hostName, address, ...(link !== undefined && { link }) }, seed);
    writeBootId(folder, bootId);
    applySeedKeys(folder, seed);
    await this.firstBoot(root, seed, say);
    if (hasUnits(root)) await this.inside(BOOT_UNITS, "", say, "the start of units");
    // As cloud-init prints them: the one channel by which a key can be learned without trust in the network.
    say(`-----BEGIN SSH HOST KEY KEYS-----\n${this.hostKey}\n-----END SSH HOST KEY KEYS-----`);
    say(`\nlabplan sandbox ${hostName} ttyS0\n\n${hostName} login: `);
    log(`machine ${name}: up${this.ssh ? ` at ${this.ssh.address}:${this.ssh.port}` : ""}`);
    void callHome({
      file: path.join(root, "etc/labplan/boot.env"),
      macs: nics.map((one) => one.mac),
      hostName,
      hostKey: this.hostKey,
      bootId,
      link: this.link,
      say,
      fault: (stage) => this.options.fault?.(stage),
    });
  }

  /** Boot devices in their order. False when no system of its own came of it: an installer did, or nothing. */
  private async firmware(hostName: string, say: (line: string) => void): Promise<boolean> {
    const { bootOrder = [], netboot, disk } = this.hardware;
    // Who says nothing about network boots has whatever is there as its system.
    if (!netboot || !bootOrder.includes("network")) return true;
    for (const device of bootOrder) {
      if (device === "disk" && disk && !disk.isBlank()) return true;
      if (device !== "network") continue;
      const how = await networkBoot({
        hostName,
        source: netboot,
        disk,
        link: this.link,
        say,
        fault: (stage) => this.options.fault?.(stage),
        ...(this.options.readTftp && { readTftp: this.options.readTftp }),
      });
      if (this.end.signal.aborted) return false;
      if (how === "poweroff" || how === "reboot") this.options.onExit(how);
      if (how !== "next") return false;
    }
    if (!disk) return true;
    say("FATAL: No bootable medium found! System halted.");
    return false;
  }

  private get link() {
    return { isHost: this.hardware.isHost ?? (() => false), signal: this.end.signal };
  }

  async powerOff(): Promise<void> {
    this.end.abort();
    await this.ssh?.close();
    this.ssh = undefined;
    await this.runner?.kill();
    this.options.console.end();
  }

  /** What cloud-init does once per instance: files, then commands, inside. */
  private async firstBoot(root: string, seed: Seed, say: (line: string) => void): Promise<void> {
    const done = path.join(this.options.folder, "instance");
    const before = fs.existsSync(done) ? fs.readFileSync(done, "utf8") : undefined;
    if (before === seed.instanceId) return;
    for (const [index, file] of seed.files.entries()) {
      const script = `mkdir -p "$(dirname ${quote(file.path)})"; cat > ${quote(file.path)}; chmod ${file.mode.toString(8)} ${quote(file.path)}`;
      await this.inside(script, file.content, say, `write_files ${index}`);
    }
    for (const [index, command] of seed.commands.entries())
      await this.inside(command, "", say, `runcmd ${index}`);
    fs.writeFileSync(done, seed.instanceId, { mode: 0o600 });
    if (!fs.existsSync(root)) throw new Error("the disk is gone");
  }

  private async inside(
    command: string,
    input: string,
    say: (line: string) => void,
    what: string,
  ): Promise<void> {
    const child = await this.runner?.run({ command, user: "root", env: {} });
    if (!child) return;
    child.stdin?.on("error", () => {});
    child.stdin?.end(input);
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (data: Buffer) => say(data.toString("utf8").trimEnd()));
    }
    const code = await new Promise<number | null>((resolve) => {
      child.on("error", () => resolve(126));
      child.on("close", resolve);
    });
    if (code !== 0) say(`cloud-init: ${what} ended with ${code}`);
  }
}

/** Of `systemctl` in shims.ts: starts what is enabled, as its first process would. */
const BOOT_UNITS = "systemctl labplan-boot";

function hasUnits(root: string): boolean {
  try {
    return fs.readdirSync(resolveInside(root, "etc/systemd/system/multi-user.target.wants")).length > 0;
  } catch {
    return false;
  }
}

/** The seed's own, else one that is made once and kept with the disk. */
export function ensureHostKey(folder: string, own: string | undefined): { pem: string; publicKey: string } {
  const file = path.join(folder, "host-key");
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (own === undefined && !fs.existsSync(file))
    fs.writeFileSync(file, makeHostKey(randomBytes, "sandbox").privateKey, { mode: 0o600 });
  const pem = own ?? fs.readFileSync(file, "utf8");
  const key = utils.parseKey(pem);
  if (key instanceof Error) throw new Error(`its host key cannot be read: ${key.message}`);
  return { pem, publicKey: `${key.type} ${key.getPublicSSH().toString("base64")}` };
}
