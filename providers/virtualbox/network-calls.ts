import { LabError } from "../core/errors";
import type { Calls } from "./calls";
import { checkPort, checkRuleName, macForVirtualBox, macInPlan } from "./checks";
import type { DhcpServerSettings, NatNetworkSettings, VirtualBoxClient } from "./client";
import { unlessGone } from "./errors";
import { readBridged, readDhcpServers, readHostOnly, readNatNetworks } from "./parse/networks";

type NetworkCalls = Pick<
  VirtualBoxClient,
  | "bridgedInterfaces"
  | "natNetworks"
  | "addNatNetwork"
  | "modifyNatNetwork"
  | "removeNatNetwork"
  | "hostOnlyInterfaces"
  | "createHostOnly"
  | "configureHostOnly"
  | "removeHostOnly"
  | "dhcpServers"
  | "addDhcpServer"
  | "modifyDhcpServer"
  | "removeDhcpServer"
>;

export function networkCalls(calls: Calls): NetworkCalls {
  const { run, runLong } = calls;
  const natNetworks = async () => readNatNetworks(await run("list", "natnets", "--long"));
  const dhcpServers = async () => readDhcpServers(await run("list", "dhcpservers"));

  return {
    bridgedInterfaces: async () => readBridged(await run("list", "bridgedifs")),
    natNetworks,
    addNatNetwork: async (network) => {
      await run("natnetwork", "add", ...natOptions(network), ...network.forwards.flatMap(forwardOption));
    },
    modifyNatNetwork: async (network) => {
      const { forwards = [] } = (await natNetworks()).find(({ name }) => name === network.name) ?? {};
      const wanted = network.forwards.map(ruleText);
      // A rule is known by its name: one that differs is removed and written anew, one that is the same stays.
      const same = forwards.filter((one) => wanted.includes(ruleText(one))).map(ruleText);
      const removed = forwards.filter((one) => !same.includes(ruleText(one)));
      const added = network.forwards.filter((one) => !same.includes(ruleText(one)));
      const options = [
        ...removed.flatMap(({ name }) => ["--port-forward-4", "delete", name]),
        ...added.flatMap(forwardOption),
      ];
      await run("natnetwork", "modify", ...natOptions(network), ...options);
    },
    removeNatNetwork: async (name) => {
      await unlessGone(run("natnetwork", "remove", "--netname", name));
    },

    hostOnlyInterfaces: async () => readHostOnly(await run("list", "hostonlyifs")),
    createHostOnly: async () => {
      const told = await runLong(["hostonlyif", "create"], {});
      // `Interface 'vboxnet0' was successfully created` (VBoxManageHostonly.cpp)
      const name = /Interface '([^']+)' was successfully created/.exec(told)?.[1];
      if (name === undefined)
        throw new LabError(`${calls.label}: VBoxManage did not tell the name of the host-only interface`);
      return name;
    },
    configureHostOnly: async (name, { ip, netmask }) => {
      await run("hostonlyif", "ipconfig", name, "--ip", ip, "--netmask", netmask);
    },
    removeHostOnly: async (name) => {
      await unlessGone(runLong(["hostonlyif", "remove", name], {}));
    },

    dhcpServers,
    addDhcpServer: async (server) => {
      await run("dhcpserver", "add", ...dhcpOptions(server), ...server.hosts.flatMap(hostOptions));
    },
    modifyDhcpServer: async (server) => {
      const { hosts = [] } = (await dhcpServers()).find(({ network }) => network === server.network) ?? {};
      const wanted = new Set(server.hosts.map(({ mac }) => macInPlan(mac)));
      const removed = hosts.filter(({ mac }) => !wanted.has(mac));
      const options = removed.flatMap(({ mac }) => ["--mac-address", mac, "--remove-config"]);
      await run(
        "dhcpserver",
        "modify",
        ...dhcpOptions(server),
        ...options,
        ...server.hosts.flatMap(hostOptions),
      );
    },
    removeDhcpServer: async (network) => {
      await unlessGone(run("dhcpserver", "remove", "--network", network));
    },
  };
}

const natOptions = ({ name, cidr, dhcp, enabled = true }: NatNetworkSettings): string[] => [
  ...["--netname", name, "--network", cidr, "--dhcp", dhcp ? "on" : "off"],
  enabled ? "--enable" : "--disable",
];

type Rule = NatNetworkSettings["forwards"][number];

const forwardOption = (forward: Rule): string[] => ["--port-forward-4", ruleText(forward)];

/** `ssh:tcp:[127.0.0.1]:2022:[10.77.0.5]:22` */
function ruleText({ name, protocol, hostIp = "127.0.0.1", hostPort, guestIp, guestPort }: Rule): string {
  const host = checkPort(hostPort, `host port of "${name}"`);
  const guest = checkPort(guestPort, `guest port of "${name}"`);
  return `${checkRuleName(name, ":")}:${protocol}:[${hostIp}]:${host}:[${guestIp}]:${guest}`;
}

const dhcpOptions = ({
  network,
  serverIp,
  netmask,
  from,
  to,
  enabled = true,
}: DhcpServerSettings): string[] => [
  ...["--network", network, "--server-ip", serverIp, "--netmask", netmask],
  ...["--lower-ip", from, "--upper-ip", to, enabled ? "--enable" : "--disable"],
];

/** These must come last: what follows `--mac-address` is about that MAC alone. */
const hostOptions = ({ mac, ip }: { mac: string; ip: string }): string[] => [
  ...["--mac-address", macInPlan(macForVirtualBox(mac)), "--fixed-address", ip],
];
