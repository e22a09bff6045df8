import * as fs from "node:fs";
import * as path from "node:path";
import { com, context, FROM, type Refusal, SyntaxRefusal, said } from "../errors";
import type { Call } from "../interpreter";
import { type GivenOption, type OptionSpec, parseOptions } from "../options";
import type { Vm } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";
import { lockMachine } from "./lock";
import { isNicOption, modifyNic, NIC_OPTIONS } from "./modify-nic";
import { configFileOf } from "./vm";

const FILE = "ModifyVM";
const FIND = context("FindMachine(Bstr(a->argv[0]).raw(), machine.asOutParam())", 893, FILE);
const DEVICES = ["none", "floppy", "dvd", "disk", "net"];

const text = (...names: string[]): OptionSpec => ({ names });
const flag = (...names: string[]): OptionSpec => ({ names, value: "switch" });
const count = (...names: string[]): OptionSpec => ({ names, value: "number" });

const OPTIONS: OptionSpec[] = [
  text("--name"),
  text("--groups"),
  text("--description"),
  text("--ostype", "--os-type"),
  count("--memory"),
  count("--vram"),
  count("--cpus"),
  text("--firmware"),
  text("--boot#"),
  text("--snapshot-folder", "--snapshotfolder"),
  ...NIC_OPTIONS,
];

/** Options that change one key of showvminfo and nothing else here. */
const SWITCHES: Record<string, string> = {
  "--acpi": "acpi",
  "--ioapic": "ioapic",
  "--pae": "pae",
  "--x86-pae": "pae",
  "--longmode": "longmode",
  "--long-mode": "longmode",
  "--x86-long-mode": "longmode",
  "--hpet": "hpet",
  "--x86-hpet": "hpet",
  "--hwvirtex": "hwvirtex",
  "--nested-hw-virt": "nested-hw-virt",
  "--nestedpaging": "nestedpaging",
  "--nested-paging": "nestedpaging",
  "--largepages": "largepages",
  "--large-pages": "largepages",
  "--apic": "apic",
  "--x2apic": "x2apic",
  "--x86-x2apic": "x2apic",
  "--triplefaultreset": "triplefaultreset",
  "--rtcuseutc": "rtcuseutc",
  "--rtc-use-utc": "rtcuseutc",
  "--accelerate3d": "accelerate3d",
  "--accelerate-3d": "accelerate3d",
  "--audioin": "audio_in",
  "--audio-in": "audio_in",
  "--audioout": "audio_out",
  "--audio-out": "audio_out",
  "--vrde": "vrde",
  "--usb": "usb",
  "--usb-ohci": "usb",
  "--usb-ehci": "ehci",
  "--usb-xhci": "xhci",
  "--autostart-enabled": "autostart-enabled",
  "--audio-enabled": "",
  "--teleporter": "teleporterenabled",
};
const TEXTS: Record<string, string> = {
  "--chipset": "chipset",
  "--graphicscontroller": "graphicscontroller",
  "--paravirtprovider": "paravirtprovider",
  "--paravirt-provider": "paravirtprovider",
  "--monitorcount": "monitorcount",
  "--monitor-count": "monitorcount",
  "--cpuexecutioncap": "cpuexecutioncap",
  "--cpu-execution-cap": "cpuexecutioncap",
  "--cpu-profile": "cpu-profile",
  "--clipboard-mode": "clipboard",
  "--draganddrop": "draganddrop",
  "--drag-and-drop": "draganddrop",
  "--iommu": "iommu",
  "--defaultfrontend": "defaultfrontend",
  "--default-frontend": "defaultfrontend",
  "--autostart-delay": "autostart-delay",
  "--mouse": "hidpointing",
  "--keyboard": "hidkeyboard",
  "--audio-driver": "audio",
  "--audio": "audio",
  "--audiocontroller": "",
  "--audio-controller": "",
  "--vrdeport": "",
  "--vrde-port": "",
  "--hardware-uuid": "hardwareuuid",
  "--uart#": "uart#",
  "--uartmode#": "uartmode#",
  "--uart-mode#": "uartmode#",
  "--uarttype#": "",
  "--uart-type#": "",
};
const WORDS: Record<string, Record<string, string>> = {
  hidpointing: { ps2: "ps2mouse", usb: "usbmouse", usbtablet: "usbtablet", usbmultitouch: "usbmultitouch" },
  hidkeyboard: { ps2: "ps2kbd", usb: "usbkbd" },
};

