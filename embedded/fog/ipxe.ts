import { type HostRecord, type ImageRecord, isCapture, isWipe, type TaskRecord } from "./records";

/** Scripts that a network card is given. */

export interface BootFiles {
  kernel: string;
  initrd: string;
  /** More words of the kernel's command line. */
  cmdline?: string;
}

/** What the TFTP server's default.ipxe does: ask for the script of this machine. */
export const firstScript = (base: string): string =>
  [
    "#!ipxe",
    `isset \${net0/mac} || dhcp`,
    `chain ${base}/service/ipxe/boot.php?mac0=\${net0/mac}&arch=\${buildarch}&platform=\${platform} || exit`,
    "",
  ].join("\n");

/** Without a task: a menu whose first entry is the disk. */
export const menuScript = (host: HostRecord | undefined): string =>
  [
    "#!ipxe",
    `set host-name ${host?.name ?? "not registered"}`,
    ":fog.menu",
    `menu FOG: \${host-name}`,
    "item fog.local Boot from hard disk",
    `choose --default fog.local --timeout 1000 target && goto \${target} || goto fog.local`,
    ":fog.local",
    "exit",
    "",
  ].join("\n");

const WIPES: Record<number, string> = { 18: "fast", 19: "normal", 20: "full" };

export function taskScript(
  base: string,
  files: BootFiles,
  {
    task,
    host,
    image,
    mac,
  }: { task: TaskRecord; host: HostRecord; image: ImageRecord | undefined; mac: string },
): string {
  const words = [
    "loglevel=4",
    "initrd=init.xz",
    "root=/dev/ram0",
    "rw",
    `web=${base}/`,
    `mac=${mac}`,
    `hostname=${host.name}`,
    `storage=${new URL(base).hostname}:/images/`,
    `storageip=${new URL(base).hostname}`,
    "keymap=",
    ...(image ? imageWords(image) : []),
    ...(isWipe(task.typeID) ? ["mode=wipe", `wipemode=${WIPES[task.typeID]}`] : []),
    ...(image ? [`type=${isCapture(task.typeID) ? "up" : "down"}`] : []),
    ...(task.shutdown ? ["shutdown=1"] : []),
    ...(files.cmdline ? [files.cmdline] : []),
    ...(host.kernelArgs ? [host.kernelArgs] : []),
  ];
  return [
    "#!ipxe",
    `set fog-ip ${new URL(base).hostname}`,
    `kernel ${files.kernel} ${words.join(" ")}`,
    `initrd --name init.xz ${files.initrd}`,
    "boot",
    "",
  ].join("\n");
}

const imageWords = (image: ImageRecord): string[] => [
  `osid=${image.osID}`,
  `img=${image.path}`,
  `imgid=${image.id}`,
  `imgType=${["", "n", "mps", "mpa", "dd"][image.imageTypeID] ?? "n"}`,
  `imgPartitionType=${image.imagePartitionTypeID === 1 ? "all" : image.imagePartitionTypeID}`,
  "imgFormat=5",
];
