import * as path from "node:path";
import { context } from "../errors";
import type { Call } from "../interpreter";
import { has, parseOptions } from "../options";
import { CARDS, limitsOf, OS_TYPES } from "../store/defaults";
import type { Attachment, Controller, Nic, Vm } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";
import { type Setting, settingOf } from "./settings-unset";
import { humanInfo } from "./show-human";
import { snapshotKeys } from "./snapshot-list";

const FIND = context("FindMachine(Bstr(VMNameOrUuid).raw(), machine.asOutParam())", 3248, "Info");

export function showVmInfo({ virtualBox, session, args }: Call): void {
  const parsed = parseOptions(
    args,
    [
      { names: ["--machinereadable", "-M"], value: "none" },
      { names: ["--details", "-D"], value: "none" },
    ],
    { command: "showvminfo" },
  );
  const vm = virtualBox.find(parsed.words[0] ?? "", FIND);
  if (has(parsed, "--machinereadable")) session.out(...machineReadable(virtualBox, vm));
  else session.out(...humanInfo(virtualBox, vm));
}

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, "\\$&")}"`;

/** Keys as showvminfo orders them; `hardware.more` holds what was set of those that mean nothing here. */
export function machineReadable(virtualBox: VirtualBox, vm: Vm): string[] {
  const { hardware } = vm;
  const { more } = hardware;
  const folder = path.dirname(vm.configFile);
  const text = (key: string, value: string): string => `${key}=${quoted(value)}`;
  const fixed = (key: Setting): string => text(key, settingOf(vm, key));
  const number = (key: Setting): string => `${key}=${settingOf(vm, key)}`;
  const base = vm.configFile.replace(/\.vbox$/, "");
  return [
    text("name", vm.name),
    text("encryption", "disabled"),
    text("groups", vm.group),
    text("platformArchitecture", "x86"),
    text("ostype", OS_TYPES[vm.osType] ?? vm.osType),
    text("UUID", vm.uuid),
    text("CfgFile", vm.configFile),
    text("SnapFldr", path.join(folder, "Snapshots")),
    text("LogFldr", path.join(folder, "Logs")),
    text("hardwareuuid", more.hardwareuuid ?? vm.uuid),
    `memory=${hardware.memory}`,
    fixed("pagefusion"),
    `vram=${hardware.vram}`,
    number("cpuexecutioncap"),
    fixed("cpu-profile"),
    fixed("chipset"),
    text("firmware", hardware.firmware),
    `cpus=${hardware.cpus}`,
    fixed("hpet"),
    fixed("pae"),
    fixed("longmode"),
    fixed("triplefaultreset"),
    fixed("apic"),
    fixed("x2apic"),
    fixed("nested-hw-virt"),
    fixed("hwvirtex"),
    fixed("nestedpaging"),
    fixed("largepages"),
    fixed("vtxvpid"),
    fixed("vtxux"),
    fixed("virtvmsavevmload"),
    number("cpuid-portability-level"),
    fixed("bootmenu"),
    ...hardware.boot.map((device, index) => text(`boot${index + 1}`, device)),
    fixed("acpi"),
    fixed("ioapic"),
    fixed("biosapic"),
    number("biossystemtimeoffset"),
    text("NvramFile", `${base}.nvram`),
    fixed("rtcuseutc"),
    fixed("iommu"),
    fixed("paravirtprovider"),
    text("effparavirtprovider", effectiveProvider(more.paravirtprovider)),
    text("VMState", vm.state),
    text("VMStateChangeTime", nanoseconds(vm.stateSince)),
    fixed("graphicscontroller"),
    number("monitorcount"),
    fixed("accelerate3d"),
    fixed("teleporterenabled"),
    "teleporterport=0",
    text("teleporteraddress", ""),
    text("teleporterpassword", ""),
    text("tracing-enabled", "off"),
    text("tracing-allow-vm-access", "off"),
    text("tracing-config", ""),
    fixed("autostart-enabled"),
    number("autostart-delay"),
    fixed("defaultfrontend"),
    text("vmprocpriority", "default"),
    ...hardware.controllers.flatMap(controllerKeys),
    ...hardware.controllers.flatMap((one) => portKeys(virtualBox, one)),
    ...cardsOf(vm).flatMap(nicKeys),
    fixed("hidpointing"),
    fixed("hidkeyboard"),
    ...[1, 2, 3, 4].flatMap((port) => uartKeys(more, port)),
    text("lpt1", "off"),
    text("lpt2", "off"),
    fixed("audio"),
    fixed("audio_out"),
    fixed("audio_in"),
    fixed("clipboard"),
    text("clipboard_file_transfers", "off"),
    fixed("draganddrop"),
    fixed("vrde"),
    fixed("usb"),
    fixed("ehci"),
    fixed("xhci"),
    ...hardware.sharedFolders.flatMap(({ name, path: hostPath }, index) => [
      text(`SharedFolderNameMachineMapping${index + 1}`, name),
      text(`SharedFolderPathMachineMapping${index + 1}`, hostPath),
    ]),
    text("recording_started", "off"),
    text("recording_enabled", "off"),
    "recording_screens=1",
    " rec_screen0",
    text("rec_screen_enabled", "on"),
    "rec_screen_id=0",
    text("rec_screen_video_enabled", "on"),
    text("rec_screen_audio_enabled", "off"),
    text("rec_screen_dest", "File"),
    text("rec_screen_dest_filename", `${base}-screen0.webm`),
    text("rec_screen_opts", "ac_profile=med"),
    text("rec_screen_video_res_xy", "1024x768"),
    "rec_screen_video_rate_kbps=512",
    "rec_screen_video_fps=25",
    ...(vm.description ? [text("description", vm.description)] : []),
    ...snapshotKeys(vm),
    ...(isRunning(vm) ? ['VideoMode="720,400,0"@0,0 1', "GuestAdditionsRunLevel=0"] : []),
    "GuestMemoryBalloon=0",
  ];
}

