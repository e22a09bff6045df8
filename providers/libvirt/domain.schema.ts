import { adoption, flag, ipv4, libvirtName, mac, object, text, uuid } from "../core/schema-parts";

const anything = { type: "object" };
const name = { type: "string", minLength: 1 };

/** JSON Schema of a domain's inputs. */
export const domainSchema = object(
  {
    name: libvirtName,
    uuid,
    backend: text,
    hostName: text,
    cpus: { type: "integer", minimum: 1 },
    memoryMiB: { type: "integer", minimum: 1 },
    firmware: { enum: ["bios", "uefi"] },
    accel: { enum: ["auto", "kvm", "tcg"] },
    boot: { type: "array", items: { enum: ["hd", "network", "cdrom"] } },
    disks: {
      type: "array",
      items: object(
        {
          volume: name,
          pool: name,
          format: { enum: ["qcow2", "raw", "iso"] },
          device: { enum: ["disk", "cdrom"] },
          bus: { enum: ["virtio", "scsi", "sata"] },
        },
        ["volume", "pool", "format"],
      ),
    },
    nics: {
      type: "array",
      items: {
        ...object(
          {
            mac,
            network: name,
            bridge: name,
            model: { enum: ["virtio", "e1000", "e1000e", "rtl8139"] },
            ip: ipv4,
          },
          ["mac"],
        ),
        oneOf: [{ required: ["network"] }, { required: ["bridge"] }],
      },
    },
    kernel: object({ kernel: text, initrd: text, cmdline: { type: "string" } }, ["kernel"]),
    cloudInit: object(
      {
        user: text,
        sshKeys: { type: "array", items: text },
        userData: anything,
        networkConfig: anything,
      },
      [],
    ),
    seedPool: name,
    // Goes into a shell's and systemd's environment file.
    bootRecord: object({ url: { type: "string", pattern: "^http://[A-Za-z0-9.:/_\\[\\]-]+$" } }, ["url"]),
    running: flag,
    autostart: flag,
    wait: object(
      {
        for: { enum: ["none", "address", "ssh", "boot"] },
        timeoutS: { type: "number", exclusiveMinimum: 0 },
        user: text,
        port: { type: "integer", minimum: 1, maximum: 65535 },
      },
      ["for"],
    ),
    hostKey: text,
    template: { type: "string" },
    ...adoption,
  },
  [
    "name",
    "uuid",
    "backend",
    "hostName",
    "cpus",
    "memoryMiB",
    "firmware",
    "accel",
    "boot",
    "disks",
    "nics",
    "running",
    "autostart",
    "wait",
  ],
);
