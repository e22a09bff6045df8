import { LabError } from "../core/errors";
import type { SshConnection } from "../ssh/client";
import type { Proof } from "./imaged-host";

const DEADLINE_S = 30;
const BOOT_ID = "/proc/sys/kernel/random/boot_id";
/** Of the kernel's clock in /proc; the same on every architecture that Linux is built for today. */
const TICKS_PER_S = 100;
/** A boot is told by whole polls and by the host's own clock: this much may differ. */
const SLACK_S = 15;

/** What is known of the boots of before, to tell the new one from them. */
export interface Boots {
  /** Boot ids that the host had before its imaging. */
  before: readonly (string | undefined)[];
  /** Seconds since the task was last seen unfinished: the new system cannot be older. */
  sinceS?: number;
}

/** The boot id of the system that runs there; undefined where it cannot be read. */
export async function bootIdOf(connection: SshConnection, signal: AbortSignal): Promise<string | undefined> {
  const text = await textOf(connection, BOOT_ID, signal);
  return text === undefined ? undefined : (/[0-9a-f-]{36}/.exec(text.toLowerCase())?.[0] ?? undefined);
}

/**
 * Prove that what answers is the new system: booted since the imaging, and what the image says. A task that is
 * complete proves nothing, for anyone on the network can tell the server so. Resolves with the boot id.
 */
export async function prove(
  connection: SshConnection,
  { name, image, proof, boots }: { name: string; image: string; proof: Proof; boots: Boots },
  signal: AbortSignal,
): Promise<string | undefined> {
  const bootId = await bootIdOf(connection, signal);
  await proveBoot(connection, name, image, bootId, boots, signal);
  await proveRelease(connection, name, image, proof.osRelease ?? {}, signal);
  await proveMarker(connection, name, image, proof.marker, signal);
  return bootId;
}

async function proveBoot(
  connection: SshConnection,
  name: string,
  image: string,
  bootId: string | undefined,
  { before, sinceS }: Boots,
  signal: AbortSignal,
): Promise<void> {
  const where = `at ${connection.target}`;
  const next = `Was "${image}" really written to the disk that it boots from? Look at the host's console and its boot order; raise imageGeneration to image it anew.`;
  if (bootId === undefined)
    throw new LabError(
      `${name}: the system ${where} does not tell its boot id (expected one in ${BOOT_ID}), so nobody can tell it from the one of before. ${next}`,
    );
  if (before.includes(bootId))
    throw new LabError(
      `${name}: the server says that the imaging is complete, and the host was not booted since: expected a new boot id ${where}, found the one of before, ${bootId}. ${next}`,
    );
  if (sinceS === undefined) return;
  const ageS = await ageOf(connection, signal);
  if (ageS !== undefined && ageS > sinceS + SLACK_S)
    throw new LabError(
      `${name}: the system ${where} runs for ${Math.round(ageS)} s, and the imaging ended at most ${Math.round(sinceS)} s ago: expected one that was booted after it, found an older one (boot id ${bootId}). ${next}`,
    );
}

/** Seconds since the first process there was started; that of a container is its own. */
async function ageOf(connection: SshConnection, signal: AbortSignal): Promise<number | undefined> {
  const stat = await textOf(connection, "/proc/1/stat", signal);
  const uptime = await textOf(connection, "/proc/uptime", signal);
  // The 22nd field (proc(5)); the second one is in brackets and may hold spaces.
  const started = Number(stat?.replace(/^.*\) /s, "").split(" ")[19]) / TICKS_PER_S;
  const age = Number.parseFloat(uptime ?? "") - started;
  return Number.isFinite(age) ? age : undefined;
}

async function proveRelease(
  connection: SshConnection,
  name: string,
  image: string,
  expected: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  if (Object.keys(expected).length === 0) return;
  const text = await textOf(connection, "/etc/os-release", signal);
  if (text === undefined)
    throw new LabError(
      `${name}: expected the system of "${image}" to have /etc/os-release, found none at ${connection.target}. Take "osRelease" out of the image, or image another one.`,
    );
  const found = readRelease(text);
  const wrong = Object.entries(expected)
    .filter(([key, value]) => !fits(found[key], value))
    .map(([key, value]) => `${key}: expected ${value}, found ${found[key] ?? "nothing"}`);
  if (wrong.length > 0)
    throw new LabError(
      `${name}: the installed system is not what "${image}" says: /etc/os-release has ${wrong.join("; ")}. If the image is right, mend its "osRelease" in the config; if another one was written, raise imageGeneration.`,
    );
}

/** os-release(5): shell-like lines, quoted where they must be. */
export const readRelease = (text: string): Record<string, string> =>
  Object.fromEntries(
    text.split("\n").flatMap((line) => {
      const [, key, value = ""] = /^\s*([A-Z0-9_]+)=(.*?)\s*$/.exec(line) ?? [];
      return key === undefined ? [] : [[key, value.replace(/^(["'])(.*)\1$/, "$2").replace(/\\(.)/g, "$1")]];
    }),
  );

const fits = (found: string | undefined, expected: string): boolean =>
  found !== undefined &&
  (expected.endsWith("*") ? found.startsWith(expected.slice(0, -1)) : found === expected);

async function proveMarker(
  connection: SshConnection,
  name: string,
  image: string,
  marker: Proof["marker"],
  signal: AbortSignal,
): Promise<void> {
  if (!marker) return;
  const text = await textOf(connection, marker.path, signal);
  if (text?.trim() === marker.text.trim()) return;
  const found = text === undefined ? "no such file" : JSON.stringify(text.trim().slice(0, 200));
  throw new LabError(
    `${name}: the installed system does not have the marker of "${image}": expected ${JSON.stringify(marker.text.trim())} in ${marker.path}, found ${found}. If the image is right, mend its "marker" in the config; if another one was written, raise imageGeneration.`,
  );
}

async function textOf(
  connection: SshConnection,
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { code, stdout } = await connection.exec(["cat", path], { deadlineS: DEADLINE_S, signal });
  return code === 0 ? stdout : undefined;
}
