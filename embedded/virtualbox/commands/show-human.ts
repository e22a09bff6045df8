import * as path from "node:path";
import { limitsOf, OS_TYPES } from "../store/defaults";
import type { Nic, Vm } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";
import { type Setting, settingOf } from "./settings-unset";
import { cardsOf, effectiveProvider, nanoseconds } from "./show";
import { snapshotTree } from "./snapshot-list";

const DEVICES: Record<string, string> = {
  none: "Not Assigned",
  floppy: "Floppy",
  dvd: "DVD",
  disk: "HardDisk",
  net: "Network",
};
const STATES = {
  poweroff: "powered off",
  running: "running",
  paused: "paused",
  aborted: "aborted",
  saved: "saved",
} as const;
const PROVIDERS: Record<string, string> = { kvm: "KVM", hyperv: "Hyper-V" };
const capital = (word: string): string => PROVIDERS[word] ?? word.charAt(0).toUpperCase() + word.slice(1);
const GRAPHICS: Record<string, string> = {
  vboxvga: "VBoxVGA",
  vmsvga: "VMSVGA",
  vboxsvga: "VBoxSVGA",
  none: "None",
};

/** As showvminfo tells it to people; labs read `--machinereadable`, this is for those who look. */
export function humanInfo(virtualBox: VirtualBox, vm: Vm): string[] {
  const { hardware } = vm;
  const { more } = hardware;
  const line = (name: string, value: string | number): string => `${`${name}:`.padEnd(28)} ${value}`;
  const setting = (key: Setting): string => settingOf(vm, key);
  const onOff = (key: Setting): string => (setting(key) === "on" ? "enabled" : "disabled");
  const folder = path.dirname(vm.configFile);
  const base = vm.configFile.replace(/\.vbox$/, "");
  const provider = setting("paravirtprovider");
  return [
    line("Name", vm.name),
    line("Encryption", "disabled"),
    line("Groups", vm.group),
    line("Platform Architecture", "x86"),
    line("Guest OS", OS_TYPES[vm.osType] ?? vm.osType),
    line("UUID", vm.uuid),
    line("Config file", vm.configFile),
    line("Snapshot folder", path.join(folder, "Snapshots")),
    line("Log folder", path.join(folder, "Logs")),
    line("Hardware UUID", more.hardwareuuid ?? vm.uuid),
    line("Memory size", `${hardware.memory}MB`),
    line("Page Fusion", "disabled"),
    line("VRAM size", `${hardware.vram}MB`),
    line("CPU exec cap", `${setting("cpuexecutioncap")}%`),
    line("CPUProfile", setting("cpu-profile")),
    line("Chipset", setting("chipset")),
    line("Firmware", hardware.firmware),
    line("Number of CPUs", hardware.cpus),
    line("HPET", onOff("hpet")),
    line("PAE", onOff("pae")),
    line("Long Mode", onOff("longmode")),
    line("Triple Fault Reset", onOff("triplefaultreset")),
    line("APIC", onOff("apic")),
    line("X2APIC", onOff("x2apic")),
    line("Nested VT-x/AMD-V", onOff("nested-hw-virt")),
    line("CPUID overrides", "None"),
    line("Hardware Virtualization", onOff("hwvirtex")),
    line("Nested Paging", onOff("nestedpaging")),
    line("Large Pages", onOff("largepages")),
    line("VT-x VPID", "enabled"),
    line("VT-x Unrestricted Exec.", "enabled"),
    line("AMD-V Virt. Vmsave/Vmload", "enabled"),
    line("CPUID Portability Level", 0),
    line("Boot menu mode", "message and menu"),
    ...hardware.boot.map((device, index) => line(`Boot Device ${index + 1}`, DEVICES[device] ?? device)),
    line("ACPI", onOff("acpi")),
    line("IOAPIC", onOff("ioapic")),
    line("BIOS APIC mode", "APIC"),
    line("Time offset", "0ms"),
    line("BIOS NVRAM File", `${base}.nvram`),
    line("RTC", setting("rtcuseutc") === "on" ? "UTC" : "local time"),
    line("IOMMU", capital(setting("iommu"))),
    line("Paravirt. Provider", capital(provider)),
    line("Effective Paravirt. Prov.", capital(effectiveProvider(provider))),
    line("State", `${STATES[vm.state]} (since ${nanoseconds(vm.stateSince).replace(/Z$/, "")})`),
    line("Graphics Controller", GRAPHICS[setting("graphicscontroller")] ?? ""),
    line("Monitor count", setting("monitorcount")),
    line("3D Acceleration", onOff("accelerate3d")),
    line("Teleporter Enabled", "disabled"),
    line("Teleporter Port", 0),
    line("Teleporter Address", ""),
    line("Teleporter Password", ""),
    line("Tracing Enabled", "disabled"),
    line("Allow Tracing to Access VM", "disabled"),
    line("Tracing Configuration", ""),
    line("Autostart Enabled", onOff("autostart-enabled")),
    line("Autostart Delay", setting("autostart-delay")),
    line("Default Frontend", setting("defaultfrontend")),
    line("VM process priority", "default"),
    ...storage(virtualBox, vm, line),
    ...cardsOf(vm).flatMap((nic, index) => card(nic, index + 1, line)),
    line("Pointing Device", POINTERS[setting("hidpointing")] ?? ""),
    line("Keyboard Device", setting("hidkeyboard") === "usbkbd" ? "USB Keyboard" : "PS/2 Keyboard"),
    ...[1, 2, 3, 4].map((port) => line(`UART ${port}`, uart(more, port))),
    line("LPT 1", "disabled"),
    line("LPT 2", "disabled"),
    line("Audio", audio(setting("audio"))),
    line("Audio playback", onOff("audio_out")),
    line("Audio capture", onOff("audio_in")),
    line("Clipboard Mode", setting("clipboard") === "disabled" ? "disabled" : capital(setting("clipboard"))),
    line("Clipboard file transfers", "disabled"),
    line(
      "Drag and drop Mode",
      setting("draganddrop") === "disabled" ? "disabled" : capital(setting("draganddrop")),
    ),
    line("VRDE", onOff("vrde")),
    line("OHCI USB", onOff("usb")),
    line("EHCI USB", onOff("ehci")),
    line("xHCI USB", onOff("xhci")),
    line("USB Device Filters", "<none>"),
    line("Bandwidth groups", "<none>"),
    ...sharedFolders(vm, line),
    line("Recording status", "stopped"),
    line("Recording enabled", "no"),
    line("Recording screens", 1),
    " Screen 0:",
    "    Enabled:                 yes",
    "    ID:                      0",
    "    Record video:            yes",
    "    Record audio:            no",
    "    Destination:             File",
    `    File:                    ${base}-screen0.webm`,
    "    Options:                 ac_profile=med",
    "    Video dimensions:        1024x768",
    "    Video rate:              512kbps",
    "    Video FPS:               25fps",
    ...(vm.description ? ["Description:", vm.description] : []),
    ...(vm.snapshots.length > 0 ? ["* Snapshots:", ...snapshotTree(vm)] : []),
    "* Guest:",
    line("Configured memory balloon", "0MB"),
    "",
  ];
}

