import * as os from "node:os";
import { com, context, FROM, said } from "../errors";
import type { GivenOption, OptionSpec } from "../options";
import type { Session } from "../session";
import { CARDS, newMac, newNic } from "../store/defaults";
import type { Nic, NicType, Vm } from "../store/types";
import type { VirtualBox } from "../store/virtualbox";
import { firstOf, secondOf } from "./modify";
import { addForward, removeForward } from "./nat-rule";

const FILE = "ModifyVM";
const text = (...names: string[]): OptionSpec => ({ names });
const flag = (...names: string[]): OptionSpec => ({ names, value: "switch" });

export const NIC_OPTIONS: OptionSpec[] = [
  text("--nic#"),
  text("--nictype#", "--nic-type#"),
  text("--macaddress#", "--mac-address#"),
  flag("--cableconnected#", "--cable-connected#"),
  text("--bridgeadapter#", "--bridge-adapter#"),
  text("--hostonlyadapter#", "--host-only-adapter#"),
  text("--intnet#"),
  text("--nat-network#", "--natnetwork#"),
  text("--nicgenericdrv#", "--nic-generic-drv#"),
  text("--nicproperty#", "--nic-property#"),
  text("--natnet#", "--nat-net#"),
  text("--natpf#", "--nat-pf#"),
  text("--nattftpprefix#", "--nat-tftp-prefix#"),
  text("--nattftpfile#", "--nat-tftp-file#"),
  text("--nattftpserver#", "--nat-tftp-server#"),
  flag("--nat-enable-tftp#"),
  flag("--nat-localhostreachable#"),
  // Taken, and of no meaning here.
  text("--nicspeed#", "--nic-speed#"),
  text("--nicpromisc#", "--nic-promisc#"),
  text("--nicbootprio#", "--nic-boot-prio#"),
  text("--nicbandwidthgroup#", "--nic-bandwidth-group#"),
  text("--natsettings#", "--nat-settings#"),
  text("--natbindip#", "--nat-bind-ip#"),
  flag("--natdnshostresolver#"),
  flag("--natdnsproxy#"),
  flag("--natdnspassdomain#", "--nat-dns-pass-domain#"),
  flag("--nat-forward-broadcast#"),
];
const NAMES = new Set(NIC_OPTIONS.map(({ names }) => names[0]));
export const isNicOption = (name: string): boolean => NAMES.has(name);

const TYPES: Record<string, NicType> = {
  none: "none",
  null: "null",
  nat: "nat",
  bridged: "bridged",
  intnet: "intnet",
  hostonly: "hostonly",
  natnetwork: "natnetwork",
  generic: "generic",
};
const MODELS: Record<string, string> = {
  am79c970a: "Am79C970A",
  am79c973: "Am79C973",
  "82540em": "82540EM",
  "82543gc": "82543GC",
  "82545em": "82545EM",
  "82583v": "82583V",
  ne1000: "NE1000",
  ne2000: "NE2000",
  virtio: "virtio",
  usbnet: "usbnet",
};
const SET_MAC = context("COMSETTER(MACAddress)(Bstr(ValueUnion.psz).raw())", 2461, FILE);
const ADD = context(
  "AddRedirect(Bstr(strName).raw(), proto, Bstr(strHostIp).raw(), RTStrToUInt16(strHostPort), Bstr(strGuestIp).raw(), RTStrToUInt16(strGuestPort))",
  2251,
  FILE,
);
const REMOVE = context("RemoveRedirect(Bstr(ValueUnion.psz).raw())", 2264, FILE);

export function modifyNic(vm: Vm, option: GivenOption, session: Session, virtualBox: VirtualBox): void {
  const { name, value, index } = option;
  const cards = vm.hardware.more.chipset === "ich9" ? CARDS.ich9 : CARDS.piix3;
  while (vm.hardware.nics.length < cards) vm.hardware.nics.push(newNic("none"));
  const nic = index >= 1 && index <= cards ? vm.hardware.nics[index - 1] : undefined;
  if (!nic) {
    // Said, and yet a success.
    session.error(`Invalid NIC number ${index}`);
    return;
  }
  const write = WRITE[name];
  if (write) write(nic, value, index, session, virtualBox);
}

type Write = (nic: Nic, value: string, index: number, session: Session, virtualBox: VirtualBox) => void;
const on = (value: string): boolean => value === "on";
const plain = (value: string): string => (value === "none" ? "" : value);

const WRITE: Record<string, Write> = {
  "--nic#": (nic, value, index) => {
    const type = TYPES[value];
    if (!type) throw said(`Invalid type '${value}' specfied for NIC ${index}`);
    nic.type = type;
  },
  "--nictype#": (nic, value, index) => {
    const model = MODELS[value.toLowerCase()];
    if (!model) throw said(`Invalid NIC type '${value}' specified for NIC ${index}`);
    nic.model = model;
  },
  "--macaddress#": (nic, value) => {
    const mac = value === "auto" ? newMac() : value.toUpperCase();
    // The lowest bit of the first byte is for groups.
    if (!/^[0-9A-F][02468ACE][0-9A-F]{10}$/.test(mac))
      throw com("Invalid MAC address format", "NS_ERROR_INVALID_ARG", FROM.adapter, SET_MAC);
    nic.mac = mac;
  },
  "--cableconnected#": (nic, value) => {
    nic.cable = on(value);
  },
  "--bridgeadapter#": (nic, value, _index, session) => {
    nic.bridge = plain(value);
    if (nic.bridge && !(nic.bridge in os.networkInterfaces()))
      session.err(`VBoxManage: warning: Interface "${value}" doesn't seem to exist`);
  },
  "--hostonlyadapter#": (nic, value, _index, session, virtualBox) => {
    nic.hostOnly = plain(value);
    if (nic.hostOnly && !virtualBox.hostOnlyInterfaces().some((one) => one.name === nic.hostOnly))
      session.err(`VBoxManage: warning: Interface "${value}" doesn't seem to exist`);
  },
  "--intnet#": (nic, value) => {
    nic.intnet = plain(value);
  },
  "--nat-network#": (nic, value) => {
    nic.natNetwork = plain(value);
  },
  "--nicgenericdrv#": (nic, value) => {
    nic.driver = value;
  },
  "--nicproperty#": (nic, value) => {
    const [, key = "", text = ""] = /^([^=]*)=?(.*)$/s.exec(value) ?? [];
    if (text === "") delete nic.properties[key];
    else nic.properties[key] = text;
  },
  "--natnet#": (nic, value) => {
    nic.nat.network = value === "default" ? "" : value;
  },
  "--natpf#": (nic, value, index) => {
    if (firstOf(value) === "delete") removeForward(nic, secondOf(value), REMOVE);
    else addRule(nic, value, index);
  },
  "--nattftpprefix#": (nic, value) => {
    nic.nat.tftpPrefix = plain(value);
  },
  "--nattftpfile#": (nic, value) => {
    nic.nat.tftpFile = plain(value);
  },
  "--nattftpserver#": (nic, value) => {
    nic.nat.tftpServer = plain(value);
  },
  "--nat-enable-tftp#": (nic, value) => {
    nic.nat.enableTftp = on(value);
  },
  "--nat-localhostreachable#": (nic, value) => {
    nic.nat.localhostReachable = on(value);
  },
};

const addRule = (nic: Nic, value: string, index: number): void => addForward(nic, value, String(index), ADD);
