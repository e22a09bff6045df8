import { flag, ipv4, object, text } from "../core/schema-parts";

/** JSON Schema of a server's inputs. */
export const serverSchema = object(
  {
    name: text,
    backend: text,
    serverName: text,
    fixedAddress: ipv4,
    floatingIp: flag,
    user: text,
    hostKey: text,
    running: flag,
    wait: object(
      {
        for: { enum: ["none", "address", "ssh"] },
        timeoutS: { type: "number", exclusiveMinimum: 0 },
        user: text,
        port: { type: "integer", minimum: 1, maximum: 65_535 },
      },
      ["for"],
    ),
  },
  ["name", "backend", "serverName", "floatingIp", "user", "running", "wait"],
);
