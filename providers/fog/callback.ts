import { bootHome, ensureBootHome } from "../../kickstart/server/home";
import { BootLog } from "../../kickstart/server/log";
import { Registry } from "../../kickstart/server/registry";
import { withServer } from "../boot/server";
import type { Run } from "../core/definition";
import type { FogClient, FogHost } from "./client";
import type { ImagedHostInputs } from "./imaged-host";

type Called = Pick<ImagedHostInputs, "callback" | "imaging">;

/** Words of the kernel's command line by which the imaging system learns whom to tell the host's key. */
const URL_WORD = "labplan_url=";
const TOKEN_WORD = "labplan_token=";
const OURS = /\s*\blabplan_(url|token)=\S*/g;
/** Longer than the imaging alone: it may wait for a slot and for its first boot. */
const SPARE_S = 3600;

/** Command-line words of others stay as they are. */
export const withoutCallback = (kernelArgs: string): string => kernelArgs.replace(OURS, "").trim();

/**
 * Let the imaging tell the host's new key: the host's kernel arguments in the server get a token that is good for this
 * one event, in one change. They are read by the imaging system alone, and taken back when it is done.
 */
export async function openCallback(
  client: FogClient,
  host: FogHost,
  inputs: Called,
  run: Pick<Run, "mark" | "now">,
): Promise<void> {
  const [mac] = host.macs;
  const { callback, imaging } = inputs;
  if (!callback || mac === undefined) return;
  const registry = new Registry(ensureBootHome(), { now: () => run.now().getTime() });
  const { token } = registry.begin({
    machine: run.mark.name,
    mac,
    purpose: "image",
    expiresInS: imaging.queuedS + imaging.totalS + imaging.bootS + SPARE_S,
    fresh: true,
  });
  const words = [withoutCallback(host.kernelArgs), `${URL_WORD}${callback.url}`, `${TOKEN_WORD}${token}`];
  await client.editHost(host.id, { kernelArgs: words.filter(Boolean).join(" ") });
}

/** Take the token out of the server. */
export async function closeCallback(client: FogClient, hostId: number): Promise<void> {
  const host = await client.host(hostId);
  const kept = host && withoutCallback(host.kernelArgs);
  if (host && kept !== host.kernelArgs.trim()) await client.editHost(hostId, { kernelArgs: kept ?? "" });
}

/** The key that this imaging told, with its token. */
export function toldHostKey(host: Pick<FogHost, "macs">, inputs: Called): string | undefined {
  const [mac] = host.macs;
  if (!inputs.callback || mac === undefined) return undefined;
  const registration = new Registry(ensureBootHome()).current(mac);
  if (registration?.purpose !== "image") return undefined;
  return new BootLog(bootHome())
    .read()
    .findLast((event) => event.build === registration.build && event.sshHostKey !== undefined)?.sshHostKey;
}

/** Nobody calls any more. */
export function endCallback(host: Pick<FogHost, "macs">, inputs: Pick<Called, "callback">): void {
  const [mac] = host.macs;
  if (!inputs.callback || mac === undefined) return;
  const registry = new Registry(ensureBootHome());
  const found = registry.current(mac);
  if (found?.purpose === "image") registry.end(mac, found.build);
}

/** Do `work` while the boot server listens, where one is wanted. */
export function whileListening<T>(
  { callback }: Pick<Called, "callback">,
  run: Pick<Run, "now" | "signal" | "progress">,
  work: () => Promise<T>,
): Promise<T> {
  if (!callback) return work();
  const { url, address, httpPort } = callback;
  return withServer({ url, bind: address, httpPort, tftpPort: 0 }, ensureBootHome(), run, work);
}
