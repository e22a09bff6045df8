import { adoption, cidr, ipv4, mac, object, text } from "../core/schema-parts";
import { forward, forwardRequired, machineName } from "./machine.schema";

/** JSON Schema of a network's inputs. */
export const networkSchema = object(
  {
    name: machineName,
    backend: text,
    type: { enum: ["natnetwork", "hostonly", "intnet"] },
    cidr,
    gateway: ipv4,
    dhcp: object(
      {
        server: ipv4,
        from: ipv4,
        to: ipv4,
        hosts: {
          type: "array",
          items: object({ mac, ip: ipv4, name: text }, ["mac", "ip", "name"]),
        },
      },
      ["server", "from", "to", "hosts"],
    ),
    forwards: {
      type: "array",
      items: object({ ...forward, guestIp: ipv4 }, [...forwardRequired, "guestIp"]),
    },
    ...adoption,
  },
  ["name", "backend", "type", "cidr", "gateway"],
);
