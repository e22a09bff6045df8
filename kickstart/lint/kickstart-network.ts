import { parseIpv4 } from "../../stacks/plan/ipv4";
import type { Findings } from "./finding";
import type { KickstartCommand, KickstartFile } from "./kickstart-file";
import { checkAddress, checkMac, hostNameRefusal, isNetmask } from "./values";

/** Cards by MAC, addresses that are some, and a host name. */
export function lintNetwork({ commands }: KickstartFile, findings: Findings): void {
  const networks = commands.filter(({ name }) => name === "network");
  for (const command of networks) lintCard(command, findings);
  if (!networks.some(({ options }) => options.has("--hostname")))
    findings.warn(
      networks[0]?.line ?? 1,
      "no-host-name",
      "no network --hostname=…: the machine is localhost",
    );
  const servers = commands.filter(({ name }) => name === "timesource");
  for (const { line, options } of servers)
    for (const option of ["--ntp-server", "--ntp-pool"])
      lintHost(line, option, options.get(option), findings);
  for (const { line, name, options } of commands)
    if (name === "firewall") lintPorts(line, options.get("--port"), findings);
}

function lintCard({ line, options, words }: KickstartCommand, findings: Findings): void {
  const device = options.get("--device");
  if (device?.includes(":")) checkMac(findings, line, device);
  else if (device && !["link", "bootif"].includes(device) && !isVirtual(options))
    findings.error(
      line,
      "device-by-name",
      `"${device}" may be another card on another day; write --device=<MAC>, link or bootif`,
    );
  const hostName = options.get("--hostname");
  if (options.has("--hostname")) {
    const refused = hostNameRefusal(hostName ?? "");
    if (refused) findings.error(line, "bad-host-name", refused);
  }
  const values = [...options.values()];
  const stray = words.find((word) => !values.includes(word));
  if (stray)
    findings.error(line, "stray-word", `"${stray.slice(0, 40)}" belongs to no option; is a quote missing?`);
  lintAddresses(line, options, findings);
}

const isVirtual = (options: ReadonlyMap<string, string>): boolean =>
  ["--bondslaves", "--bridgeslaves", "--vlanid", "--teamslaves", "--interfacename"].some((name) =>
    options.has(name),
  );

function lintAddresses(line: number, options: ReadonlyMap<string, string>, findings: Findings): void {
  const [ip, netmask, gateway] = ["--ip", "--netmask", "--gateway"].map((name) => options.get(name));
  const isStatic = options.get("--bootproto") === "static";
  if (isStatic && (!ip || !netmask))
    findings.error(line, "static-without-address", "--bootproto=static needs --ip and --netmask");
  if (!isStatic && ip) findings.warn(line, "address-unused", "--ip counts with --bootproto=static alone");
  const ipIsOne = ip ? checkAddress(findings, line, "--ip", ip) : false;
  if (netmask && !isNetmask(netmask))
    findings.error(line, "bad-address", `--netmask "${netmask}" is no netmask`);
  const gatewayIsOne = gateway ? checkAddress(findings, line, "--gateway", gateway) : false;
  for (const server of options.get("--nameserver")?.split(",") ?? [])
    checkAddress(findings, line, "--nameserver", server.trim());
  if (!ipIsOne || !gatewayIsOne || !netmask || !isNetmask(netmask)) return;
  const size = 2 ** 32 - (parseIpv4(netmask) ?? 0);
  const networkOf = (address = "") => Math.floor((parseIpv4(address) ?? 0) / size);
  if (networkOf(ip) !== networkOf(gateway))
    findings.error(
      line,
      "gateway-outside",
      `the gateway ${gateway} is not in the network of ${ip}/${netmask}`,
    );
}

function lintHost(line: number, option: string, host: string | undefined, findings: Findings): void {
  if (host === undefined) return;
  if (/^[\d.]+$/.test(host)) checkAddress(findings, line, option, host);
  else if (hostNameRefusal(host))
    findings.error(line, "bad-host-name", `${option} "${host}" is no host name`);
}

function lintPorts(line: number, ports: string | undefined, findings: Findings): void {
  for (const port of ports?.split(",") ?? []) {
    const [, number, kind] = /^(\d+)(?::(\w+))?$/.exec(port.trim()) ?? [];
    const isOne = number && Number(number) >= 1 && Number(number) <= 65535;
    if (!isOne || (kind !== undefined && !["tcp", "udp", "sctp", "dccp"].includes(kind)))
      findings.error(line, "bad-port", `--port "${port}" is none; write it like 9999:tcp`);
  }
}
