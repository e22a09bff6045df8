import { compact } from "./compact";
import { parseDuration } from "./durations";
import { parseInstant } from "./instants";
import { publicKey, type Reading, template } from "./named-files";
import { parseForward } from "./port-forwards";
import { parseRelease } from "./release";
import { parseSize } from "./sizes";
import type {
  AccessConfig,
  BackendConfig,
  CloudInitConfig,
  ConfigPath,
  DiskConfig,
  FogImageConfig,
  ImageConfig,
  ImagingConfig,
  InstallConfig,
  MachineConfig,
  NetworkConfig,
  NicConfig,
  SnapshotConfig,
  VpnConfig,
  VpnUserConfig,
  WaitConfig,
} from "./types";
import type {
  WrittenDisk,
  WrittenImage,
  WrittenImaging,
  WrittenInstall,
  WrittenMachine,
  WrittenNetwork,
  WrittenNic,
  WrittenVpn,
  WrittenVpnUser,
} from "./written";

export const backendOf = (written: BackendConfig): BackendConfig => written;

export const imageOf = (written: WrittenImage, at: ConfigPath, reading: Reading): ImageConfig => {
  if (written.url !== undefined && written.checksum === undefined)
    reading.problem(
      [...at, "url"],
      `a url needs a checksum; get one with "curl -L ${written.url} | sha256sum"`,
    );
  const { install, ...same } = written;
  const without =
    install === undefined
      ? written.fog && "FOG keeps images by itself"
      : "it is of an image that exists; an installed one has none";
  if (without)
    for (const field of ["checksum", "format"] as const)
      if (written[field] !== undefined) reading.problem([...at, field], `take ${field} out: ${without}`);
  return compact({
    ...same,
    checksum: written.checksum?.toLowerCase(),
    install: install && installOf(install, [...at, "install"], reading),
    fog: written.fog && fogImageOf(written.fog),
  });
};

const fogImageOf = (written: FogImageConfig): FogImageConfig =>
  compact({ ...written, hostKey: written.hostKey?.trim() });

function installOf(written: WrittenInstall, at: ConfigPath, reading: Reading): InstallConfig {
  const { size, memory, timeout, ...same } = written;
  for (const field of ["kernel", "initrd"] as const)
    if (written[field]?.url !== undefined && written[field].path !== undefined)
      reading.problem([...at, field], "give only one of url and path");
  if (written.variables !== undefined && written.template === undefined)
    reading.problem(
      [...at, "variables"],
      "variables are handed to a template of your own; give it in template",
    );
  return compact({
    ...same,
    sizeBytes: size === undefined ? undefined : parseSize(size),
    memoryMiB: memory === undefined ? undefined : mebibytes(memory),
    timeoutS: timeout === undefined ? undefined : parseDuration(timeout),
    sshKeys: written.sshKeys?.map((key, i) => publicKey(key, [...at, "sshKeys", i], reading)),
    template: template(written.template, at, reading),
    templateFile: written.template,
  });
}

const mebibytes = (size: string): number => Math.ceil(parseSize(size) / 2 ** 20);

export function networkOf(written: WrittenNetwork, at: ConfigPath, reading: Reading): NetworkConfig {
  return compact({ ...written, template: template(written.template, at, reading) });
}

export function machineOf(written: WrittenMachine, at: ConfigPath, reading: Reading): MachineConfig {
  const {
    memory,
    disk: _disk,
    disks: _disks,
    image,
    mac,
    macs,
    onRelease,
    imaging,
    access,
    networks,
    snapshots,
    user: _user,
    sshKeys: _keys,
    ...same
  } = written;
  if (mac !== undefined && macs !== undefined)
    reading.problem([...at, "mac"], "mac is the short form of macs; give only one of them");
  return compact({
    ...same,
    // Without a disk it is a FOG host's own, which the plan looks at.
    image: written.disk === undefined && written.disks === undefined ? image : undefined,
    macs: (macs ?? (mac === undefined ? undefined : [mac]))?.map((one) => one.toLowerCase()),
    onRelease: onRelease === undefined ? undefined : parseRelease(onRelease),
    imaging: imaging && imagingOf(imaging),
    access: access && accessOf(access, [...at, "access"], reading),
    memoryMiB: memory === undefined ? undefined : mebibytes(memory),
    disks: disksOf(written, at, reading),
    networks: networks?.map(nicOf),
    snapshots: snapshots?.map((one): SnapshotConfig => (typeof one === "string" ? { name: one } : one)),
    cloudInit: cloudInitOf(written, at, reading),
    wait: waitOf(written.wait),
    template: template(written.template, at, reading),
  });
}

const seconds = (duration: string | undefined): number | undefined =>
  duration === undefined ? undefined : parseDuration(duration);

const imagingOf = ({ queued, stall, total, boot }: WrittenImaging): ImagingConfig =>
  compact({
    queuedS: seconds(queued),
    stallS: seconds(stall),
    totalS: seconds(total),
    bootS: seconds(boot),
  });

const accessOf = (written: AccessConfig, at: ConfigPath, reading: Reading): AccessConfig =>
  compact({
    ...written,
    sshKeys: written.sshKeys?.map((key, i) => publicKey(key, [...at, "sshKeys", i], reading)),
  });

const nicOf = (written: string | WrittenNic): NicConfig =>
  typeof written === "string"
    ? { network: written }
    : compact({
        ...written,
        mac: written.mac?.toLowerCase(),
        forwards: written.forwards?.map((forward) =>
          typeof forward === "string" ? parseForward(forward) : { protocol: "tcp" as const, ...forward },
        ),
      });

function disksOf(written: WrittenMachine, at: ConfigPath, reading: Reading): DiskConfig[] | undefined {
  if (written.disk !== undefined && written.disks !== undefined) {
    reading.problem([...at, "disk"], "disk is the short form of disks; give only one of them");
    return undefined;
  }
  const list = written.disks ?? (written.disk === undefined ? [] : [written.disk]);
  const [first] = list;
  const isTaken = typeof first === "object" && (first.image !== undefined || first.volume !== undefined);
  if (written.image !== undefined && isTaken)
    reading.problem([...at, "image"], "the first disk says already what is on it; take one of the two out");
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
