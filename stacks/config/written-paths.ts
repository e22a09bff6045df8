import type { ConfigPath } from "./types";

/** Fields whose long form has another name than what people write. */
const WRITTEN_AS: Record<string, string> = {
  memoryMiB: "memory",
  sizeBytes: "size",
  timeoutS: "timeout",
  queuedS: "queued",
  stallS: "stall",
  totalS: "total",
  bootS: "boot",
  silenceS: "silence",
};

/** Long forms that people may write as something shorter, at the place where the pattern's fields stand. */
const SHORT_FORMS: { long: (string | number)[]; short: (string | number)[] }[] = [
  { long: ["disks", 0, "image"], short: ["image"] },
  { long: ["disks", 0, "image"], short: ["disk", "image"] },
  { long: ["disks", 0], short: ["disk"] },
  { long: ["disks"], short: ["disk"] },
  { long: ["macs", 0], short: ["mac"] },
  { long: ["macs"], short: ["mac"] },
  { long: ["cloudInit", "user"], short: ["user"] },
  { long: ["cloudInit", "sshKeys"], short: ["sshKeys"] },
];

/** The ways in which a value of the long form may have been written, the long form first. */
export function writtenPaths(path: ConfigPath): ConfigPath[] {
  const renamed = path.map((part) => (typeof part === "string" ? (WRITTEN_AS[part] ?? part) : part));
  const [section, name, ...rest] = renamed;
  if (section !== "machines" || name === undefined) return [renamed];
  const shorts = SHORT_FORMS.filter(({ long }) => long.every((part, i) => rest[i] === part)).map(
    ({ long, short }) => [section, name, ...short, ...rest.slice(long.length)],
  );
  return [renamed, ...shorts];
}

/** `machines.w1.networks[0]` */
export function pathText(path: ConfigPath): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    return text === "" ? part : `${text}.${part}`;
  }, "");
}
