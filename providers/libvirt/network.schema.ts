import { adoption, cidr, flag, ipv4, libvirtName, mac, object, text, uuid } from "../core/schema-parts";

/** JSON Schema of a network's inputs. */
export const networkSchema = object(
  {
    name: libvirtName,
    uuid,
    backend: text,
    mode: { enum: ["nat", "isolated", "routed", "bridge", "open"] },
    // A Linux interface name (IFNAMSIZ is 16 with the closing zero).
    bridge: { type: "string", minLength: 1, maxLength: 15, pattern: "^[^\\s/]+$" },
    cidr,
    gateway: ipv4,
    dhcp: object({ from: ipv4, to: ipv4 }, ["from", "to"]),
    leases: { type: "array", items: object({ mac, ip: ipv4, hostName: text }, ["mac", "ip", "hostName"]) },
    domain: text,
    mtu: { type: "integer", minimum: 68, maximum: 65535 },
    forwardDevice: text,
    ipv6: object({ cidr: { type: "string", pattern: "^[0-9a-fA-F:.]+/\\d{1,3}$" } }, ["cidr"]),
    // Becomes a line of dnsmasq's configuration, where a comma ends the field.
    boot: object({ url: { type: "string", pattern: "^http://[^\\s,]+$" } }, ["url"]),
    autostart: flag,
    template: { type: "string" },
    ...adoption,
  },
  ["name", "uuid", "backend", "mode", "bridge", "autostart"],
);
