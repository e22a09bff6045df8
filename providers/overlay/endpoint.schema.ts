import type { ChangeTable } from "../core/definition";
import { flag, object, text } from "../core/schema-parts";
import type { EndpointInputs } from "./types";

/** Names of devices become words of scripts, and the kernel takes 15 characters (linux/if.h IFNAMSIZ). */
const device = { type: "string", pattern: "^[A-Za-z][A-Za-z0-9_.-]{0,14}$" };
const address = { type: "string", pattern: "^[0-9a-fA-F.:]{2,45}$" };

/** JSON Schema of an end of the overlay, as planned. */
export const endpointSchema = object(
  {
    name: text,
    backend: text,
    login: object({ user: text, identityFile: text, via: text, viaHostKey: text }, ["user"]),
    bridge: { enum: ["linux", "ovs"] },
    device,
    vni: { type: "integer", minimum: 1, maximum: 16_777_215 },
    port: { type: "integer", minimum: 1, maximum: 65_535 },
    mtu: { type: "integer", minimum: 576, maximum: 65_000 },
    local: address,
    address: { type: "string", pattern: "^[0-9a-fA-F.:]{2,45}/[0-9]{1,3}$" },
    peers: {
      type: "object",
      additionalProperties: object({ underlay: address, overlay: address }, ["underlay", "overlay"]),
    },
    forwards: flag,
  },
  [...["name", "backend", "login", "bridge", "device", "vni", "port", "mtu", "local", "address", "peers"]],
);

const anew = "only the VXLAN device is made anew; the bridge and what is on it stay";

export const endpointChanges: ChangeTable<EndpointInputs> = {
  name: { class: "live", reason: "only the name that the machine is told by" },
  backend: { class: "recreate", reason: "it is another machine" },
  login: { class: "live", reason: "only says who we log in as to do it" },
  bridge: { class: "recreate", reason: "the kernel's bridge and Open vSwitch cannot become each other" },
  device: { class: "recreate", reason: "whatever uses the bridge knows it by its name" },
  vni: { class: "restart", reason: `peers with another identifier hear nothing of it meanwhile: ${anew}` },
  port: { class: "restart", reason: `peers that send to another port are not heard meanwhile: ${anew}` },
  mtu: {
    class: "live",
    reason: "set on the running devices; TCP connections find the new size by themselves",
  },
  local: { class: "restart", reason: anew },
  address: {
    class: "live",
    reason: "the new address is put on the bridge, the old one is taken away, and its connections end",
  },
  peers: { class: "live", reason: "peers are added and taken away one by one; the others hear no gap" },
  forwards: { class: "live", reason: "a flag of the running port" },
};
