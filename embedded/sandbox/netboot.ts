import { randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type FaultRule, Faults } from "../faults";
import type { BootDisk, NetworkBoot } from "../libvirt/store/guests";
import {
  configUrlOf,
  type InstallerConfig,
  type NetworkKernel,
  readInstallerConfig,
  readIpxe,
  readPxelinux,
} from "./boot-config";
import { ask, fetchFile, type HostLink } from "./host-link";

export interface NetbootOptions {
  hostName: string;
  source: NetworkBoot;
  disk: BootDisk | undefined;
  link: HostLink;
  /** Writes to the console. */
  say: (line: string) => void;
  /** The scripted fault of a stage, if any. */
  fault: (stage: string) => FaultRule | undefined;
  /** Text of a file below the TFTP folder. */
  readTftp?: (prefix: string, file: string) => string | undefined;
}

/**
 * - `next`: nothing to boot there, the firmware goes on to its next device
 * - `poweroff`, `reboot`: an installation is done
 * - `stuck`: it stands still, until somebody switches it off
 */
export type NetbootEnd = "next" | "poweroff" | "reboot" | "stuck";

/** iPXE follows scripts; a loop of them ends here. */
const MOST_SCRIPTS = 5;
/** An installation takes a moment, so that nobody takes "started" for "done". */
const STEP_MS = 50;
/** As our installers' own reports do. */
const TRIES = 3;
const RETRY_MS = 1_000;

/**
 * A machine that boots from the network: firmware, boot loader, and an installer that does nothing but what the
 * network sees of it. All it asks for is asked for over real HTTP.
 */
export async function networkBoot(options: NetbootOptions): Promise<NetbootEnd> {
  const { say, link, disk } = options;
  try {
    const found =
      options.source.via === "ipxe"
        ? await fromScript(options, options.source.url)
        : await fromTftp(options, options.source);
    if (!found) return "next";
    say(`[    0.000000] Linux version 6.1.0-installer\n[    0.000000] Command line: ${quiet(found.cmdline)}`);
    const config = await fetchConfig(options, found.cmdline);
    if (!config) {
      say("installer: no configuration is named on the command line: waiting for somebody to answer");
      return "stuck";
    }
    return await install(options, found.cmdline, config);
  } catch (error) {
    if (link.signal.aborted) return "stuck";
    say(`installer: ${quiet((error as Error).message)}`);
    return disk ? "stuck" : "next";
  }
}

/** The token is in URLs of the config: not for the console. */
const quiet = (text: string): string => text.replace(/\b[0-9a-f]{32}\b/g, "…");

async function fromScript(options: NetbootOptions, start: string): Promise<NetworkKernel | undefined> {
  const { link, say } = options;
  const { mac } = options.source;
  let queue = [start];
  for (let scripts = 0; scripts < MOST_SCRIPTS && queue.length > 0; scripts++) {
    const [url = "", ...others] = queue;
    let script: string;
    try {
      say(`iPXE: ${quiet(url)}`);
      script = (await fetchFile(link, url)).toString("utf8");
    } catch (error) {
      if (link.signal.aborted) throw error;
      say(`iPXE: ${quiet((error as Error).message)}`);
      queue = others;
      continue;
    }
    const end = readIpxe(script, url, mac);
    if (!end) return undefined;
    if ("boot" in end) {
      await stopAt(options, "pxe");
      for (const file of [end.boot.kernel, ...end.boot.initrd]) await fetchFile(link, file);
      return end.boot;
    }
    queue = [...end.chain, ...others];
  }
  return undefined;
}

/** pxelinux over VirtualBox's own TFTP, which is a folder. It asks for the machine's own file, then for `default`. */
async function fromTftp(
  options: NetbootOptions,
  { mac, prefix, bootFile }: Extract<NetworkBoot, { via: "tftp" }>,
): Promise<NetworkKernel | undefined> {
  const { say } = options;
  const read = (file: string): string | undefined => (options.readTftp ?? readBelow)(prefix, file);
  if (!bootFile || read(bootFile) === undefined) {
    say(`PXE-E53: No boot filename received, or TFTP has no ${bootFile || "file"}`);
    return undefined;
  }
  const names = [`pxelinux.cfg/01-${mac.replaceAll(":", "-")}`, "pxelinux.cfg/default"];
  const config = names.flatMap((name) => read(name) ?? [])[0];
  const found = config === undefined ? undefined : readPxelinux(config);
  if (!found) {
    say("PXELINUX: Unable to locate configuration file");
    return undefined;
  }
  await stopAt(options, "pxe");
  for (const file of [found.kernel, ...found.initrd]) {
    if (read(file) !== undefined) continue;
    say(`PXELINUX: ${file}: not found`);
    return undefined;
  }
  return { ...found, cmdline: `${found.cmdline} BOOTIF=01-${mac.replaceAll(":", "-")}` };
}

