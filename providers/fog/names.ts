import { FogError } from "./errors";
import { plainMac } from "./parse";

/**
 * Names that FOG 1.5 can find again. It answers 404 to others and stores them all the same, cut off, and no call
 * reaches them then (recorded).
 */
const HOST_NAME = /^[\w!@#$%^()'{}.~-]{1,15}$/;
/** Lists leave out what is called so (Route::listem, 1.5 and 1.6). */
const HIDDEN = /_api/i;
const MAC = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;

/** Why FOG could not work with a host of this name; undefined when it can. */
export function hostNameProblem(name: string): string | undefined {
  if (name.length > 15)
    return `"${name}" has ${name.length} characters, and FOG can work with 15: it would store it cut off and never find it again`;
  if (!HOST_NAME.test(name)) return `"${name}" is no host name for FOG: letters, digits, dashes, no spaces`;
  return HIDDEN.test(name) ? `"${name}" holds "_api", and FOG leaves such names out of its lists` : undefined;
}

export function checkedHostName(label: string, name: string): string {
  const problem = hostNameProblem(name);
  if (problem) throw new FogError("refused", `${label}: the host name ${problem}. Nothing was sent.`);
  return name;
}

/** Lower case with colons. FOG drops what is no MAC without a word. */
export function checkedMacs(label: string, host: string, macs: readonly string[]): string[] {
  const plain = macs.map(plainMac);
  const wrong = plain.find((mac) => !MAC.test(mac));
  if (plain.length === 0 || wrong !== undefined || new Set(plain).size < plain.length)
    throw new FogError(
      "refused",
      `${label}: host "${host}" needs MACs like 52:54:00:aa:00:01, at least one and each once${wrong === undefined ? "" : `; "${wrong}" is none`}. Nothing was sent.`,
    );
  return plain;
}
