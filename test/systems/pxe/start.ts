import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { end } from "../namespaces";

/** A machine without a disk, in the network. */
export interface NetworkGuest {
  /** What it wrote on its serial console so far, without what moves a terminal's cursor. */
  console(): string;
  /** Resolves when it has switched itself off, or was stopped. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

export interface GuestOptions {
  name: string;
  mac: string;
  memoryMiB?: number;
}

export interface LanOptions {
  /** Machines that get a boot file: over iPXE and HTTP, or pxelinux and TFTP. Others get iPXE's. */
  hosts: { mac: string; ip: string; name: string; via: "ipxe" | "tftp" }[];
  httpPort: number;
}

/** A network of the test's own: a bridge, DHCP, and machines on taps. Nothing of it is seen outside. */
export interface Lan {
  /** Of this side of the bridge. */
  address: string;
  /** Runs a program inside; ended with the network. */
  spawn(name: string, argv: readonly string[], env?: Record<string, string>): { output(): string };
  boot(guest: GuestOptions): NetworkGuest;
  /** What dnsmasq said. */
  dhcpLog(): string;
  stop(): Promise<void>;
}

const PREFIX = "labplan-pxe-";
const ADDRESS = "192.0.2.1";
const QEMU = "/usr/bin/qemu-system-x86_64";
const PROGRAMS = [
  QEMU,
  "/usr/sbin/dnsmasq",
  "/usr/bin/unshare",
  "/usr/bin/nsenter",
  "/usr/bin/setpriv",
  "/usr/bin/cpio",
];
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
const CURSOR = /\u001b(\[[0-9;?]*[A-Za-z]|c)/g;
const FILES = [
  "/usr/lib/ipxe/qemu/pxe-virtio.rom",
  "/usr/lib/PXELINUX/pxelinux.0",
  "/usr/lib/syslinux/modules/bios/ldlinux.c32",
];

/** Undefined when machines can be booted from a private network here, else the reason why not. */
export function available(): string | undefined {
  if (process.platform !== "linux") return "network boots need Linux";
  const missing = [...PROGRAMS, ...FILES].find((path) => !isThere(path, PROGRAMS.includes(path)));
  if (missing) return `${missing} is not installed; test/systems/pxe/install.sh installs it`;
  if (!existsSync("/dev/net/tun")) return "there is no /dev/net/tun for the machines' network cards";
  if (process.getuid?.() !== 0) return "needs root, for network namespaces";
  try {
    execFileSync("/usr/bin/unshare", ["-n", "-m", "-p", "-f", "--mount-proc", "true"], { stdio: "pipe" });
  } catch {
    return "this container may not make namespaces (CAP_SYS_ADMIN)";
  }
  return undefined;
}

export async function startLan({ hosts, httpPort }: LanOptions): Promise<Lan> {
  const folder = mkdtempSync(join(tmpdir(), PREFIX));
  // setpriv: when this process is killed, the kernel kills unshare, and that kills all that is inside.
  const holder = spawn(
    "/usr/bin/setpriv",
    [
      ...["--pdeathsig", "KILL", "/usr/bin/unshare", "-n", "-m", "-p", "-f", "--mount-proc", "--kill-child"],
      ...["sleep", "infinity"],
    ],
    { stdio: "ignore" },
  );
  const stop = async () => {
    await end(holder);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const inside = ["-t", `${await firstInside(holder)}`, "-a", `--wd=${process.cwd()}`, "--"];
    const run = (...argv: string[]) =>
      execFileSync("/usr/bin/nsenter", [...inside, ...argv], { stdio: "pipe" });
    const start = (argv: readonly string[], log: string, env: Record<string, string> = {}) => {
      const output = openSync(join(folder, log), "a");
      return spawn("/usr/bin/nsenter", [...inside, ...argv], {
        stdio: ["ignore", output, output],
        env: { ...process.env, ...env },
      });
    };
    run("ip", "link", "set", "lo", "up");
    // No forwarding delay: the bridge would be deaf for the first seconds.
    run("ip", "link", "add", "br0", "type", "bridge", "forward_delay", "0");
    run("ip", "address", "add", `${ADDRESS}/24`, "dev", "br0");
    run("ip", "link", "set", "br0", "up");
    start(["/usr/sbin/dnsmasq", ...dhcpOptions(folder, hosts, httpPort)], "dnsmasq.log");
    let taps = 0;
    return {
      address: ADDRESS,
      stop,
      spawn: (name, argv, env) => {
        start(argv, `${name}.log`, env);
        return { output: () => readFileSync(join(folder, `${name}.log`), "utf8") };
      },
      dhcpLog: () => readFileSync(join(folder, "dnsmasq.log"), "utf8"),
      boot({ name, mac, memoryMiB = 256 }) {
        const tap = `tap${taps++}`;
        run("ip", "tuntap", "add", tap, "mode", "tap");
        run("ip", "link", "set", tap, "master", "br0", "up");
        const serial = join(folder, `${name}-${tap}.serial`);
        return guest(start([QEMU, ...qemuOptions(tap, mac, memoryMiB, serial)], `${name}.log`), serial);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function dhcpOptions(folder: string, hosts: LanOptions["hosts"], httpPort: number): string[] {
  const options = [
    ...[
      "-k",
      "-C",
      "/dev/null",
      "--port=0",
      "--interface=br0",
      "--bind-interfaces",
      "--no-ping",
      "--user=root",
    ],
    ...["--pid-file=", `--dhcp-leasefile=${join(folder, "leases")}`, "--log-dhcp", "--log-facility=-"],
    "--dhcp-range=192.0.2.50,192.0.2.99,1h",
    // Without a router and a name server Debian's installer stops in a dialog.
    ...[`--dhcp-option=3,${ADDRESS}`, `--dhcp-option=6,${ADDRESS}`],
    ...hosts.map(({ mac, ip, name, via }) => `--dhcp-host=${mac},set:${via},${ip},${name}`),
    "--dhcp-userclass=set:rom,iPXE",
    `--dhcp-boot=tag:tftp,tag:rom,pxelinux.0,,${ADDRESS}`,
    // To iPXE only: any other client, Debian's installer for one, takes an http file name for its own configuration.
    `--dhcp-boot=tag:!tftp,tag:rom,http://${ADDRESS}:${httpPort}/boot.ipxe`,
  ];
  return options;
}

/** TCG always: /dev/kvm may be there, and machines hang on it before their first DHCP packet. */
const qemuOptions = (tap: string, mac: string, memoryMiB: number, serial: string): string[] => [
  ...["-accel", "tcg", "-cpu", "max", "-m", `${memoryMiB}`, "-nographic", "-monitor", "none", "-no-reboot"],
  ...["-serial", `file:${serial}`, "-netdev", `tap,id=n0,ifname=${tap},script=no,downscript=no`],
  ...["-device", `virtio-net-pci,netdev=n0,mac=${mac},bootindex=0`],
];

function guest(child: ChildProcess, serial: string): NetworkGuest {
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    console: () => (existsSync(serial) ? readFileSync(serial, "latin1").replace(CURSOR, "") : ""),
    ended,
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await ended;
    },
  };
}

/** Pid, as seen from here, of the first process of the namespaces. */
async function firstInside(holder: ChildProcess): Promise<number> {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(10)) {
    const children = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8").trim();
    // Not before it has become what it will be: its namespaces are then made.
    if (children && readFileSync(`/proc/${children}/comm`, "utf8").trim() === "sleep")
      return Number(children);
  }
  throw new Error("the namespaces were not made in time");
}

function isThere(path: string, program: boolean): boolean {
  try {
    accessSync(path, program ? constants.X_OK : constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

/** Kernel and initrd of Debian's network installer, as its package brings them; else why they are not there. */
export function debianInstaller(): { kernel: string; initrd: string } | string {
  const images = "/usr/lib/debian-installer/images";
  const releases = existsSync(images) ? readdirSync(images).sort() : [];
  for (const release of releases.reverse()) {
    const folder = join(images, release, "amd64/text/debian-installer/amd64");
    if (existsSync(join(folder, "linux")))
      return { kernel: join(folder, "linux"), initrd: join(folder, "initrd.gz") };
  }
  return "Debian's network installer is not installed; test/systems/pxe/install.sh installs it";
}
