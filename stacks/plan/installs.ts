import type { BootServerInputs } from "../../providers/boot/build";
import type { BackendConfig, InstallConfig } from "../config/types";
import { backendFor } from "./backends";
import { bootServerFor } from "./boot-server";
import { type Context, originOf } from "./context";
import { HYPERVISOR_KINDS, type Hypervisor, hypervisorOf, hypervisorPlace } from "./hypervisor";
import { macOf, uuidOf } from "./identity";
import type { InstallText } from "./install-text";
import type { MachineFacts } from "./machines";
import { badLogicalName } from "./names";
import type { NetworkFacts } from "./networks";
import { own, sortedKeys } from "./stable";

/** An image that is installed from scratch, with all its facts. */
export interface InstallFacts {
  /** Logical name of the image. */
  image: string;
  install: InstallConfig;
  backend: BackendConfig;
  hypervisor: Hypervisor;
  /** What is installed, in a word: another word is another disk, beside the old one. */
  edition: string;
  sizeBytes: number;
  cpus: number;
  memoryMiB: number;
  /** Undefined: VirtualBox's own NAT. */
  network?: NetworkFacts;
  /** Of the machine that it is built on. */
  builder: { uuid: string; mac: string };
  server: BootServerInputs;
  text: InstallText;
}

const SIZE = 20 * 2 ** 30;
const CPUS = 2;
const MEMORY_MIB = 3072;
/** Ubuntu's installer holds its whole ISO in memory. */
const UBUNTU_MEMORY_MIB = 6144;
/** The least that any of the installers ends with (their own manuals). */
const MIN_MEMORY_MIB = 2048;
const MIN_SIZE = 5 * 2 ** 30;

/** `rocky9-g1` */
export const editionOf = ({ family, release, generation = 1 }: InstallConfig): string =>
  `${family}${release.replace(/-stream$/, "")}-g${generation}`;

/** Every image that is to be installed; what is wrong with the others is in the problems. */
export function planInstalls(
  context: Context,
  networks: ReadonlyMap<string, NetworkFacts>,
  machines: ReadonlyMap<string, MachineFacts>,
): Map<string, InstallFacts> {
  const installs = new Map<string, InstallFacts>();
  const macs = new Set([...machines.values()].flatMap(({ nics }) => nics.map(({ mac }) => mac)));
  for (const image of sortedKeys(context.config.images)) {
    const install = own(context.config.images, image)?.install;
    if (!install) continue;
    const path = ["images", image, "install"];
    const bad = badLogicalName(image);
    if (bad) context.problems.add(["images", image], `${bad}. Rename it.`);
    const backend = backendFor(context, install.backend, HYPERVISOR_KINDS, [...path, "backend"]);
    if (!backend) continue;
    const sizeBytes = install.sizeBytes ?? SIZE;
    const memoryMiB = install.memoryMiB ?? (install.family === "ubuntu" ? UBUNTU_MEMORY_MIB : MEMORY_MIB);
    checkRoom(context, path, sizeBytes, memoryMiB);
    const way = networkOf(context, networks, install, backend, path);
    if (!way) continue;
    const { network } = way;
    const origin = originOf(context, install.backend, "builder", image);
    const mac = macOf(origin, macs);
    macs.add(mac);
    const card = network ? { config: {}, network } : { config: { type: "nat" as const } };
    const server = bootServerFor(context, backend, [card], path);
    const hypervisor = hypervisorOf(backend);
    // Renders and lints: loaded only for a lab that installs something.
    const { planInstallText } = require("./install-text") as typeof import("./install-text");
    const text = planInstallText(context, image, install, { mac, disk: DISKS[hypervisor] });
    if (!server || !text) continue;
    installs.set(image, {
      image,
      install,
      backend,
      hypervisor,
      edition: editionOf(install),
      sizeBytes,
      cpus: install.cpus ?? CPUS,
      memoryMiB,
      ...(network ? { network } : {}),
      builder: { uuid: uuidOf(origin), mac },
      server,
      text,
    });
  }
  return installs;
}

/** What the installer calls the builder's disk: on virtio-blk, and on SATA. */
const DISKS: Record<Hypervisor, string> = { libvirt: "vda", virtualbox: "sda", openstack: "vda" };

function checkRoom({ problems }: Context, path: string[], sizeBytes: number, memoryMiB: number): void {
  if (sizeBytes < MIN_SIZE)
    problems.add(
      [...path, "sizeBytes"],
      `no installer ends on a disk of less than 5 GiB. Use 10 GiB or more.`,
    );
  if (memoryMiB < MIN_MEMORY_MIB)
    problems.add(
      [...path, "memoryMiB"],
      `an installer that comes over the network needs 2 GiB of memory or more. Machines of the image can have less.`,
    );
}

/** The network that its builder boots from; undefined after a problem. */
function networkOf(
  { config, problems, notes }: Context,
  networks: ReadonlyMap<string, NetworkFacts>,
  install: InstallConfig,
  backend: BackendConfig,
  path: string[],
): { network: NetworkFacts | undefined } | undefined {
  const at = [...path, "network"];
  const isLibvirt = hypervisorOf(backend) === "libvirt";
  if (install.network === undefined) {
    if (!isLibvirt) return { network: undefined };
    problems.add(
      path,
      `it boots from the network, and which one is not said. Add \`network:\`, one of backend "${install.backend}" with DHCP.`,
    );
    return undefined;
  }
  const network = networks.get(install.network);
  if (!network) {
    if (!own(config.networks, install.network))
      problems.add(at, `no network "${install.network}" is declared.`);
    return undefined;
  }
  if (network.place !== hypervisorPlace(backend)) {
    problems.add(
      at,
      `it is built on backend "${install.backend}", and network "${install.network}" is on "${network.config.backend}". Name one of the same backend.`,
    );
    return undefined;
  }
  if (network.mode === "bridge") {
    notes.push(
      `${install.network}: the DHCP server of that network must send iPXE to the boot server's /boot.ipxe; labplan does not run it.`,
    );
    return { network };
  }
  if (!isLibvirt) {
    problems.add(
      at,
      `VirtualBox's DHCP server names no boot file. Take \`network\` out: it is built on VirtualBox's own NAT, which has one. Machines of the image can be on any network.`,
    );
    return undefined;
  }
  if (!network.dhcp) {
    problems.add(
      at,
      `network "${install.network}" has no DHCP, and a network boot begins with it. Add \`dhcp: true\` to it, or name another.`,
    );
    return undefined;
  }
  if (network.mode === "isolated" && install.family === "debian") {
    problems.add(
      at,
      `network "${install.network}" is isolated: its DHCP gives no default route, and Debian's installer then stops and asks. Name a network of mode nat or routed.`,
    );
    return undefined;
  }
  return { network };
}
