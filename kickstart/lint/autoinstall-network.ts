import { isMap, isScalar, isSeq } from "yaml";
import { splitCidr } from "../../stacks/plan/ipv4";
import type { LineOf } from "./autoinstall";
import type { Findings } from "./finding";
import { checkAddress, checkMac } from "./values";

/** netplan's map, in autoinstall: cards by MAC, addresses with a prefix. */
export function lintAutoinstallNetwork(network: unknown, findings: Findings, lineOf: LineOf): void {
  // 20.04 wanted it nested once more.
  const config = isMap(network) && network.has("network") ? network.get("network", true) : network;
  const ethernets = isMap(config) ? config.get("ethernets", true) : undefined;
  if (isMap(config)) {
    const version = config.get("version", true);
    if (!isScalar(version) || version.value !== 2)
      findings.error(lineOf(config), "version", "network version must be 2");
  }
  for (const { key, value } of isMap(ethernets) ? ethernets.items : []) {
    const name = String(isScalar(key) ? key.value : key);
    const mac = isMap(value) ? value.getIn(["match", "macaddress"], true) : undefined;
    const match = isMap(value) ? value.get("match", true) : undefined;
    if (isScalar(mac)) checkMac(findings, lineOf(mac), String(mac.value));
    else if (!match)
      findings.error(
        lineOf(key),
        "device-by-name",
        `"${name}" may be another card on another day; write match: { macaddress: … }`,
      );
    if (!isMap(value)) continue;
    const addresses = value.get("addresses", true);
    for (const node of isSeq(addresses) ? addresses.items : []) {
      const text = String(isScalar(node) ? node.value : "");
      if (!splitCidr(text) && !text.includes(":"))
        findings.error(
          lineOf(node),
          "bad-address",
          `"${text}" is no address with a prefix; write 192.0.2.11/24`,
        );
    }
    const servers = value.getIn(["nameservers", "addresses"], true);
    for (const node of isSeq(servers) ? servers.items : [])
      checkAddress(findings, lineOf(node), "nameserver", String(isScalar(node) ? node.value : ""));
    const routes = value.get("routes", true);
    for (const route of isSeq(routes) ? routes.items : []) {
      const via = isMap(route) ? route.get("via", true) : undefined;
      if (isScalar(via)) checkAddress(findings, lineOf(via), "via", String(via.value));
    }
  }
}
