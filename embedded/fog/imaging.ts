import { setTimeout as sleep } from "node:timers/promises";
import { type FaultRule, Faults } from "../faults";
import { readIpxe } from "../sandbox/boot-config";
import { ask, fetchFile, type HostLink } from "../sandbox/host-link";

/** The disk of the machine that is imaged. */
export interface ImagedDisk {
  /** From now on nothing boots from it. */
  erase(): void;
  write(image: string, wrong: boolean): Promise<void>;
  capture(image: string): Promise<void>;
  hasImage(image: string): boolean;
  /** `ssh-ed25519 AAAA…` of the system that is on it. */
  hostKey(): string;
}

export interface NetworkBootOptions {
  /** `http://127.0.0.1:port/fog` */
  base: string;
  macs: readonly string[];
  uuid: string;
  hostName: string;
  disk: ImagedDisk;
  link: HostLink;
  /** How long writing takes. */
  durationMs: number;
  fault: (stage: string) => FaultRule | undefined;
  say: (line: string) => void;
  /** The 1.6 line is told of failures. */
  tellsFailures: boolean;
}

/** `disk`: no task, go on to the next device. `stuck`: stands still until somebody switches it. */
export type NetworkBootEnd = "disk" | "reboot" | "poweroff" | "stuck";

const STEPS = 20;
const TOTAL_GIB = 20;
/** Of a whole imaging; a real client asks again each 5 s. */
const SLOT_PARTS = 20;

/** A machine that boots from the network and does what the FOG server has for it, over HTTP from its first request on. */
export async function networkBoot(options: NetworkBootOptions): Promise<NetworkBootEnd> {
  try {
    const words = await kernelWords(options);
    return words ? await work(options, words) : "disk";
  } catch (error) {
    if (!options.link.signal.aborted) options.say(`FOS: ${(error as Error).message}`);
    return "stuck";
  }
}

async function kernelWords({
  base,
  macs,
  link,
  say,
}: NetworkBootOptions): Promise<Map<string, string> | undefined> {
  const [mac = ""] = macs;
  const cards = Object.fromEntries(macs.map((one, index) => [`mac${index}`, one]));
  const url = `${base}/service/ipxe/boot.php`;
  const script = await post(link, url, { ...cards, arch: "x86_64", platform: "efi" });
  const end = readIpxe(script, url, mac);
  if (!end || !("boot" in end)) return undefined;
  say("iPXE: booting the imaging system");
  for (const file of [end.boot.kernel, ...end.boot.initrd]) await fetchFile(link, file);
  return new Map(
    end.boot.cmdline.split(/\s+/).map((word) => {
      const at = word.indexOf("=");
      return at < 0 ? [word, ""] : [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

async function work(options: NetworkBootOptions, words: Map<string, string>): Promise<NetworkBootEnd> {
  const { base, macs, uuid, link, disk, fault, say } = options;
  const service = (name: string, form: Record<string, string> = {}): Promise<string> =>
    post(link, `${base}/service/${name}`, { sysuuid: uuid, mac: macs.join("|"), ...form });
  const kind = words.get("mode") === "wipe" ? "wipe" : words.get("type") === "up" ? "up" : "down";
  const image = words.get("img") ?? "";
  await service("hostinfo.php");
  for (;;) {
    const answer = await service("Pre_Stage1.php", { type: kind });
    if (answer.startsWith("##@GO")) break;
    say(`FOS: ${answer}`);
    if (!/slots/.test(answer)) return "stuck";
    await sleep(Math.max(50, options.durationMs / SLOT_PARTS), undefined, { signal: link.signal });
  }
  if (kind === "down" && !disk.hasImage(image)) return fail(options, service, `no image at /images/${image}`);
  if (kind !== "up") disk.erase();
  const trouble = await transfer(options, service);
  if (trouble === "gone") return "stuck";
  if (trouble !== undefined) return fail(options, service, trouble);
  if (kind === "down") {
    await disk.write(image, fault("write")?.do === "lie");
    await callHome(options, words);
  }
  if (kind === "up") await disk.capture(image);
  const rule = fault("finish");
  if (rule?.do === "slow") await Faults.pause(rule);
  else if (rule) return stand(options, "the end is not told");
  const answer = await service(
    kind === "down" ? "Post_Stage3.php" : kind === "up" ? "Post_Stage2.php" : "Post_Wipe.php",
  );
  say(`FOS: ${answer}`);
  if (answer !== "##") return "stuck";
  return words.has("shutdown") ? "poweroff" : "reboot";
}

type Service = (name: string, form?: Record<string, string>) => Promise<string>;

/** Percent by percent. What went wrong; `gone` when the task was taken away. */
async function transfer(
  { durationMs, link, fault, say }: NetworkBootOptions,
  service: Service,
): Promise<string | undefined> {
  for (let step = 1; step <= STEPS; step++) {
    await sleep(durationMs / STEPS, undefined, { signal: link.signal });
    const rule = fault("progress");
    if (rule?.do === "slow") await sleep(rule.ms ?? 1_000, undefined, { signal: link.signal });
    else if (rule) return rule.message ?? "scripted fault";
    const status = Buffer.from(statusAt(step / STEPS, durationMs)).toString("base64");
    const answer = await service("progress.php", { status });
    if (!/^No Active Task/.test(answer)) continue;
    say(`FOS: ${answer}`);
    return "gone";
  }
  return undefined;
}

function statusAt(part: number, durationMs: number): string {
  const time = (ms: number): string => new Date(ms).toISOString().slice(11, 19);
  const copied = (TOTAL_GIB * part).toFixed(1);
  const rest = [
    time(durationMs * part),
    time(durationMs * (1 - part)),
    `${copied} GiB`,
    `${TOTAL_GIB}.0 GiB`,
  ];
  return `12.5 GB/min@${rest.join("@")}@${Math.round(part * 100)}@`;
}

/** Before 1.6 nobody hears of it. */
async function fail(options: NetworkBootOptions, service: Service, why: string): Promise<NetworkBootEnd> {
  if (options.tellsFailures) await service("failed.php");
  return stand(options, why);
}

function stand({ say }: NetworkBootOptions, why: string): "stuck" {
  say(`FOS: ${why}`);
  return "stuck";
}

/** As a post-download script does: the new system's host key, told with the token of the kernel's command line. */
async function callHome({ link, macs, hostName, disk, say }: NetworkBootOptions, words: Map<string, string>) {
  const url = words.get("labplan_url");
  const token = words.get("labplan_token");
  if (!url || !token) return;
  const form = { mac: macs.join(" "), host: hostName, hostKey: disk.hostKey() };
  const answer = await ask(link, `${url.replace(/\/+$/, "")}/events/installed`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  }).catch((error: Error) => error);
  if (link.signal.aborted) throw new Error("switched off");
  say(`FOS: installed: ${answer instanceof Error ? answer.message : answer.status}`);
}

async function post(link: HostLink, url: string, form: Record<string, string>): Promise<string> {
  const { status, body } = await ask(link, url, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form).toString(),
  });
  if (status !== 200) throw new Error(`${new URL(url).pathname}: HTTP ${status}`);
  return body.toString("utf8");
}
