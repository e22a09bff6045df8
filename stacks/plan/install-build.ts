import type { BuildInputs } from "../../providers/boot/build";
import { markPrefix } from "../../providers/core/definition";
import type { DomainInputs } from "../../providers/libvirt/domain";
import type { MachineInputs } from "../../providers/virtualbox/machine";
import type { Context } from "./context";
import type { InstallFacts } from "./installs";
import { type PlannedResource, resourceKey } from "./types";

/** Seconds. */
const TIMEOUT_S = 5400;

/** The disk of an installed image, as planned: a resource of its own, which outlives the builder. */
export interface InstallDisk {
  /** Key of the resource. */
  key: string;
  inputs: BuildInputs["disk"];
}

/** Name of the image's disk in the plan and, with the lab's prefix, at the hypervisor. */
export const installDiskName = ({ image, install, edition }: InstallFacts): string =>
  `${image}@${install.backend}:${edition}`;
export const installDiskRemoteName = ({ image, edition }: InstallFacts): string =>
  `${image}-${edition}-image`;

export const buildName = ({ image, edition }: InstallFacts): string => `${image}:${edition}`;
export const buildKey = (install: InstallFacts): string => resourceKey("boot:Build", buildName(install));

/** The installation: on the disk, over the network. */
export function buildResource(
  context: Context,
  facts: InstallFacts,
  disk: InstallDisk,
  needs: readonly string[],
): PlannedResource {
  const { image, install, backend, hypervisor, network, server, text, builder } = facts;
  const inputs: BuildInputs = {
    name: image,
    backend: install.backend,
    family: install.family,
    release: install.release,
    ...text,
    mac: builder.mac,
    server,
    builder:
      hypervisor === "libvirt"
        ? { kind: "libvirt:Domain", inputs: { ...domainInputs(context, facts, disk) } }
        : { kind: "virtualbox:Machine", inputs: { ...machineInputs(context, facts, disk) } },
    disk: disk.inputs,
    via: network === undefined ? "virtualbox-tftp" : "ipxe",
    generation: install.generation ?? 1,
    timeoutS: install.timeoutS ?? TIMEOUT_S,
  };
  return {
    kind: "boot:Build",
    name: buildName(facts),
    inputs: { ...inputs },
    // The network is of use while it is built, and no longer: a new one is no reason to install anew.
    dependsOn: [...needs, disk.key],
    recreateWith: [disk.key],
    backend,
  };
}

const builderName = ({ config }: Context, { image }: InstallFacts): string =>
  `${markPrefix(config)}${image}-builder`;

/** A blank disk has nothing to boot, so the first boot is from the network; it ends switched off. */
const BOOT: DomainInputs["boot"] = ["hd", "network"];

function domainInputs(context: Context, facts: InstallFacts, disk: InstallDisk): DomainInputs {
  const { install, backend, network, builder } = facts;
  const { name, pool } = disk.inputs.inputs as { name: string; pool: string };
  return {
    name: builderName(context, facts),
    uuid: builder.uuid,
    backend: install.backend,
    hostName: hostNameOf(facts),
    cpus: facts.cpus,
    memoryMiB: facts.memoryMiB,
    firmware: "bios",
    accel: (backend.kind === "libvirt" ? backend.accel : undefined) ?? "auto",
    boot: BOOT,
    disks: [{ volume: name, pool, format: "qcow2", device: "disk", bus: "virtio" }],
    nics: [
      {
        mac: builder.mac,
        ...(network ? { network: network.name } : {}),
        model: "virtio",
      },
    ],
    running: true,
    autostart: false,
    wait: { for: "none" },
  };
}

const OS_TYPES: Record<InstallFacts["install"]["family"], string> = {
  "centos-stream": "RedHat_64",
  rocky: "RedHat_64",
  alma: "RedHat_64",
  debian: "Debian_64",
  ubuntu: "Ubuntu_64",
};

function machineInputs(context: Context, facts: InstallFacts, disk: InstallDisk): MachineInputs {
  const { install, network, builder } = facts;
  return {
    name: builderName(context, facts),
    uuid: builder.uuid,
    backend: install.backend,
    hostName: hostNameOf(facts),
    osType: OS_TYPES[install.family],
    cpus: facts.cpus,
    memoryMiB: facts.memoryMiB,
    firmware: "bios",
    boot: BOOT,
    disks: [{ medium: String(disk.inputs.inputs.name), bus: "sata", device: "disk" }],
    nics: [
      {
        ...(network
          ? { type: "bridged" as const, attachment: network.bridge }
          : { type: "nat" as const, hostReachable: true }),
        mac: builder.mac,
        // Every installer and every boot ROM knows it.
        model: "e1000",
        cable: true,
      },
    ],
    sharedFolders: [],
    running: true,
    wait: { for: "none" },
  };
}

const hostNameOf = ({ image }: InstallFacts): string =>
  `${
    image
      .toLowerCase()
      .replace(/[^a-z0-9-]+/g, "-")
      .replace(/^-+|-+$/g, "") || "image"
  }-builder`.slice(-63);
