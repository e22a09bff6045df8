import { macInPlan } from "../checks";
import type { DhcpServerFacts, HostOnlyFacts, NatNetworkFacts, NatNetworkForward } from "../facts";
import { fieldOf, readBlocks } from "./blocks";

/** `        ssh:tcp:[127.0.0.1]:2023:[10.78.0.5]:22`; the name may hold spaces. */
const FORWARD = /^ +(.*):(tcp|udp):\[([^\]]*)\]:(\d+):\[([^\]]*)\]:(\d+) *$/;

/** Reads `list natnets --long`; without `--long` neither `Enabled` nor the forwards are told (measured on 7.2.22). */
export function readNatNetworks(text: string): NatNetworkFacts[] {
  const networks: NatNetworkFacts[] = [];
  let inForwards = false;
  for (const line of text.split(/\r?\n/)) {
    const name = /^Name: +(.*?) *$/.exec(line)?.[1];
    if (name !== undefined) {
      const empty = { enabled: false, cidr: "", gateway: "", dhcp: false, ipv6: false };
      networks.push({ name, ...empty, forwards: [] });
    }
    const network = networks.at(-1);
    if (!network) continue;
    if (!line.startsWith(" ")) inForwards = line.startsWith("Port-forwarding (ipv4)");
    const forward = inForwards && readForward(line);
    if (forward) network.forwards.push(forward);
    const [, label, value = ""] = /^([^:]+): +(.*?) *$/.exec(line) ?? [];
    if (label === "Enabled") network.enabled = value === "Yes";
    if (label === "Network") network.cidr = value;
    if (label === "Gateway") network.gateway = value;
    if (label === "DHCP Server") network.dhcp = value === "Yes";
    if (label === "IPv6") network.ipv6 = value === "Yes";
  }
  return networks;
}

function readForward(line: string): NatNetworkForward | undefined {
  const found = FORWARD.exec(line);
  if (!found) return undefined;
  const [, name = "", protocol, hostIp = "", hostPort, guestIp = "", guestPort] = found;
  return {
    name,
    protocol: protocol === "udp" ? "udp" : "tcp",
    hostIp,
    hostPort: Number(hostPort),
    guestIp,
    guestPort: Number(guestPort),
  };
}

/** Reads `list dhcpservers`. */
export function readDhcpServers(text: string): DhcpServerFacts[] {
  return readBlocks(text, "NetworkName").map((block) => {
    const hosts: DhcpServerFacts["hosts"] = [];
    let mac: string | undefined;
    for (const { label, value } of block) {
      // `MAC 08:00:27:aa:bb:01`; a configuration of a machine's NIC by its name is none of ours.
      if (label === "Individual Config") mac = /^MAC ([0-9A-Fa-f:]{17})$/.exec(value)?.[1];
      if (label === "Fixed Address" && mac !== undefined && value !== "dynamic")
        hosts.push({ mac: macInPlan(mac), ip: value });
    }
    return {
      network: fieldOf(block, "NetworkName"),
      enabled: fieldOf(block, "Enabled") === "Yes",
      serverIp: fieldOf(block, "Dhcpd IP"),
      netmask: fieldOf(block, "NetworkMask"),
      from: fieldOf(block, "LowerIPAddress"),
      to: fieldOf(block, "UpperIPAddress"),
      hosts,
    };
  });
}

/** Reads `list hostonlyifs`. */
export function readHostOnly(text: string): HostOnlyFacts[] {
  return readBlocks(text, "Name").map((block) => ({
    interface: fieldOf(block, "Name"),
    uuid: fieldOf(block, "GUID"),
    ip: fieldOf(block, "IPAddress"),
    netmask: fieldOf(block, "NetworkMask"),
    network: fieldOf(block, "VBoxNetworkName"),
    up: fieldOf(block, "Status") === "Up",
  }));
}

/** Names of `list bridgedifs`. */
export const readBridged = (text: string): string[] =>
  readBlocks(text, "Name").map((block) => fieldOf(block, "Name"));
