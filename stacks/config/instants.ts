const INSTANT = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|z|[+-]\d{2}:?\d{2})?$/;

/** `2026-12-24T18:00Z`, or with an offset, as `2026-12-24T18:00:00Z`; throws a RangeError meant for the user. */
export function parseInstant(text: string): string {
  const [, date, minutes, seconds, zone] = INSTANT.exec(text.trim()) ?? [];
  if (!date || !minutes) {
    const day = /^\d{4}-\d{2}-\d{2}/.exec(text)?.[0] ?? "2026-12-24";
    throw new RangeError(
      `${JSON.stringify(text)} is no instant; write date, time and zone: "${day}T18:00Z" or "${day}T19:00+01:00"`,
    );
  }
  if (!zone)
    throw new RangeError(`${text} has no zone; write "${text}Z" for UTC, or the offset: "${text}+01:00"`);
  const time = Date.parse(`${date}T${minutes}${seconds ?? ":00"}${withColon(zone)}`);
  // JavaScript reads 30 February as 2 March.
  const day = new Date(`${date}T00:00Z`);
  if (Number.isNaN(time) || Number.isNaN(day.getTime()) || !day.toISOString().startsWith(date))
    throw new RangeError(`${text} is not in the calendar`);
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

const withColon = (zone: string): string => zone.toUpperCase().replace(/^([+-]\d{2})(\d{2})$/, "$1:$2");
