import { isEmbedded } from "../config/place";
import { suggest } from "../config/suggest";
import type { ConfigPath, DiskConfig, MachineConfig } from "../config/types";
import type { Context } from "./context";
import { HYPERVISOR_NAMES, type Hypervisor } from "./hypervisor";
import { checkHypervisorFields } from "./hypervisor-fields";
import { imageFormat } from "./images";
import { badHostName, badLogicalName, badRemoteName } from "./names";
import { checkNoCloudFields, checkOpenStackMachine } from "./openstack-fields";
import { own, sortedKeys } from "./stable";

const MAX_CPUS = 512;
const MIN_MEMORY_MIB = 64;
const MAX_MEMORY_MIB = 16 * 1024 * 1024;
const MAX_DISK_BYTES = 64 * 2 ** 40;
const DAY_S = 86_400;

/** Checks of one machine that need no facts of others. */
export function checkMachine(
  context: Context,
  logical: string,
  config: MachineConfig,
  hypervisor: Hypervisor | undefined,
): void {
  const { problems } = context;
  const path = ["machines", logical];
  const add = (field: ConfigPath, message: string) => problems.add([...path, ...field], message);

  const bad = badLogicalName(logical);
  if (bad) problems.add(path, `${bad}. Rename it.`);
  const badRemote = config.name === undefined ? undefined : badRemoteName(config.name);
  if (badRemote) add(["name"], `name "${config.name}": ${badRemote}.`);
  const hostName = config.hostName ?? context.seeds.of("machines", logical).seed;
  const badHost = bad ? undefined : badHostName(hostName);
  if (badHost)
    add(
      config.hostName === undefined ? [] : ["hostName"],
      `"${hostName}" is no host name (RFC 1123): ${badHost}. ${config.hostName === undefined ? "Set `hostName:`" : "Choose another"}, like ${hostExample(hostName)}.`,
    );
  if (
    config.cpus !== undefined &&
    !(Number.isInteger(config.cpus) && config.cpus >= 1 && config.cpus <= MAX_CPUS)
  )
    add(["cpus"], `cpus ${config.cpus} is not possible. Use a whole number from 1 to ${MAX_CPUS}.`);
  const memory = config.memoryMiB;
  if (
    memory !== undefined &&
    !(Number.isInteger(memory) && memory >= MIN_MEMORY_MIB && memory <= MAX_MEMORY_MIB)
  )
    add(
      ["memoryMiB"],
      `${memory} MiB of memory is not possible. Use whole MiB from ${MIN_MEMORY_MIB} MiB to 16 TiB, like 2 GiB.`,
    );
  if (hypervisor === "openstack") {
    checkOpenStackMachine(context, config, add);
    checkWait(context, config, add);
    return;
  }
  if (hypervisor) checkHypervisorFields(config, hypervisor, add);
  if (hypervisor) checkNoCloudFields(config, HYPERVISOR_NAMES[hypervisor], add);
  for (const [index, disk] of (config.disks ?? []).entries())
    checkDisk(context, config, disk, ["disks", index], add, hypervisor);
  checkIso(context, config, add);
  if (hypervisor !== "virtualbox") checkKernel(context, config, add);
  // A template of one's own may bring drives and cards that we know nothing of.
  if (config.template === undefined) checkBoot(config, add);
  checkWait(context, config, add);
}

type Add = (field: ConfigPath, message: string) => void;

const hostExample = (name: string): string =>
  name
    .replace(/[^A-Za-z0-9.-]+/g, "-")
    .replace(/^(\d)/, "m$1")
    .replace(/^[-.]+|[-.]+$/g, "")
    .slice(0, 63) || "machine1";

function checkDisk(
  context: Context,
  machine: MachineConfig,
  disk: DiskConfig,
  path: ConfigPath,
  add: Add,
  hypervisor: Hypervisor | undefined,
): void {
  if (disk.volume !== undefined) {
    if (hypervisor === "virtualbox") return;
    const backend = own(context.config.backends, machine.backend);
    if (disk.image !== undefined)
      add(
        [...path, "image"],
        `a disk is an existing volume or an overlay of an image. Keep one of \`volume\` and \`image\`.`,
      );
    if (backend && !(backend.kind === "libvirt" && backend.pool !== undefined))
      add(
        [...path, "volume"],
        `volume "${disk.volume}" must lie in a pool that exists. Name that pool in backend "${machine.backend}", like \`pool: default\`.`,
      );
    if (disk.format === undefined && !/\.(qcow2|raw)$/.test(disk.volume))
      add(
        [...path, "volume"],
        `the format of volume "${disk.volume}" does not show in its name. Add \`format: qcow2\` or \`format: raw\`.`,
      );
    return;
  }
  const { sizeBytes } = disk;
  if (!(Number.isSafeInteger(sizeBytes) && sizeBytes > 0))
    add([...path, "sizeBytes"], `a disk of ${sizeBytes} bytes is not possible. Give it a size, like 20 GiB.`);
  else if (sizeBytes > MAX_DISK_BYTES)
    add(
      [...path, "sizeBytes"],
      `a disk of ${Math.floor(sizeBytes / 2 ** 40)} TiB is not possible. Use at most 64 TiB.`,
    );
  if (disk.image === undefined) return;
  const image = own(context.config.images, disk.image);
  if (!image) {
    add(
      [...path, "image"],
      `no image "${disk.image}" is declared${suggest(disk.image, sortedKeys(context.config.images))}`,
    );
    return;
  }
  if (image.glance)
    add(
      [...path, "image"],
      `image "${disk.image}" is of an OpenStack cloud, and is not fetched from there. Name one with a \`url\`, a \`path\` or an \`install\`.`,
    );
  else if (image.fog)
    add(
      [...path, "image"],
      `image "${disk.image}" is of a FOG server, for hosts of bare metal. Name one with a \`url\`, a \`path\` or an \`install\`.`,
    );
  else if (imageFormat(image) === "iso")
    add(
      [...path, "image"],
      `image "${disk.image}" is an ISO, and no disk can be made of it. Put it in the drive: \`iso: ${disk.image}\`.`,
    );
  if (disk.format === "raw" && disk.clone !== "full" && hypervisor === "libvirt")
    add(
      [...path, "format"],
      `a raw disk cannot be an overlay of image "${disk.image}". Leave out \`format\`, or add \`clone: full\`.`,
    );
}

