import type { Mark } from "../../core/definition";
import type { DomainDisk, DomainInputs, DomainNic } from "../domain";
import { element, render, type XmlElement } from "./element";
import { withMark } from "./mark";
import { renderDefinition } from "./template";

/** What the definition depends on beside the inputs. */
export interface DomainContext {
  accel: "kvm" | "tcg";
  /** The NoCloud seed image. */
  seed?: { pool: string; volume: string };
  /** File on the hypervisor that keeps what the guest prints on its serial console. */
  consoleLog?: string;
}

/** A disk with its place: the target names the slot, and the guest usually the device. */
export interface PlacedDisk extends Required<DomainDisk> {
  /** `vda` */
  target: string;
}

/** The definition of a domain, without our mark. */
export function domainElement(inputs: DomainInputs, context: DomainContext): XmlElement {
  if (inputs.template !== undefined)
    return renderDefinition("domain", inputs.template, templateVariables(inputs, context));
  const { name, uuid, cpus, memoryMiB, nics } = inputs;
  const isKvm = context.accel === "kvm";
  return element(
    "domain",
    { type: isKvm ? "kvm" : "qemu" },
    element("name", {}, name),
    element("uuid", {}, uuid),
    element("memory", { unit: "MiB" }, memoryMiB),
    element("currentMemory", { unit: "MiB" }, memoryMiB),
    element("vcpu", {}, cpus),
    osElement(inputs),
    element("features", {}, element("acpi"), element("apic")),
    // Stock kernels of today want more than QEMU's default model; `maximum` is all that TCG can emulate.
    element("cpu", { mode: isKvm ? "host-passthrough" : "maximum" }),
    element("clock", { offset: "utc" }),
    element("on_poweroff", {}, "destroy"),
    element("on_reboot", {}, "restart"),
    element("on_crash", {}, "destroy"),
    element(
      "devices",
      {},
      ...placedDisks(inputs, context.seed).map(diskElement),
      inputs.disks.some(({ bus }) => bus === "scsi") &&
        element("controller", { type: "scsi", index: 0, model: "virtio-scsi" }),
      ...nics.map(nicElement),
      ...consoleElements(context.consoleLog),
      // The agent is the only one who knows the addresses of a card on a bridge that is not libvirt's.
      nics.some(({ bridge }) => bridge !== undefined) && agentChannel,
      element("memballoon", { model: "none" }),
      // Guests of today block at boot until they have entropy.
      element("rng", { model: "virtio" }, element("backend", { model: "random" }, "/dev/urandom")),
    ),
  );
}

/** The definition with our mark, as sent to libvirt for a new domain. */
export const renderDomain = (
  inputs: DomainInputs,
  mark: Mark,
  context: DomainContext = { accel: "tcg" },
): string => render(withMark(domainElement(inputs, context), mark));

function osElement({ firmware, boot, kernel }: DomainInputs): XmlElement {
  return element(
    "os",
    firmware === "uefi" ? { firmware: "efi" } : {},
    element("type", { arch: "x86_64", machine: "q35" }, "hvm"),
    firmware === "uefi" &&
      element("firmware", {}, element("feature", { enabled: "no", name: "secure-boot" })),
    kernel && element("kernel", {}, kernel.kernel),
    kernel?.initrd !== undefined && element("initrd", {}, kernel.initrd),
    kernel?.cmdline !== undefined && element("cmdline", {}, kernel.cmdline),
    ...boot.map((dev) => element("boot", { dev })),
  );
}

/** `vda`, `vdb` … `vdz`, `vdaa`, as Linux counts. */
function targetName(prefix: string, index: number): string {
  const letter = String.fromCharCode(97 + (index % 26));
  return index < 26 ? prefix + letter : targetName(prefix, Math.floor(index / 26) - 1) + letter;
}

/**
 * A read-only virtio disk, because kernels made for clouds have virtio and nothing else: no AHCI, so no SATA CD-ROM
 * (seen with Debian's). cloud-init finds it by its label. Far away, so that disks that come later do not move it.
 */
export const SEED_TARGET = "vdz";

/** Every disk with its target, the seed's drive among them. `taken` are targets of disks that are not ours. */
export function placedDisks(
  { disks }: Pick<DomainInputs, "disks">,
  seed?: DomainContext["seed"],
  taken: ReadonlySet<string> = new Set(),
): PlacedDisk[] {
  const used = new Set(taken);
  if (seed) used.add(SEED_TARGET);
  const placed = disks.map((disk): PlacedDisk => {
    const device = disk.device ?? "disk";
    const bus = disk.bus ?? (device === "cdrom" ? "sata" : "virtio");
    const prefix = bus === "virtio" ? "vd" : "sd";
    let index = 0;
    while (used.has(targetName(prefix, index))) index++;
    const target = targetName(prefix, index);
    used.add(target);
    return { volume: disk.volume, pool: disk.pool, format: disk.format, device, bus, target };
  });
  if (!seed) return placed;
  return [...placed, { ...seed, format: "iso", device: "disk", bus: "virtio", target: SEED_TARGET }];
}

const diskElement = ({ volume, pool, format, device, bus, target }: PlacedDisk): XmlElement =>
  element(
    "disk",
    { type: "volume", device },
    element("driver", { name: "qemu", type: format === "iso" ? "raw" : format }),
    element("source", { pool, volume }),
    element("target", { dev: target, bus }),
    format === "iso" && element("readonly"),
  );

export const nicElement = ({ mac, network, bridge, model }: DomainNic): XmlElement =>
  element(
    "interface",
    { type: bridge === undefined ? "network" : "bridge" },
    element("mac", { address: mac }),
    element("source", bridge === undefined ? { network } : { bridge }),
    element("model", { type: model ?? "virtio" }),
  );

function consoleElements(log: string | undefined): XmlElement[] {
  return [
    element(
      "serial",
      { type: "pty" },
      log !== undefined && element("log", { file: log, append: "on" }),
      element("target", { port: 0 }),
    ),
    element("console", { type: "pty" }, element("target", { type: "serial", port: 0 })),
  ];
}

const agentChannel = element(
  "channel",
  { type: "unix" },
  element("target", { type: "virtio", name: "org.qemu.guest_agent.0" }),
);

/** Every field by its name, absent ones too: a template may ask whether there is one. */
function templateVariables(inputs: DomainInputs, context: DomainContext) {
  return {
    kernel: undefined,
    cloudInit: undefined,
    seedPool: undefined,
    ...inputs,
    memoryKiB: inputs.memoryMiB * 1024,
    /** `kvm` or `qemu`, for `<domain type=…>` */
    domainType: context.accel === "kvm" ? "kvm" : "qemu",
    disks: placedDisks(inputs),
    nics: inputs.nics.map((nic) => ({ model: "virtio", network: undefined, bridge: undefined, ...nic })),
    seed: context.seed,
    consoleLog: context.consoleLog,
  };
}