type Line = (name: string, value: string | number) => string;

const POINTERS: Record<string, string> = {
  ps2mouse: "PS/2 Mouse",
  usbmouse: "USB Mouse",
  usbtablet: "USB Tablet",
  usbmultitouch: "USB Multi-Touch",
};
const audio = (driver: string): string =>
  driver === "none" || driver === "null"
    ? "disabled"
    : `enabled (Driver: ${capital(driver)}, Controller: AC97, Codec: STAC9700)`;

function uart(more: Record<string, string>, port: number): string {
  const [base = "off", irq] = (more[`uart${port}`] ?? "off").split(",");
  return irq === undefined
    ? "disabled"
    : `I/O base: ${base}, IRQ: ${irq}, ${more[`uartmode${port}`] ?? "disconnected"}`;
}

function storage({ media }: VirtualBox, { hardware }: Vm, line: Line): string[] {
  if (hardware.controllers.length === 0) return [line("Storage Controllers", "<none>")];
  return [
    "Storage Controllers:",
    ...hardware.controllers.flatMap((one, index) => [
      `#${index}: '${one.name}', Type: ${one.type}, Instance: ${one.instance}, Ports: ${one.ports} (max ${limitsOf(one).most}), ${one.bootable ? "Bootable" : "Not bootable"}`,
      ...one.attachments.flatMap(({ port, device, medium }) => {
        const found = medium === undefined ? undefined : media.get(medium);
        const at = `  Port ${port}, Unit ${device}:`;
        return found ? [`${at} UUID: ${found.uuid}`, `    Location: "${found.location}"`] : [`${at} Empty`];
      }),
    ]),
  ];
}

function card(nic: Nic | undefined, number: number, line: Line): string[] {
  if (!nic || nic.type === "none") return [line(`NIC ${number}`, "disabled")];
  const properties = Object.entries(nic.properties).map(([name, value]) => `${name}='${value}'`);
  const attachment: Record<string, string> = {
    null: "none",
    nat: nic.nat.network ? "NAT" : "NAT",
    bridged: `Bridged Interface '${nic.bridge}'`,
    hostonly: `Host-only Interface '${nic.hostOnly}'`,
    intnet: `Internal Network '${nic.intnet}'`,
    natnetwork: `NAT Network '${nic.natNetwork}'`,
    generic: `Generic '${nic.driver}'${properties.length > 0 ? ` { ${properties.join(", ")} }` : ""}`,
  };
  const facts = [
    `MAC: ${nic.mac}`,
    `Attachment: ${attachment[nic.type]}`,
    `Cable connected: ${nic.cable ? "on" : "off"}`,
    "Trace: off (file: none)",
    `Type: ${nic.model}`,
    "Reported speed: 0 Mbps",
    "Boot priority: 0",
    "Promisc Policy: deny",
    "Bandwidth group: none",
  ];
  const flag = (value: boolean): number => (value ? 1 : 0);
  return [
    line(`NIC ${number}`, facts.join(", ")),
    ...(nic.type === "nat"
      ? [
          `NIC ${number} Settings:`,
          "\tMTU: 0, Socket (send: 64, receive: 64), TCP Window (send:64, receive: 64),",
          `\tLocalhostReachable: ${flag(nic.nat.localhostReachable)}, ForwardBroadcast: 0, EnableTFTP: ${flag(nic.nat.enableTftp)}`,
          ...nic.nat.forwards.map(
            (one, index) =>
              `NIC ${number} Rule(${index}):   name = ${one.name}, protocol = ${one.protocol}, host ip = ${one.hostIp}, host port = ${one.hostPort}, guest ip = ${one.guestIp}, guest port = ${one.guestPort}`,
          ),
        ]
      : []),
  ];
}

function sharedFolders({ hardware }: Vm, line: Line): string[] {
  if (hardware.sharedFolders.length === 0) return [line("Shared folders", "<none>")];
  return [
    "Shared folders:",
    "",
    ...hardware.sharedFolders.map(
      (one) =>
        `Name: '${one.name}', Host path: '${one.path}' (machine mapping), ${one.readOnly ? "readonly" : "writable"}${one.autoMount ? ", auto-mount" : ""}`,
    ),
    "",
  ];
}