function checkIso(context: Context, { iso, boot, template }: MachineConfig, add: Add): void {
  if (iso === undefined) {
    if (boot?.includes("cdrom") && template === undefined)
      add(
        ["boot"],
        `it boots from the CD-ROM drive, and no ISO is in it. Add \`iso: <image>\`, or take cdrom out of \`boot\`.`,
      );
    return;
  }
  const image = own(context.config.images, iso);
  if (!image) add(["iso"], `no image "${iso}" is declared${suggest(iso, sortedKeys(context.config.images))}`);
  else if (image.format !== undefined && image.format !== "iso")
    add(
      ["iso"],
      `image "${iso}" is of format ${image.format}, and the drive takes an ISO. Name another image, or use it as a disk's \`image\`.`,
    );
}

/** Kernel and initrd: a declared image, or an absolute path on the hypervisor. */
function checkKernel({ config: lab }: Context, { kernel, backend: name }: MachineConfig, add: Add): void {
  if (!kernel) return;
  const backend = own(lab.backends, name);
  for (const field of ["kernel", "initrd"] as const) {
    const value = kernel[field];
    if (value === undefined || value.startsWith("/")) continue;
    if (!own(lab.images, value))
      add(
        ["kernel", field],
        `"${value}" is no declared image and no absolute path on the hypervisor${suggest(value, sortedKeys(lab.images))}`,
      );
    else if (backend?.kind === "libvirt" && backend.pool !== undefined)
      add(
        ["kernel", field],
        `the folder of pool "${backend.pool}" is not known before the hypervisor is asked. Give the ${field} as an absolute path there, or take \`pool\` out of backend "${name}".`,
      );
  }
}

function checkBoot(config: MachineConfig, add: Add): void {
  const { boot = [], running = true } = config;
  const hasDisk = (config.disks ?? []).length > 0;
  const hasCard = (config.networks ?? []).length > 0;
  if (new Set(boot).size !== boot.length)
    add(["boot"], `boot names a device twice. Write each once, like [hd, network].`);
  if (boot.includes("network") && !hasCard)
    add(
      ["boot"],
      `it boots from the network, and has no network card. Add \`networks: [...]\`, or take network out of \`boot\`.`,
    );
  if (boot.includes("hd") && !hasDisk && !config.kernel)
    add(["boot"], `it boots from hd, and has no disk. Add \`disk: 20 GiB\`, or take hd out of \`boot\`.`);
  // An image without a disk is told as such.
  if (
    running &&
    !hasDisk &&
    config.image === undefined &&
    config.iso === undefined &&
    !config.kernel &&
    !boot.includes("network")
  )
    add(
      [],
      `there is nothing to boot. Give it an image, a disk, an iso, a kernel or \`boot: [network]\`; or say \`running: false\`.`,
    );
}

function checkWait({ config: lab }: Context, config: MachineConfig, add: Add): void {
  const { wait } = config;
  if (!wait) return;
  const { timeoutS, port } = wait;
  if (timeoutS !== undefined && !(timeoutS > 0 && timeoutS <= DAY_S))
    add(["wait", "timeoutS"], `a wait of ${timeoutS} s is not possible. Use more than 0 s and at most 24 h.`);
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65535))
    add(["wait", "port"], `port ${port} does not exist. Use 1 to 65535; ssh is 22.`);
  if (wait.for === "none") return;
  if (config.running === false)
    add(["wait"], `it cannot wait for ${wait.for} while \`running: false\`. Take out one of the two.`);
  if ((config.networks ?? []).length === 0)
    add(
      ["wait"],
      `it cannot wait for ${wait.for} without a network card. Add \`networks: [...]\`, or say \`wait: none\`.`,
    );
  const backend = own(lab.backends, config.backend);
  const isBlank = backend?.kind !== "openstack" && !canAnswer(config);
  if ((wait.for === "ssh" || wait.for === "boot") && backend && !isEmbedded(backend) && isBlank)
    add(
      ["wait"],
      `it waits for ${wait.for}, and nothing on it would answer: its disks are blank. Give a disk an \`image\`, or say \`wait: none\`.`,
    );
}

/** Something on the machine may hold a system: an image, an existing volume, a kernel, an installer, a boot server. */
export const canAnswer = ({ disks = [], kernel, iso, boot = [] }: MachineConfig): boolean =>
  disks.some((disk) => disk.image !== undefined || disk.volume !== undefined) ||
  kernel !== undefined ||
  iso !== undefined ||
  boot.includes("network");