const ALL: OptionSpec[] = [
  ...OPTIONS,
  ...Object.keys(SWITCHES).map((name) => flag(name)),
  ...Object.keys(TEXTS).map((name) => text(name)),
];
/** Options of more than one word: `--natpf1 delete NAME`, `--uart1 0x3F8 4`, `--uart-mode1 file PATH`. */
const TWO_WORDS: [RegExp, (word: string) => boolean][] = [
  [/^--nat-?pf\d+$/, (word) => word === "delete"],
  [/^--uart\d+$/, (word) => word !== "off"],
  [/^--uart-?mode\d+$/, (word) => ["file", "server", "client", "tcpserver", "tcpclient"].includes(word)],
];

export function modifyVm({ virtualBox, session, args }: Call): void {
  if (args.length < 2) throw new SyntaxRefusal("Not enough parameters", "modifyvm", 2, true);
  const [ref = "", ...rest] = args;
  const parsed = parseOptions(joined(rest), ALL, { command: "modifyvm", exit: 1, twice: true });
  const vm = virtualBox.find(ref, FIND);
  lockMachine(vm, context("LockMachine(a->session, LockType_Write)", 900, FILE));
  // All of it or nothing: only what was said without a refusal is saved.
  const next = structuredClone(vm);
  for (const option of parsed.options) {
    if (isNicOption(option.name)) modifyNic(next, option, session, virtualBox);
    else modifyMachine(next, option, session);
  }
  if (next.name !== vm.name || next.group !== vm.group) rename(virtualBox, vm, next);
  virtualBox.save(next);
}

/** Second words are put behind a separator that no shell word holds. */
const SECOND = "\u0000";
function joined(words: string[]): string[] {
  const out: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    out.push(word);
    const [name, inline] = word.split(/=(.*)/s, 2);
    const two = TWO_WORDS.find(([pattern]) => pattern.test(name ?? ""));
    if (!two) continue;
    const value = inline ?? words[++at];
    if (value === undefined) continue;
    const joint = two[1](value) ? `${value}${SECOND}${words[++at] ?? ""}` : value;
    if (inline === undefined) out.push(joint);
    else out[out.length - 1] = `${name}=${joint}`;
  }
  return out;
}
export const secondOf = (value: string): string => value.split(SECOND)[1] ?? "";
export const firstOf = (value: string): string => value.split(SECOND)[0] ?? "";

