import * as net from "node:net";
import * as path from "node:path";
import type { BootDevice, GuestHardware } from "../libvirt/store/guests";
import { readIsoRoot } from "../sandbox/iso";
import type { OpenForward } from "./forwards";
import type { Medium, NatNetwork, Nic, Vm } from "./store/types";
import type { VirtualBox } from "./store/virtualbox";

/** The host as guests of a plain NAT see it, once they may. */
const NAT_HOST = "10.0.2.2";

const BOOT: Record<string, BootDevice> = { net: "network", disk: "disk", dvd: "dvd" };

/** What a machine of VirtualBox is to its guest. */
export function hardwareOf(virtualBox: VirtualBox, vm: Vm): GuestHardware {
  const { hardware } = vm;
  const nics = hardware.nics.filter((nic) => nic.type !== "none");
  const all = hardware.controllers.flatMap((one) => one.attachments);
  const media = all.flatMap(({ medium }) => (medium && virtualBox.media.get(medium)) || []);
  const disk = media.find((medium) => medium.kind === "disk");
  const netboot = nics.flatMap((nic) => netbootOf(virtualBox, nic) ?? [])[0];
  return {
    uuid: vm.uuid,
    name: vm.name,
    nics: nics.map((nic) => {
      const ip = addressOf(virtualBox, nic);
      return { mac: colons(nic.mac), ...(ip === undefined ? {} : { ip }) };
    }),
    media: media.map((medium) => medium.location),
    bootOrder: hardware.boot.flatMap((device) => BOOT[device] ?? []),
    ...(disk && { disk: diskOf(virtualBox, disk) }),
    ...(netboot && { netboot }),
    isHost: (address) => nics.some((nic) => leadsToHost(virtualBox, nic, address)),
  };
}

const diskOf = ({ media }: VirtualBox, disk: Medium) => ({
  isBlank: () => media.isBlank(disk),
  install: () => media.writeBootSector(disk),
});

function netbootOf(virtualBox: VirtualBox, nic: Nic): GuestHardware["netboot"] {
  if (nic.type !== "nat" || !nic.nat.enableTftp || !nic.cable) return undefined;
  // Without a prefix it serves a folder of VirtualBox's own.
  const prefix = nic.nat.tftpPrefix || path.join(virtualBox.home, "TFTP");
  return { mac: colons(nic.mac), via: "tftp", prefix, bootFile: nic.nat.tftpFile };
}

/** Fixed addresses of the network's DHCP server; a plain NAT gives all guests the same, which says nothing. */
function addressOf(virtualBox: VirtualBox, nic: Nic): string | undefined {
  const networks: Partial<Record<Nic["type"], string>> = {
    natnetwork: nic.natNetwork,
    intnet: nic.intnet,
    hostonly: `HostInterfaceNetworking-${nic.hostOnly}`,
  };
  const network = networks[nic.type];
  const server = virtualBox.dhcpServers().find((one) => one.network === network && one.enabled);
  return server?.hosts.find((host) => bare(host.mac) === bare(nic.mac))?.fixedAddress;
}

function leadsToHost(virtualBox: VirtualBox, nic: Nic, address: string): boolean {
  if (!nic.cable) return false;
  if (nic.type === "nat") return address === NAT_HOST && nic.nat.localhostReachable;
  if (nic.type === "hostonly")
    return virtualBox.hostOnlyInterfaces().some((one) => one.name === nic.hostOnly && one.ip === address);
  if (nic.type !== "natnetwork") return false;
  const network = virtualBox.natNetworks().find((one) => one.name === nic.natNetwork);
  return network?.loopback.some(({ offset }) => hostAt(network, offset) === address) ?? false;
}

/** The n-th address of a network. */
export function hostAt({ network }: Pick<NatNetwork, "network">, offset: number): string {
  const [base = ""] = network.split("/");
  const number = base.split(".").reduce((sum, octet) => sum * 256 + Number(octet), 0) + offset;
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}

/** Of the cards on plain NAT. */
export const natForwards = (vm: Vm): OpenForward[] =>
  vm.hardware.nics
    .filter((nic) => nic.type === "nat")
    .flatMap((nic) => nic.nat.forwards)
    .filter((forward) => forward.protocol === "tcp" && forward.hostPort > 0)
    .map(({ hostIp, hostPort, guestPort }) => ({ vm: vm.uuid, hostIp, hostPort, guestPort }));

/** Of NAT networks: rules name the guest's address, which is found by DHCP or in the guest's own seed. */
export function natNetworkForwards(virtualBox: VirtualBox, running: Vm[]): OpenForward[] {
  return virtualBox.natNetworks().flatMap((network) => {
    if (!network.enabled) return [];
    const guests = running.flatMap((vm) =>
      vm.hardware.nics
        .filter((nic) => nic.type === "natnetwork" && nic.natNetwork === network.name)
        .map((nic) => ({ vm, nic })),
    );
    return network.forwards.flatMap(({ protocol, hostIp, hostPort, guestIp, guestPort }) => {
      if (protocol !== "tcp" || !net.isIPv4(guestIp)) return [];
      const guest =
        guests.find(({ nic }) => addressOf(virtualBox, nic) === guestIp) ??
        guests.find(({ vm }) => seedHas(virtualBox, vm, guestIp));
      return guest ? [{ vm: guest.vm.uuid, hostIp, hostPort, guestPort }] : [];
    });
  });
}

/** Whether the network settings of a machine's seed give it this address. */
function seedHas(virtualBox: VirtualBox, vm: Vm, address: string): boolean {
  const exact = new RegExp(`(^|[^\\d.])${address.replaceAll(".", "\\.")}($|[^\\d.]|/)`, "m");
  return hardwareOf(virtualBox, vm).media.some((file) => {
    const config = readIsoRoot(file)?.files.get("network-config");
    return config !== undefined && exact.test(config.toString("utf8"));
  });
}

/** `08:00:27:aa:bb:cc` */
export const colons = (mac: string): string => bare(mac).match(/../g)?.join(":") ?? "";
const bare = (mac: string): string => mac.replace(/[^0-9a-f]/gi, "").toLowerCase();
