import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import type { NetworkInputs } from "../../../../../providers/libvirt/network";
import { networkSchema } from "../../../../../providers/libvirt/network.schema";
import { networkElement, readNetwork, renderNetwork } from "../../../../../providers/libvirt/xml/network";
import { parseXml } from "../../../../../providers/libvirt/xml/parse";

const inputs: NetworkInputs = {
  name: "admin",
  uuid: "0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2",
  backend: "rack",
  mode: "nat",
  bridge: "lp-admin",
  cidr: "10.20.0.0/24",
  gateway: "10.20.0.1",
  dhcp: { from: "10.20.0.100", to: "10.20.0.200" },
  leases: [{ mac: "52:54:00:00:00:01", ip: "10.20.0.11", hostName: "w1" }],
  autostart: true,
};

describe("the definition of a network", () => {
  it("says all that is planned, and carries the mark", () => {
    const mark = { lab: "k3v9q2x7", stack: "dev", name: "admin" };
    expect(renderNetwork({ ...inputs, mtu: 1400, domain: "lab", ipv6: { cidr: "fd00:20::/64" } }, mark)).toBe(
      `<network>
  <name>admin</name>
  <uuid>0bfe935e-70c3-41c7-8a3a-fc75ce0d0ca2</uuid>
  <metadata>
    <labplan:mark xmlns:labplan="https://labplan.dev/mark" lab="k3v9q2x7" stack="dev" name="admin"/>
  </metadata>
  <forward mode="nat"/>
  <bridge name="lp-admin" stp="off" delay="0"/>
  <mtu size="1400"/>
  <domain name="lab" localOnly="yes"/>
  <ip address="10.20.0.1" prefix="24">
    <dhcp>
      <range start="10.20.0.100" end="10.20.0.200"/>
      <host mac="52:54:00:00:00:01" name="w1" ip="10.20.0.11"/>
    </dhcp>
  </ip>
  <ip family="ipv6" address="fd00:20::1" prefix="64"/>
</network>
`,
    );
  });

  it("names its boot server to iPXE alone, in dnsmasq's own words", () => {
    const root = networkElement({ ...inputs, boot: { url: "http://10.20.0.1:8069/boot.ipxe" } });
    const text = renderNetwork(
      { ...inputs, boot: { url: "http://10.20.0.1:8069/boot.ipxe" } },
      { lab: "k3v9q2x7", stack: "dev", name: "admin" },
    );
    expect(text).toContain(`<network xmlns:dnsmasq="http://libvirt.org/schemas/network/dnsmasq/1.0">`);
    expect(text).toContain(`<dnsmasq:option value="dhcp-userclass=set:ipxe,iPXE"/>
    <dnsmasq:option value="dhcp-boot=tag:ipxe,http://10.20.0.1:8069/boot.ipxe"/>`);
    expect(readNetwork(root).boot).toEqual({ url: "http://10.20.0.1:8069/boot.ipxe" });
    expect(readNetwork(networkElement(inputs)).boot).toBeUndefined();
  });

  it("takes no line of dnsmasq's configuration in a boot URL", () => {
    const accepts = new Ajv({ strict: false }).compile(networkSchema);
    expect(accepts({ ...inputs, boot: { url: "http://10.20.0.1:8069/boot.ipxe" } })).toBe(true);
    for (const url of ["http://10.20.0.1/a,b", "http://10.20.0.1/a\ndhcp-script=/bin/sh", "/boot.ipxe"])
      expect(accepts({ ...inputs, boot: { url } })).toBe(false);
  });

  it("is read back in the words of the inputs", () => {
    const { mode, bridge, cidr, gateway, ranges, hosts } = readNetwork(networkElement(inputs));
    expect({ mode, bridge, cidr, gateway }).toEqual({
      mode: "nat",
      bridge: "lp-admin",
      cidr: "10.20.0.0/24",
      gateway: "10.20.0.1",
    });
    expect([ranges, hosts]).toEqual([[inputs.dhcp], inputs.leases]);
  });

  it.each([
    ["nat", "nat"],
    ["routed", "route"],
    ["open", "open"],
    ["bridge", "bridge"],
  ] as const)("mode %s is libvirt's forward mode %s", (mode, forward) => {
    const { cidr, gateway, dhcp, leases, ...rest } = inputs;
    const root = networkElement({ ...rest, mode });
    expect(root.children).toContainEqual({ name: "forward", attributes: { mode: forward }, children: [] });
    expect(readNetwork(root).mode).toBe(mode);
  });

  it("an isolated one forwards nothing at all", () => {
    const root = networkElement({ ...inputs, mode: "isolated" });
    expect(root.children.some((child) => typeof child !== "string" && child.name === "forward")).toBe(false);
    expect(readNetwork(root).mode).toBe("isolated");
  });

  it("reads libvirt's other spellings: netmask, a device as element, a forward without mode", () => {
    const facts = readNetwork(
      parseXml(`<network connections='2'><forward dev='eth0'><interface dev='eth0'/></forward><bridge name='virbr0'/>
        <ip address='192.168.122.1' netmask='255.255.252.0'><dhcp><host mac='52:54:00:AA:00:01' ip='192.168.122.9'/></dhcp></ip></network>`),
    );
    expect(facts).toMatchObject({
      mode: "nat",
      forwardDevice: "eth0",
      cidr: "192.168.120.0/22",
      connections: 2,
      hosts: [{ mac: "52:54:00:aa:00:01", ip: "192.168.122.9" }],
    });
  });

  it("by the user's template has more to go by than the fields", () => {
    const template =
      "<network><forward mode='{{ forward }}'/><bridge name='{{ bridge }}'/><ip address='{{ gateway }}' netmask='{{ netmask }}'>{% if dhcp %}<dhcp><range start='{{ dhcp.from }}' end='{{ dhcp.to }}'/></dhcp>{% endif %}</ip>{% if domain %}<domain name='{{ domain }}'/>{% endif %}</network>";
    const facts = readNetwork(networkElement({ ...inputs, template }));
    expect(facts).toMatchObject({
      mode: "nat",
      cidr: "10.20.0.0/24",
      ranges: [inputs.dhcp],
      domain: undefined,
    });
  });
});