function modifyMachine(vm: Vm, { name, value, index, written }: GivenOption, session: Call["session"]): void {
  const { hardware } = vm;
  const number = Number(value);
  if (name === "--name") vm.name = value;
  else if (name === "--groups") {
    if (!value.startsWith("/")) {
      const at = context("COMSETTER(Groups)(ComSafeArrayAsInParam(groups))", 935, FILE);
      throw com(`Invalid machine group '${value}'`, "NS_ERROR_INVALID_ARG", FROM.virtualBox, at);
    }
    vm.group = value;
  } else if (name === "--description") vm.description = value;
  else if (name === "--ostype") vm.osType = value;
  else if (name === "--memory") {
    inRange(number, 4, 2097152, (range) => [
      `Invalid RAM size: ${value} MB (must be in range ${range} MB)`,
      "COMSETTER(MemorySize)(ValueUnion.u32)",
      988,
    ]);
    hardware.memory = number;
  } else if (name === "--cpus") {
    inRange(number, 1, 64, (range) => [
      `Invalid virtual CPU count: ${value} (must be in range ${range})`,
      "COMSETTER(CPUCount)(ValueUnion.u32)",
      1083,
    ]);
    hardware.cpus = number;
  } else if (name === "--vram") hardware.vram = number;
  else if (name === "--firmware") {
    const firmware = value.toUpperCase();
    if (!["BIOS", "EFI", "EFI32", "EFI64"].includes(firmware))
      throw said(`Invalid --firmware argument '${value}'`);
    hardware.firmware = firmware as Vm["hardware"]["firmware"];
  } else if (name === "--boot#") {
    if (!DEVICES.includes(value)) throw said(`Invalid boot device '${value}'`, 2);
    const device = { none: "Null", floppy: "Floppy", dvd: "DVD", disk: "HardDisk", net: "Network" }[value];
    inRange(index, 1, 4, (range) => [
      `Invalid boot position: ${index} (must be in range ${range})`,
      `SetBootOrder(GetOptState.uIndex, DeviceType_${device})`,
      1285,
    ]);
    hardware.boot[index - 1] = value;
  } else if (name in SWITCHES || name in TEXTS) {
    if (written === "--audio")
      session.err("Warning: --audio is deprecated and will be removed soon. Use --audio-driver instead!");
    const key = (SWITCHES[name] ?? TEXTS[name] ?? "").replace("#", String(index));
    // A USB pointer needs a controller.
    if (key === "hidpointing" && value.startsWith("usb")) hardware.more.usb = "on";
    if (key !== "") hardware.more[key] = WORDS[key]?.[value] ?? valueFor(key, value);
  }
}

function valueFor(key: string, value: string): string {
  if (key.startsWith("uart") && value.includes(SECOND)) {
    return key.startsWith("uartmode")
      ? `${firstOf(value)},${secondOf(value)}`
      : `0x${Number(firstOf(value)).toString(16).padStart(4, "0")},${secondOf(value)}`;
  }
  return value;
}

function inRange(
  value: number,
  from: number,
  to: number,
  refusal: (range: string) => [text: string, call: string, line: number],
): void {
  if (value >= from && value <= to) return;
  const [message, call, line] = refusal(`[${from}, ${to}]`);
  throw com(message, "NS_ERROR_INVALID_ARG", FROM.session, context(call, line, FILE));
}

/** The folder, the settings file, and all media in the folder move along. */
function rename(virtualBox: VirtualBox, vm: Vm, next: Vm): void {
  const from = path.dirname(vm.configFile);
  next.configFile = configFileOf(vm.baseFolder, next.group, next.name);
  const to = path.dirname(next.configFile);
  if (to === from) return;
  const shown = to.replace(/[^/]+$/, next.name.includes("/") ? next.name : path.basename(to));
  const failed = (code: string): Refusal =>
    com(
      `Could not rename the directory '${from}' to '${shown}' to save the settings file (${code})`,
      "NS_ERROR_FAILURE",
      FROM.session,
      context("SaveSettings()", 3863, FILE),
    );
  if (next.name.includes("/")) throw failed("VERR_FILE_NOT_FOUND");
  if (fs.existsSync(to)) throw failed("VERR_ALREADY_EXISTS");
  fs.mkdirSync(path.dirname(to), { recursive: true, mode: 0o700 });
  fs.renameSync(from, to);
  const old = path.join(to, path.basename(vm.configFile));
  for (const suffix of ["", "-prev"]) {
    if (fs.existsSync(old + suffix)) fs.renameSync(old + suffix, next.configFile + suffix);
  }
  for (const medium of [...virtualBox.media.list("disk"), ...virtualBox.media.list("dvd")]) {
    if (!medium.location.startsWith(`${from}${path.sep}`)) continue;
    virtualBox.media.move(medium, path.join(to, medium.location.slice(from.length + 1)));
  }
}
