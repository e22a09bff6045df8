import { randomUUID } from "node:crypto";

/** A kernel to boot from the network, and the words that it is started with. */
export interface NetworkKernel {
  kernel: string;
  initrd: string[];
  cmdline: string;
}

const withMac = (text: string, mac: string): string =>
  text
    .replace(/\$\{(?:net[X0-9]*\/)?mac:hexhyp\}/g, mac.replaceAll(":", "-"))
    .replace(/\$\{(?:net[X0-9]*\/)?mac:hexraw\}/g, mac.replaceAll(":", ""))
    .replace(/\$\{(?:net[X0-9]*\/)?mac(?::hex)?\}/g, mac)
    .replace(/\$\{uuid\}/g, randomUUID())
    .replace(/\$\{[^}]*\}/g, "");

/** What an iPXE script comes to: other scripts to try, in order, or a kernel. `undefined`: the next boot device. */
export type ScriptEnd = { chain: string[] } | { boot: NetworkKernel } | undefined;

/** As much of iPXE's language as boot scripts use: chain, kernel, initrd, imgargs and boot. */
export function readIpxe(script: string, url: string, mac: string): ScriptEnd {
  let kernel: string | undefined;
  let args: string[] = [];
  const initrd: string[] = [];
  const at = (word: string): string => new URL(word, url).href;
  for (const line of script.split("\n")) {
    if (!line.trim() || line.startsWith("#")) continue;
    const commands = withMac(line, mac).split(/\s+(?:\|\||&&)\s+/);
    const chains = commands.flatMap((command) => {
      const [verb, ...words] = command.trim().split(/\s+/);
      const target = words.find((word) => !word.startsWith("-"));
      return verb === "chain" && target !== undefined ? [at(target)] : [];
    });
    if (chains.length > 0) return { chain: [...new Set(chains)] };
    const [verb, ...words] = (commands[0] ?? "").trim().split(/\s+/);
    const name = words.indexOf("--name");
    if (name >= 0) words.splice(name, 2);
    const [file, ...more] = words.filter((word) => !word.startsWith("--"));
    if (verb === "kernel" && file !== undefined) {
      kernel = at(file);
      args = more;
    } else if (verb === "imgargs") args = more;
    else if (verb === "initrd" && file !== undefined) initrd.push(at(file));
  }
  return kernel === undefined ? undefined : { boot: { kernel, initrd, cmdline: args.join(" ") } };
}

/** The default label of a pxelinux config; file names are relative to the TFTP folder. */
export function readPxelinux(config: string): NetworkKernel | undefined {
  const labels = new Map<string, Record<string, string>>();
  let chosen: string | undefined;
  let current: Record<string, string> = {};
  for (const line of config.split("\n")) {
    const [, key = "", value = ""] = /^\s*(\w+)\s+(.*?)\s*$/.exec(line) ?? [];
    const word = key.toLowerCase();
    if (word === "default") chosen = value;
    else if (word === "label") {
      current = {};
      labels.set(value, current);
    } else if (word !== "") current[word] = value;
  }
  const label = labels.get(chosen ?? "") ?? [...labels.values()][0];
  const kernel = label?.kernel ?? label?.linux;
  if (label === undefined || kernel === undefined) return undefined;
  const cmdline = label.append ?? "";
  const named = cmdline.split(/\s+/).flatMap((word) => /^initrd=(.+)$/.exec(word)?.[1] ?? []);
  return { kernel, initrd: [label.initrd ?? named].flat().flatMap((one) => one.split(",")), cmdline };
}

/** Where an installer finds its configuration: words of Anaconda, debian-installer and cloud-init. */
export function configUrlOf(cmdline: string): { url: string; more: string[] } | undefined {
  const words = cmdline.split(/\s+/);
  const wordOf = (pattern: RegExp): string | undefined =>
    words.flatMap((word) => pattern.exec(word)?.[1] ?? [])[0];
  const kickstart = wordOf(/^(?:inst\.)?ks=(https?:.+)$/);
  if (kickstart !== undefined) return { url: kickstart, more: [] };
  const seed = wordOf(/^ds=nocloud(?:-net)?;s=(https?:.+)$/);
  if (seed !== undefined) {
    const folder = seed.endsWith("/") ? seed : `${seed}/`;
    return { url: `${folder}user-data`, more: [`${folder}meta-data`, `${folder}vendor-data`] };
  }
  const preseed = wordOf(/^(?:preseed\/)?url=(https?:.+)$/);
  return preseed === undefined ? undefined : { url: preseed, more: [] };
}

/** What an installer's configuration says about calling home, and about its end. */
export interface InstallerConfig {
  /** Without a token it calls nobody. */
  token?: string;
  bootUrl: string;
  end: "poweroff" | "reboot";
}

const HOME_URL =
  /(https?:\/\/[^\s"'\\/]+)\/events\b|(?:labplan_url|LABPLAN_BOOT_URL)=["']?(https?:\/\/[^\s"'\\]+)/;
const HOME_TOKEN = /(?:labplan_token|LABPLAN_BOOT_TOKEN)=["']?([0-9a-f]{32})\b/;

export function readInstallerConfig(text: string, url: string): InstallerConfig {
  const [, events, named] = HOME_URL.exec(text) ?? [];
  const token = HOME_TOKEN.exec(text)?.[1] ?? /\b[0-9a-f]{32}\b/.exec(text)?.[0];
  const reboots = /^\s*reboot\b/m.test(text) && !/^\s*poweroff\b/m.test(text);
  return {
    ...(token !== undefined && { token }),
    bootUrl: (named ?? events ?? new URL(url).origin).replace(/\/+$/, ""),
    end: reboots ? "reboot" : "poweroff",
  };
}
