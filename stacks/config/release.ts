import type { ReleaseConfig } from "./types";

const FORM = 'write "image:<image>", wipe, poweroff or keep';

/** What happens to a host at the end, as people write it; throws a RangeError whose message is meant for the user. */
export function parseRelease(text: string): ReleaseConfig {
  const [, image] = /^image:\s*(\S.*)$/.exec(text.trim()) ?? [];
  if (image !== undefined) return { do: "image", image };
  const word = text.trim();
  if (word === "wipe" || word === "poweroff" || word === "keep") return { do: word };
  throw new RangeError(
    word === "image" || word === "image:"
      ? `which image is not said; ${FORM}`
      : `"${text}" is nothing that can be done with a host; ${FORM}`,
  );
}
