import { mac, object, text } from "../core/schema-parts";

const port = { type: "integer", minimum: 0, maximum: 65535 };
const seconds = { type: "number", exclusiveMinimum: 0 };

const server = object(
  // Goes into scripts and command lines as it is.
  {
    url: { type: "string", pattern: "^http://[A-Za-z0-9.:/_\\[\\]-]+$" },
    bind: text,
    httpPort: port,
    tftpPort: port,
  },
  ["url", "bind", "httpPort", "tftpPort"],
);

const file = object(
  {
    source: { anyOf: [object({ path: text }, ["path"]), object({ url: text }, ["url"])] },
    checksum: { type: "string", pattern: "^(sha256:[0-9a-fA-F]{64}|sha512:[0-9a-fA-F]{128})$" },
  },
  ["source"],
);

const part = (...kinds: string[]) =>
  object({ kind: { enum: kinds }, inputs: { type: "object", required: ["name"] } }, ["kind", "inputs"]);

/** JSON Schema of an image's installation. */
export const buildSchema = object(
  {
    name: text,
    backend: text,
    family: { enum: ["centos-stream", "rocky", "alma", "debian", "ubuntu"] },
    release: text,
    installer: { enum: ["kickstart", "preseed", "autoinstall"] },
    text,
    kernel: file,
    initrd: file,
    cmdline: { type: "string" },
    mac,
    server,
    builder: part("libvirt:Domain", "virtualbox:Machine"),
    disk: part("libvirt:Volume", "virtualbox:Medium"),
    via: { enum: ["ipxe", "virtualbox-tftp"] },
    generation: { type: "integer", minimum: 1 },
    timeoutS: seconds,
  },
  [
    ...["name", "backend", "family", "release", "installer", "text", "kernel", "initrd", "cmdline", "mac"],
    ...["server", "builder", "disk", "via", "generation", "timeoutS"],
  ],
);

/** JSON Schema of a boot record. */
export const recordSchema = object(
  {
    name: text,
    backend: text,
    uuid: text,
    mac,
    hostName: text,
    hostKey: text,
    server,
    timeoutS: seconds,
  },
  ["name", "backend", "uuid", "mac", "hostName", "server", "timeoutS"],
);