/** A file below the folder; never one outside of it. */
export function readBelow(prefix: string, file: string): string | undefined {
  const at = path.resolve(prefix, file.replace(/^\/+/, ""));
  if (!at.startsWith(`${path.resolve(prefix)}${path.sep}`)) return undefined;
  try {
    const handle = fs.openSync(at, "r");
    try {
      const start = Buffer.alloc(64 * 1024);
      return start.subarray(0, fs.readSync(handle, start, 0, start.length, 0)).toString("utf8");
    } finally {
      fs.closeSync(handle);
    }
  } catch {
    return undefined;
  }
}

async function fetchConfig(options: NetbootOptions, cmdline: string): Promise<InstallerConfig | undefined> {
  const named = configUrlOf(cmdline);
  if (!named) return undefined;
  await stopAt(options, "config");
  const text = (await fetchFile(options.link, named.url)).toString("utf8");
  // Not all are there for every installer, and it does not mind.
  for (const url of named.more) await fetchFile(options.link, url).catch(() => undefined);
  return readInstallerConfig(text, named.url);
}

async function install(
  options: NetbootOptions,
  cmdline: string,
  config: InstallerConfig,
): Promise<NetbootEnd> {
  for (const stage of stagesOf(cmdline)) {
    const pause = /^wait(\d+)$/.exec(stage)?.[1];
    await sleep(pause === undefined ? STEP_MS : Number(pause) * 1_000, undefined, {
      signal: options.link.signal,
    });
    if (pause !== undefined) continue;
    const fault = options.fault(stage);
    if (fault?.do === "hang" || fault?.do === "close") return stuck(options, `hangs before "${stage}"`);
    if (fault?.do === "slow") await Faults.pause(fault);
    if (fault?.do === "error" || stage === "failed") {
      const log = fault?.message ?? "scripted fault";
      await report(options, config, "failed", { detail: `anaconda: ${stage}: ${log}` });
      return stuck(options, `failed: ${log}`);
    }
    // Before it says so: whoever hears "installed" may take the disk.
    if (stage === "installed") options.disk?.install();
    const told = await report(options, config, stage, {}, fault?.do === "lie");
    if (!told && stage === "pre") return stuck(options, "the boot server does not take its report");
  }
  options.say(`installer: done, ${config.end}`);
  return config.end;
}

/** The stand-in for installers of the tests names its stages; real ones have these two. */
function stagesOf(cmdline: string): string[] {
  const named = /(?:^|\s)mini\.stages=(\S+)/.exec(cmdline)?.[1];
  return named?.split(",") ?? ["pre", "installed"];
}

function stuck({ say }: NetbootOptions, why: string): NetbootEnd {
  say(`installer: ${why}`);
  return "stuck";
}

/** Stages that the server sees by itself can only be stopped before. */
async function stopAt({ fault, link, say }: NetbootOptions, stage: string): Promise<void> {
  const rule = fault(stage);
  if (!rule) return;
  if (rule.do === "slow") return Faults.pause(rule);
  say(`stops before "${stage}"`);
  if (rule.do === "error") throw new Error(rule.message ?? "scripted fault");
  await new Promise((_, reject) =>
    link.signal.addEventListener("abort", () => reject(new Error("switched off")), { once: true }),
  );
}

/** As the shell function in our kickstarts: a form, the token in a header, three tries. */
async function report(
  { link, source: { mac }, hostName, say }: NetbootOptions,
  { token, bootUrl }: InstallerConfig,
  stage: string,
  more: Record<string, string>,
  lie = false,
): Promise<boolean> {
  if (token === undefined) return true;
  const body = new URLSearchParams({ mac, host: hostName, bootId: randomUUID(), ...more }).toString();
  const wrong = token.replace(/./g, (digit) => ((Number.parseInt(digit, 16) + 1) % 16).toString(16));
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const answer = await ask(link, `${bootUrl}/events/${stage}`, {
      method: "POST",
      headers: {
        Authorization: `Bearer ${lie ? wrong : token}`,
        "Content-Type": "application/x-www-form-urlencoded",
      },
      body,
    }).catch((error: Error) => error);
    if (link.signal.aborted) throw new Error("switched off");
    say(`installer: ${stage}: ${answer instanceof Error ? answer.message : answer.status}`);
    if (!(answer instanceof Error) && answer.status === 204) return true;
    if (attempt < TRIES) await sleep(RETRY_MS, undefined, { signal: link.signal });
  }
  return false;
}
