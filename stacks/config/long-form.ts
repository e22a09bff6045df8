import * as path from "node:path";
import { parseDuration } from "./durations";
import { isPublicKey } from "./formats";
import { parseInstant } from "./instants";
import { parseSize } from "./sizes";
import type {
  BackendConfig,
  CloudInitConfig,
  ConfigPath,
  DiskConfig,
  ImageConfig,
  MachineConfig,
  NetworkConfig,
  NicConfig,
  VpnConfig,
  VpnUserConfig,
  WaitConfig,
} from "./types";
import type { WrittenDisk, WrittenMachine, WrittenNetwork, WrittenVpn, WrittenVpnUser } from "./written";

/** What the long form needs of the outside, and where it says what is wrong. */
export interface Reading {
  readFile(path: string): string;
  problem(path: ConfigPath, message: string): void;
}

export const backendOf = (written: BackendConfig): BackendConfig => written;

export const imageOf = (written: ImageConfig, at: ConfigPath, reading: Reading): ImageConfig => {
  if (written.url !== undefined && written.checksum === undefined)
    reading.problem(
      [...at, "url"],
      `a url needs a checksum; get one with "curl -L ${written.url} | sha256sum"`,
    );
  return compact({ ...written, checksum: written.checksum?.toLowerCase() });
};

export function networkOf(written: WrittenNetwork, at: ConfigPath, reading: Reading): NetworkConfig {
  return compact({ ...written, template: template(written.template, at, reading) });
}

export function machineOf(written: WrittenMachine, at: ConfigPath, reading: Reading): MachineConfig {
  const {
    memory,
    disk: _disk,
    disks: _disks,
    image: _image,
    networks,
    user: _user,
    sshKeys: _keys,
    ...same
  } = written;
  return compact({
    ...same,
    memoryMiB: memory === undefined ? undefined : Math.ceil(parseSize(memory) / 2 ** 20),
    disks: disksOf(written, at, reading),
    networks: networks?.map(
      (nic): NicConfig =>
        typeof nic === "string" ? { network: nic } : compact({ ...nic, mac: nic.mac?.toLowerCase() }),
    ),
    cloudInit: cloudInitOf(written, at, reading),
    wait: waitOf(written.wait),
    template: template(written.template, at, reading),
  });
}

function disksOf(written: WrittenMachine, at: ConfigPath, reading: Reading): DiskConfig[] | undefined {
  if (written.disk !== undefined && written.disks !== undefined) {
    reading.problem([...at, "disk"], "disk is the short form of disks; give only one of them");
    return undefined;
  }
  const list = written.disks ?? (written.disk === undefined ? [] : [written.disk]);
  const [first] = list;
  if (written.image !== undefined) {
    if (first === undefined)
      reading.problem([...at, "image"], 'an image needs a disk to lie on; add one, like "disk: 20 GiB"');
    else if (typeof first === "object" && (first.image !== undefined || first.volume !== undefined))
      reading.problem([...at, "image"], "the first disk says already what is on it; take one of the two out");
  }
  if (list.length === 0) return undefined;
  return list.map((disk, i) => {
    const place = written.disk === undefined ? [...at, "disks", i] : [...at, "disk"];
    return diskOf(disk, i === 0 ? written.image : undefined, place, reading);
  });
}

function diskOf(
  written: string | WrittenDisk,
  image: string | undefined,
  at: ConfigPath,
  reading: Reading,
): DiskConfig {
  const { size, ...same } = typeof written === "string" ? { size: written } : written;
  if (size === undefined && same.volume === undefined)
    reading.problem(at, 'size is missing: the capacity of a new disk, like "20 GiB"');
  if (same.volume !== undefined && same.image !== undefined)
    reading.problem(
      [...at, "image"],
      "a volume that exists has its content already; take volume or image out",
    );
  return compact({ image, ...same, sizeBytes: size === undefined ? 0 : parseSize(size) });
}

function cloudInitOf(written: WrittenMachine, at: ConfigPath, reading: Reading): CloudInitConfig | undefined {
  for (const field of ["user", "sshKeys"] as const) {
    if (written[field] !== undefined && written.cloudInit?.[field] !== undefined)
      reading.problem([...at, field], `${field} stands in cloudInit as well; give only one of them`);
  }
  const long = compact({ user: written.user, sshKeys: written.sshKeys, ...written.cloudInit });
  if (Object.keys(long).length === 0 && written.cloudInit === undefined) return undefined;
  const where = [...at, ...(written.sshKeys ? ["sshKeys"] : ["cloudInit", "sshKeys"])];
  return compact({ ...long, sshKeys: long.sshKeys?.map((key, i) => publicKey(key, [...where, i], reading)) });
}

/** A key line, or the content of a `.pub` file. What is no public key is not repeated. */
function publicKey(written: string, at: ConfigPath, reading: Reading): string {
  const isFile = written.endsWith(".pub") && !/\s/.test(written);
  const text = isFile ? read(written, at, reading)?.trim() : written.trim();
  if (text === undefined || isPublicKey(text)) return text ?? "";
  reading.problem(
    at,
    isFile
      ? `${written} holds no public key`
      : 'a public key is one line like "ssh-ed25519 AAAA… comment", or the path of a file that ends in .pub',
  );
  return "";
}

function waitOf(written: WrittenMachine["wait"]): WaitConfig | undefined {
  if (typeof written !== "object") return written === undefined ? undefined : { for: written };
  const { timeout, ...same } = written;
  return compact({ ...same, timeoutS: timeout === undefined ? undefined : parseDuration(timeout) });
}

export function vpnOf(written: WrittenVpn): Omit<VpnConfig, "users"> {
  const { users: _users, ...same } = written;
  return same;
}

export const vpnUserOf = (written: WrittenVpnUser): VpnUserConfig =>
  compact({ ...written, until: written.until === undefined ? undefined : parseInstant(written.until) });

/** The text of a template inside the project: a config must not be able to print other files in a preview. */
function template(file: string | undefined, at: ConfigPath, reading: Reading): string | undefined {
  if (file === undefined) return undefined;
  const inside = path.posix.normalize(file.replaceAll("\\", "/"));
  if (
    inside.startsWith("../") ||
    inside.startsWith("/") ||
    /^[A-Za-z]:/.test(inside) ||
    inside.startsWith("~")
  ) {
    reading.problem(
      [...at, "template"],
      `${file} lies outside of the project; copy it in, for instance to templates/`,
    );
    return undefined;
  }
  // .git/config holds a checkout's token, .labplan the passphrase; a preview would print them.
  if (inside.split("/").some((part) => part.startsWith("."))) {
    reading.problem(
      [...at, "template"],
      `${file} lies in a hidden place; copy it to one that is meant to be read, for instance templates/`,
    );
    return undefined;
  }
  return read(file, [...at, "template"], reading);
}

function read(file: string, at: ConfigPath, reading: Reading): string | undefined {
  try {
    return reading.readFile(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    reading.problem(
      at,
      `${file} ${code === "ENOENT" ? "does not exist" : `cannot be read (${code ?? "error"})`}`,
    );
    return undefined;
  }
}

type Compacted<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** Without the fields that were not given. */
function compact<T extends object>(fields: T): Compacted<T> {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as Compacted<T>;
}
