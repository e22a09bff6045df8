const SECONDS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

/** Seconds of `90s`, `10m`, `1h 30m`; throws a RangeError whose message is meant for the user. */
export function parseDuration(text: string): number {
  const compact = text.trim();
  if (/^\d+(\.\d+)?$/.test(compact)) throw new RangeError(bareDuration(Number(compact)));
  if (!/^(\d+(\.\d+)? *[smhd] *)+$/.test(compact))
    throw new RangeError(
      `${JSON.stringify(text)} is no duration; write numbers with s, m, h or d, like "90s" or "1h 30m"`,
    );
  let seconds = 0;
  for (const [, number, unit] of compact.matchAll(/(\d+(?:\.\d+)?) *([smhd])/g))
    seconds += Number(number) * SECONDS[unit as keyof typeof SECONDS];
  const whole = Math.ceil(seconds);
  if (whole === 0) throw new RangeError("a duration must be more than 0");
  return whole;
}

/** What to say of a duration without its unit. */
export const bareDuration = (number: number): string =>
  `${number} is a bare number; write "${number}s" or "${number}m", whichever is meant`;
