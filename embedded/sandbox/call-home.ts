import * as fs from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type FaultRule, Faults } from "../faults";
import { ask, type HostLink } from "./host-link";

export interface CallHomeOptions {
  /** `boot.env` inside the sandbox's folder. */
  file: string;
  macs: string[];
  hostName: string;
  /** `ssh-ed25519 AAAA…` */
  hostKey: string;
  /** Of this boot. */
  bootId: string;
  link: HostLink;
  say: (line: string) => void;
  fault: (stage: string) => FaultRule | undefined;
}

const GIVE_UP_MS = 10 * 60_000;
const MOST_PAUSE_MS = 5_000;

/** What the unit of the seed does at every boot: tell the boot server, as often as it takes. No file, no call. */
export async function callHome(options: CallHomeOptions): Promise<void> {
  const { file, macs, hostName, hostKey, bootId, link, say, fault } = options;
  const settings = readEnvironment(file);
  const { LABPLAN_BOOT_URL: url, LABPLAN_BOOT_TOKEN: token } = settings;
  if (!url || !token) return;
  const rule = fault("booted");
  if (rule?.do === "hang" || rule?.do === "close") return;
  if (rule?.do === "slow") await Faults.pause(rule);
  const stage = rule?.do === "error" ? "failed" : "booted";
  const told = {
    mac: macs.join(" "),
    host: hostName,
    bootId,
    hostKey,
    ...(stage === "failed" && { detail: rule?.message ?? "scripted fault" }),
  };
  const bearer = rule?.do === "lie" ? "0".repeat(32) : token;
  let pauseMs = 250;
  for (const end = Date.now() + GIVE_UP_MS; Date.now() < end && !link.signal.aborted; ) {
    const answer = await ask(link, `${url.replace(/\/+$/, "")}/events/${stage}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${bearer}`, "Content-Type": "application/json" },
      body: JSON.stringify(told),
    }).catch((error: Error) => error);
    if (!(answer instanceof Error) && answer.status === 204) {
      say(`labplan-booted: told ${url}`);
      return;
    }
    await sleep(pauseMs, undefined, { signal: link.signal }).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, MOST_PAUSE_MS);
  }
}

function readEnvironment(file: string): Record<string, string> {
  try {
    const pairs = fs
      .readFileSync(file, "utf8")
      .split("\n")
      .flatMap((line) => {
        const [, name, value] = /^([A-Z_]+)=["']?([^"']*)["']?$/.exec(line.trim()) ?? [];
        return name === undefined ? [] : [[name, value ?? ""] as const];
      });
    return Object.fromEntries(pairs);
  } catch {
    return {};
  }
}
