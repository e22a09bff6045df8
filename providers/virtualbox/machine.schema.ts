import { adoption, flag, ipv4, mac, object, text, uuid } from "../core/schema-parts";

const anything = { type: "object" };
const port = { type: "integer", minimum: 1, maximum: 65535 };

/** VirtualBox takes nearly everything; a slash or a line end in it would only confuse people. */
export const machineName = { type: "string", minLength: 1, pattern: "^[^/\\\\\\n]+$" };

/** VirtualBox cuts a rule at its commas, and a NAT network's at its colons. */
const ruleName = { type: "string", minLength: 1, pattern: "^[^,:\\n]+$" };

/** Port numbers beyond 65535 are taken by VirtualBox, and wrap around. */
export const forward = {
  name: ruleName,
  protocol: { enum: ["tcp", "udp"] },
  hostIp: ipv4,
  hostPort: port,
  guestPort: port,
};

export const forwardRequired = ["name", "protocol", "hostPort", "guestPort"];

/** JSON Schema of a machine's inputs. */
export const machineSchema = object(
  {
    name: machineName,
    uuid,
    backend: text,
    hostName: text,
    osType: text,
    cpus: { type: "integer", minimum: 1, maximum: 64 },
    memoryMiB: { type: "integer", minimum: 4, maximum: 2_097_152 },
    firmware: { enum: ["bios", "uefi"] },
    boot: { type: "array", maxItems: 4, uniqueItems: true, items: { enum: ["hd", "network", "cdrom"] } },
    disks: {
      type: "array",
      items: object(
        {
          medium: text,
          bus: { enum: ["sata", "nvme", "scsi", "virtio"] },
          device: { enum: ["disk", "dvd"] },
        },
        ["medium"],
      ),
    },
    nics: {
      type: "array",
      maxItems: 8,
      items: {
        ...object(
          {
            type: { enum: ["nat", "bridged", "intnet", "hostonly", "natnetwork", "generic", "none"] },
            attachment: text,
            properties: { type: "object", additionalProperties: { type: "string" } },
            mac,
            model: { enum: ["virtio", "e1000", "e1000e", "rtl8139"] },
            cable: flag,
            ip: ipv4,
            forwards: { type: "array", items: object(forward, forwardRequired) },
            tftp: object({ prefix: text, bootFile: text, nextServer: text }, []),
            hostReachable: flag,
          },
          ["type", "mac"],
        ),
        if: { properties: { type: { enum: ["bridged", "intnet", "hostonly", "natnetwork", "generic"] } } },
        // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
        then: { required: ["attachment"] },
      },
    },
    sharedFolders: {
      type: "array",
      items: object({ name: text, path: text, readOnly: flag, autoMount: flag }, ["name", "path"]),
    },
    cloudInit: object(
      { user: text, sshKeys: { type: "array", items: text }, userData: anything, networkConfig: anything },
      [],
    ),
    // Goes into a shell's and systemd's environment file.
    bootRecord: object({ url: { type: "string", pattern: "^http://[A-Za-z0-9.:/_\\[\\]-]+$" } }, ["url"]),
    ssh: object({ host: text, port }, ["host", "port"]),
    running: flag,
    wait: object(
      {
        for: { enum: ["none", "address", "ssh", "boot"] },
        timeoutS: { type: "number", exclusiveMinimum: 0 },
        user: text,
        port,
      },
      ["for"],
    ),
    hostKey: text,
    ...adoption,
  },
  [
    "name",
    "uuid",
    "backend",
    "hostName",
    "osType",
    "cpus",
    "memoryMiB",
    "firmware",
    "boot",
    "disks",
    "nics",
    "sharedFolders",
    "running",
    "wait",
  ],
);
