import { isPort } from "../config/port-forwards";
import type { ConfigPath, NicConfig } from "../config/types";
import type { Context } from "./context";
import { type Hypervisor, hypervisorOf } from "./hypervisor";
import { parseIpv4 } from "./ipv4";
import { modeOf } from "./network-fields";
import { checkOpenStackNic } from "./openstack-fields";
import { own } from "./stable";

/** Fields that only VirtualBox has, and how the same is said of a libvirt machine. */
const VIRTUALBOX_ONLY: { field: keyof NicConfig; instead: string }[] = [
  { field: "type", instead: "Put the card on a declared network, or on a bridge of the host" },
  { field: "attachment", instead: "Take it out" },
  { field: "properties", instead: "Take it out" },
  {
    field: "forwards",
    instead: "Reach the machine at its address, or put it on a network of mode routed or bridge",
  },
  { field: "cable", instead: "Take the card out of `networks` instead" },
];

const NEEDS_ATTACHMENT: Partial<Record<NonNullable<NicConfig["type"]>, string>> = {
  intnet: "name of the internal network",
  hostonly: "interface, like vboxnet0",
  natnetwork: "name of the NAT network",
  generic: "name of the driver",
};

/** Checks of one network card that need no facts of others. */
export function checkNic(
  context: Context,
  logical: string,
  index: number,
  nic: NicConfig,
  hypervisor: Hypervisor,
): void {
  const path = ["machines", logical, "networks", index];
  const add = (field: ConfigPath, message: string) => context.problems.add([...path, ...field], message);
  if (hypervisor === "openstack") {
    checkOpenStackNic(nic, add);
    return;
  }
  if (hypervisor === "libvirt") {
    // One word on a card of a type: what else it has goes with it.
    for (const { field, instead } of VIRTUALBOX_ONLY)
      if (nic[field] !== undefined && (field === "type" || nic.type === undefined))
        add([field], `${field} is VirtualBox's, and this machine is on libvirt. ${instead}.`);
    return;
  }
  if (nic.model === "rtl8139")
    add(["model"], `VirtualBox has no rtl8139 card. Use virtio, e1000 or e1000e, or leave \`model\` out.`);
  checkType(nic, add);
  checkForwards(context, nic, add);
}

type Add = (field: ConfigPath, message: string) => void;

function checkType(nic: NicConfig, add: Add): void {
  const { type, attachment } = nic;
  if (type === undefined) {
    for (const field of ["attachment", "properties"] as const)
      if (nic[field] !== undefined)
        add(
          [field],
          `${field} goes with a \`type\`. Take it out: ${nic.network ? "the network" : "the bridge"} says it all.`,
        );
    return;
  }
  const what = NEEDS_ATTACHMENT[type];
  if (what !== undefined && attachment === undefined)
    add([], `a card of type ${type} needs an attachment: the ${what}. Add \`attachment:\`.`);
  if (what === undefined && attachment !== undefined)
    add(
      ["attachment"],
      `a card of type ${type} is on nothing. Take \`attachment\` out, or choose another type.`,
    );
  if (nic.properties !== undefined && type !== "generic")
    add(["properties"], `only a card of type generic has properties. Take them out.`);
  if (typeof nic.ip === "string" && (type === "nat" || type === "none"))
    add(
      ["ip"],
      type === "nat"
        ? `VirtualBox's NAT gives every machine 10.0.2.15. Take \`ip\` out; for an address of its own use a network of mode nat.`
        : `a card of type none is on no network. Take \`ip\` out.`,
    );
}

function checkForwards({ config }: Context, nic: NicConfig, add: Add): void {
  const { forwards } = nic;
  if (forwards === undefined || forwards.length === 0) return;
  const network = nic.network === undefined ? undefined : own(config.networks, nic.network);
  if (nic.network !== undefined && network === undefined) return;
  if (nic.type !== "nat" && !(network && modeOf(network) === "nat")) {
    add(
      ["forwards"],
      `ports are forwarded by a NAT, and this card is ${network ? `on a network of mode ${modeOf(network)}` : nic.type === undefined ? "bridged" : `of type ${nic.type}`}. Put them on a card of \`type: nat\` or on a network of mode nat.`,
    );
    return;
  }
  for (const [index, { hostPort, guestPort, hostIp }] of forwards.entries()) {
    // VirtualBox takes 70000 and means 4464, and takes 0 as well (seen with 7.2).
    for (const [field, port] of Object.entries({ hostPort, guestPort }))
      if (!isPort(port)) add(["forwards", index, field], `port ${port} does not exist. Use 1 to 65535.`);
    if (hostIp !== undefined && parseIpv4(hostIp) === undefined)
      add(
        ["forwards", index, "hostIp"],
        `"${hostIp}" is no IPv4 address of the host. Leave it out for 127.0.0.1.`,
      );
  }
}

/** Cards that a virtual machine of VirtualBox can have with the chipset that it has by default. */
const MAX_CARDS = 8;

export function checkCardCount(
  { problems }: Context,
  logical: string,
  cards: number,
  hypervisor: Hypervisor,
): void {
  if (hypervisor === "virtualbox" && cards > MAX_CARDS)
    problems.add(
      ["machines", logical, "networks", MAX_CARDS],
      `VirtualBox has ${MAX_CARDS} network cards for a machine, and this is the ${MAX_CARDS + 1}th. Take ${cards - MAX_CARDS} out.`,
    );
}

export const isVirtualBox = ({ config }: Context, backend: string): boolean => {
  const found = own(config.backends, backend);
  return found !== undefined && hypervisorOf(found) === "virtualbox";
};
