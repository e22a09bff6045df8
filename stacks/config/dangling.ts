import { suggest } from "./suggest";
import type { ConfigPath, ConfigProblem } from "./types";

type Section = "backends" | "networks" | "images" | "machines";

/** Where the config names something that it declares elsewhere. `*` is any key or position, an item itself last. */
const NAMED_AT: { at: string[]; section: Section; noun: string }[] = [
  { at: ["networks", "*", "backend"], section: "backends", noun: "backend" },
  { at: ["machines", "*", "backend"], section: "backends", noun: "backend" },
  { at: ["images", "*", "install", "backend"], section: "backends", noun: "backend" },
  { at: ["images", "*", "fog", "backend"], section: "backends", noun: "backend" },
  { at: ["images", "*", "fog", "capture", "from"], section: "machines", noun: "machine" },
  { at: ["machines", "*", "power", "backend"], section: "backends", noun: "backend" },
  { at: ["machines", "*", "onRelease"], section: "images", noun: "image" },
  { at: ["backends", "*", "machine"], section: "machines", noun: "machine" },
  { at: ["images", "*", "install", "network"], section: "networks", noun: "network" },
  { at: ["vpn", "backend"], section: "backends", noun: "backend" },
  { at: ["machines", "*", "networks", "*"], section: "networks", noun: "network" },
  { at: ["machines", "*", "networks", "*", "network"], section: "networks", noun: "network" },
  { at: ["machines", "*", "image"], section: "images", noun: "image" },
  { at: ["machines", "*", "disk", "image"], section: "images", noun: "image" },
  { at: ["machines", "*", "disks", "*", "image"], section: "images", noun: "image" },
  { at: ["machines", "*", "iso"], section: "images", noun: "image" },
  { at: ["devstack", "layout", "controller"], section: "machines", noun: "machine" },
  { at: ["devstack", "layout", "controller", "*"], section: "machines", noun: "machine" },
  { at: ["devstack", "layout", "compute"], section: "machines", noun: "machine" },
  { at: ["devstack", "layout", "compute", "*"], section: "machines", noun: "machine" },
  { at: ["devstack", "layout", "database"], section: "machines", noun: "machine" },
  { at: ["devstack", "layout", "messagequeue"], section: "machines", noun: "machine" },
  { at: ["devstack", "layout", "cells", "*", "conductor"], section: "machines", noun: "machine" },
  { at: ["devstack", "layout", "cells", "*", "compute"], section: "machines", noun: "machine" },
  { at: ["devstack", "layout", "cells", "*", "compute", "*"], section: "machines", noun: "machine" },
  { at: ["devstack", "overlay", "network"], section: "networks", noun: "network" },
  { at: ["machines", "*", "kernel", "kernel"], section: "images", noun: "image" },
  { at: ["machines", "*", "kernel", "initrd"], section: "images", noun: "image" },
];

/**
 * Names of things that are not declared. It reads the config as written, so that a thing with another mistake in it
 * tells this one as well; sections in `unreadable` are taken to declare everything.
 */
export function danglingNames(
  values: Record<string, unknown>,
  unreadable: ReadonlySet<string>,
): ConfigProblem[] {
  return NAMED_AT.flatMap(({ at, section, noun }) => {
    if (unreadable.has(section)) return [];
    const declared = Object.keys(values[section] ?? {});
    return found(values, at, []).flatMap(({ path, value: written }) => {
      const value = at.at(-1) === "onRelease" ? releaseImage(written) : written;
      // A file on the hypervisor is no name.
      const isName = typeof value === "string" && !(at.includes("kernel") && value.startsWith("/"));
      if (!isName || declared.includes(value)) return [];
      const known = declared.length === 0 ? "; none is declared" : suggest(value, declared, "Declared");
      return [{ path, message: `there is no ${noun} "${value}"${known}` }];
    });
  });
}

/** The image of `image:clean-c7`; of the other words none. */
const releaseImage = (written: unknown): string | undefined =>
  typeof written === "string" ? /^\s*image:\s*(\S.*?)\s*$/.exec(written)?.[1] : undefined;

function found(
  value: unknown,
  at: readonly string[],
  path: ConfigPath,
): { path: ConfigPath; value: unknown }[] {
  const [part, ...rest] = at;
  if (part === undefined) return [{ path, value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value)
    .filter(([key]) => part === "*" || part === key)
    .flatMap(([key, child]) => found(child, rest, [...path, Array.isArray(value) ? Number(key) : key]));
}