export const isRunning = (vm: Vm): boolean => vm.state === "running" || vm.state === "paused";
/** As many as the chipset has, whether anything was ever set on them or not. */
export const cardsOf = ({ hardware }: Vm): (Nic | undefined)[] => {
  const length = hardware.more.chipset === "ich9" ? CARDS.ich9 : CARDS.piix3;
  return Array.from({ length }, (_, slot) => hardware.nics[slot]);
};
export const effectiveProvider = (given = "default"): string => (given === "default" ? "kvm" : given);
export const nanoseconds = (iso: string): string => iso.replace(/\.(\d{3})Z$/, ".$1000000");

const controllerKeys = (controller: Controller, index: number): string[] => [
  `storagecontrollername${index}=${quoted(controller.name)}`,
  `storagecontrollertype${index}="${controller.type}"`,
  `storagecontrollerinstance${index}="${controller.instance}"`,
  `storagecontrollermaxportcount${index}="${limitsOf(controller).most}"`,
  `storagecontrollerportcount${index}="${controller.ports}"`,
  `storagecontrollerbootable${index}="${controller.bootable ? "on" : "off"}"`,
];

function portKeys(virtualBox: VirtualBox, controller: Controller): string[] {
  const { devices } = limitsOf(controller);
  const keys: string[] = [];
  for (let port = 0; port < controller.ports; port++) {
    for (let device = 0; device < devices; device++) {
      const found = controller.attachments.find((one) => one.port === port && one.device === device);
      keys.push(...slotKeys(virtualBox, controller, port, device, found));
    }
  }
  return keys;
}

function slotKeys(
  virtualBox: VirtualBox,
  { name, bus }: Controller,
  port: number,
  device: number,
  found: Attachment | undefined,
): string[] {
  const key = (what: string): string => `"${name}-${what}${port}-${device}"`;
  if (!found) return [`${key("")}="none"`];
  const medium = found.medium === undefined ? undefined : virtualBox.media.get(found.medium);
  if (!medium) return [`${key("")}="emptydrive"`, `${key("IsEjected-")}="off"`];
  return [
    `${key("")}=${quoted(medium.location)}`,
    `${key("ImageUUID-")}="${medium.uuid}"`,
    ...(found.kind === "dvd" ? [`${key("tempeject-")}="off"`, `${key("IsEjected-")}="off"`] : []),
    ...(bus === "sata" || bus === "usb" ? [`${key("hot-pluggable-")}="off"`] : []),
    `${key("nonrotational-")}="off"`,
    `${key("discard-")}="off"`,
  ];
}

function nicKeys(nic: Nic | undefined, index: number): string[] {
  const n = index + 1;
  if (!nic || nic.type === "none") return [`nic${n}="none"`];
  const attachment: Record<string, string[]> = {
    nat: [`natnet${n}="${nic.nat.network || "nat"}"`],
    bridged: [`bridgeadapter${n}="${nic.bridge}"`],
    hostonly: [`hostonlyadapter${n}="${nic.hostOnly}"`],
    intnet: [`intnet${n}="${nic.intnet}"`],
    natnetwork: [`nat-network${n}="${nic.natNetwork}"`],
    generic: [`generic${n}="${nic.driver}"`],
  };
  const flags = (value: boolean): string => (value ? "1" : "0");
  return [
    ...(attachment[nic.type] ?? []),
    `macaddress${n}="${nic.mac}"`,
    `cableconnected${n}="${nic.cable ? "on" : "off"}"`,
    `nic${n}="${nic.type === "generic" ? "Generic" : nic.type}"`,
    `nictype${n}="${nic.model}"`,
    `nicspeed${n}="0"`,
    ...(nic.type === "nat"
      ? [
          'mtu="0"',
          'sockSnd="64"',
          'sockRcv="64"',
          'tcpWndSnd="64"',
          'tcpWndRcv="64"',
          `localhostReachable="${flags(nic.nat.localhostReachable)}"`,
          'forwardBroadcast="0"',
          `enableTFTP="${flags(nic.nat.enableTftp)}"`,
          ...nic.nat.forwards.map(
            (one, at) =>
              `Forwarding(${at})="${[one.name, one.protocol, one.hostIp, one.hostPort, one.guestIp, one.guestPort].join(",")}"`,
          ),
        ]
      : []),
  ];
}

function uartKeys(more: Record<string, string>, port: number): string[] {
  const base = more[`uart${port}`] ?? "off";
  if (base === "off") return [`uart${port}="off"`];
  return [
    `uart${port}="${base}"`,
    `uartmode${port}="${more[`uartmode${port}`] ?? "disconnected"}"`,
    `uarttype${port}="16550A"`,
  ];
}
