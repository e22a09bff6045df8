import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Libvirtd } from "../libvirt/start";

/** A libvirt domain that stands for bare metal: it boots from the network first, then from its disk. */
export interface MetalHost {
  name: string;
  mac: string;
  /** That its DHCP server gives it. */
  ip: string;
  /** What it wrote on its serial console so far, without what moves a terminal's cursor. */
  console(): string;
}

export interface Rack {
  /** Of this side of the hosts' network, where the FOG server listens. */
  address: string;
  hosts: MetalHost[];
  /** Log of its DHCP server, as processes inside the namespaces see it. */
  dhcpLog: string;
}

const NETWORK = "rack";
const ADDRESS = "192.168.181.1";
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is taken out
const CURSOR = /\u001b(\[[0-9;?]*[A-Za-z]|c)/g;

/**
 * Hosts on a network of a private libvirtd, all of them off. Their cards' own iPXE gets its script by TFTP, as on a
 * FOG server's network, and that asks `boot.php` at `port`.
 */
export async function rackOf(
  daemon: Libvirtd,
  names: string[],
  port: number,
  diskMiB: number,
): Promise<Rack> {
  const hosts = names.map((name, i) => ({
    name,
    mac: `52:54:00:f0:00:${(i + 1).toString(16).padStart(2, "0")}`,
    ip: `192.168.181.${i + 11}`,
    console: () => serial(daemon, name),
  }));
  const lib = join(daemon.stateDir, "lib");
  writeFileSync(join(lib, "tftp", "default.ipxe"), bootScript(`http://${ADDRESS}:${port}/fog/`));
  await virsh(daemon, "net-define", networkXml(hosts));
  await virsh(daemon, "net-start", NETWORK);
  for (const host of hosts) {
    await must(daemon, ["truncate", "-s", `${diskMiB}M`, diskOf(host.name)]);
    await virsh(daemon, "define", domainXml(host));
  }
  return { address: ADDRESS, hosts, dhcpLog: DHCP_LOG };
}

const BRIDGE = "fograck0";
const DHCP_LOG = "/var/log/libvirt/rack-dhcp.log";
/** Path of a host's disk, inside. */
export const diskOf = (name: string): string => `/var/lib/libvirt/images/${name}.img`;

function serial(daemon: Libvirtd, name: string): string {
  try {
    return readFileSync(join(daemon.stateDir, "log", `${name}.serial`), "latin1").replace(CURSOR, "");
  } catch {
    return ""; // never switched on
  }
}

/** As FOG's default.ipxe, but with a query: the cards' iPXE knows no `params`. */
const bootScript = (web: string): string => `#!ipxe
chain ${web}service/ipxe/boot.php?mac0=\${net0/mac}&arch=x86_64&platform=pcbios&sysuuid=\${uuid}
`;

/** With an IPv6 address: else iPXE waits 13 s for a router. */
const networkXml = (hosts: Omit<MetalHost, "console">[]): string => `
<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0'>
  <name>${NETWORK}</name>
  <bridge name='${BRIDGE}' stp='off' delay='0'/>
  <ip address='${ADDRESS}' netmask='255.255.255.0'>
    <tftp root='/var/lib/libvirt/tftp'/>
    <dhcp>
      <range start='192.168.181.100' end='192.168.181.199'/>
      ${hosts.map(({ name, mac, ip }) => `<host mac='${mac}' name='${name}' ip='${ip}'/>`).join("\n      ")}
      <bootp file='default.ipxe'/>
    </dhcp>
  </ip>
  <ip family='ipv6' address='fd00:181::1' prefix='64'/>
  <dnsmasq:options><dnsmasq:option value='log-facility=${DHCP_LOG}'/></dnsmasq:options>
</network>`;

/**
 * Off at the end of its imaging, not restarted: the boot device that a BMC sets holds from the next start of QEMU on,
 * and neither of the BMCs in the tests goes back to the disk by itself.
 */
const domainXml = ({ name, mac }: Pick<MetalHost, "name" | "mac">): string => `
<domain type='qemu'>
  <name>${name}</name>
  <memory unit='MiB'>256</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <boot dev='network'/>
    <boot dev='hd'/>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <on_reboot>destroy</on_reboot>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='unsafe'/>
      <source file='${diskOf(name)}'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <interface type='network'>
      <mac address='${mac}'/>
      <source network='${NETWORK}'/>
      <model type='virtio'/>
    </interface>
    <serial type='file'><source path='/var/log/libvirt/${name}.serial' append='on'/></serial>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
    <memballoon model='none'/>
  </devices>
</domain>`;

/** With a text of XML, which goes through a file. */
async function virsh(daemon: Libvirtd, verb: string, argument: string): Promise<string> {
  let last = argument;
  if (argument.includes("<")) {
    last = join(daemon.stateDir, "define.xml");
    writeFileSync(last, argument);
  }
  return must(daemon, ["virsh", "--connect", daemon.uri, verb, last]);
}

async function must(daemon: Libvirtd, argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.nsenter(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: ${stderr}`);
  return stdout;
}
