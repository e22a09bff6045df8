import { randomBytes } from "node:crypto";
import type { Controller, Hardware, Nic } from "./types";

/** Types that a machine can be made of; others are an error. The description is what showvminfo says. */
export const OS_TYPES: Readonly<Record<string, string>> = {
  Other: "Other/Unknown",
  Other_64: "Other/Unknown (64-bit)",
  Linux: "Other Linux (32-bit)",
  Linux_64: "Other Linux (64-bit)",
  Linux26: "Linux 2.6 / 3.x / 4.x / 5.x (32-bit)",
  Linux26_64: "Linux 2.6 / 3.x / 4.x / 5.x (64-bit)",
  ArchLinux_64: "Arch Linux (64-bit)",
  Debian_64: "Debian (64-bit)",
  Debian11_64: "Debian 11 Bullseye (64-bit)",
  Debian12_64: "Debian 12 Bookworm (64-bit)",
  Debian13_64: "Debian 13 Trixie (64-bit)",
  Fedora_64: "Fedora (64-bit)",
  openSUSE_64: "openSUSE (64-bit)",
  Oracle_64: "Oracle Linux (64-bit)",
  Oracle9_64: "Oracle Linux 9.x (64-bit)",
  RedHat_64: "Red Hat (64-bit)",
  RedHat8_64: "Red Hat 8.x (64-bit)",
  RedHat9_64: "Red Hat 9.x (64-bit)",
  RedHat10_64: "Red Hat 10.x (64-bit)",
  Ubuntu_64: "Ubuntu (64-bit)",
  Ubuntu22_LTS_64: "Ubuntu 22.04 LTS (Jammy Jellyfish) (64-bit)",
  Ubuntu24_LTS_64: "Ubuntu 24.04 LTS (Noble Numbat) (64-bit)",
  Windows11_64: "Windows 11 (64-bit)",
  FreeBSD_64: "FreeBSD (64-bit)",
};

/** With VirtualBox's own prefix. */
export const newMac = (): string => `080027${randomBytes(3).toString("hex")}`.toUpperCase();

export const newNic = (type: Nic["type"]): Nic => ({
  type,
  mac: newMac(),
  model: "82540EM",
  cable: true,
  bridge: "",
  hostOnly: "",
  intnet: "intnet",
  natNetwork: "NatNetwork",
  driver: "",
  properties: {},
  nat: {
    network: "",
    forwards: [],
    tftpPrefix: "",
    tftpFile: "",
    tftpServer: "",
    enableTftp: false,
    localhostReachable: false,
  },
});

/** Cards of the PIIX3 chipset, and of ICH9. */
export const CARDS = { piix3: 8, ich9: 36 } as const;

export function newHardware(osType: string | undefined): Hardware {
  const linux = osType !== undefined && osType !== "Other";
  return {
    memory: linux ? 1024 : 128,
    cpus: 1,
    vram: 8,
    firmware: "BIOS",
    boot: ["floppy", "dvd", "disk", "none"],
    more: {},
    nics: [newNic(linux ? "nat" : "none"), ...Array.from({ length: 7 }, () => newNic("none"))],
    controllers: [],
    sharedFolders: [],
  };
}

/** What `storagectl --add` makes; limits of VirtualBox 7.2. */
export const BUSES: Readonly<
  Record<string, Pick<Controller, "bus" | "type" | "ports"> & { most: number; devices: number }>
> = {
  sata: { bus: "sata", type: "IntelAhci", ports: 30, most: 30, devices: 1 },
  pcie: { bus: "nvme", type: "NVMe", ports: 1, most: 255, devices: 1 },
  virtio: { bus: "virtio", type: "VirtioSCSI", ports: 1, most: 256, devices: 1 },
  scsi: { bus: "scsi", type: "LsiLogic", ports: 16, most: 16, devices: 1 },
  ide: { bus: "ide", type: "PIIX4", ports: 2, most: 2, devices: 2 },
  sas: { bus: "sas", type: "LsiLogicSas", ports: 1, most: 255, devices: 1 },
  usb: { bus: "usb", type: "USB", ports: 8, most: 8, devices: 1 },
  floppy: { bus: "floppy", type: "I82078", ports: 1, most: 1, devices: 2 },
};

export const limitsOf = (controller: Controller): { most: number; devices: number } =>
  Object.values(BUSES).find((one) => one.bus === controller.bus) ?? { most: 1, devices: 1 };
