/** Bytes in each unit that a size may carry. */
const UNITS = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

type Unit = keyof typeof UNITS;

const isUnit = (text: string): text is Unit => Object.hasOwn(UNITS, text);

/** Bytes of `8 GiB`, rounded up; throws a RangeError whose message is meant for the user. */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?) *([A-Za-z]*)$/.exec(text.trim()) ?? [];
  if (number === undefined || unit === undefined)
    throw new RangeError(`${JSON.stringify(text)} is no size; write a number with its unit, like "8 GiB"`);
  if (unit === "") throw new RangeError(bareSize(Number(number)));
  if (!isUnit(unit)) throw new RangeError(unknownUnit(number, unit));
  const bytes = Math.ceil(Number(number) * UNITS[unit]);
  if (bytes === 0) throw new RangeError("a size must be more than 0");
  if (!Number.isSafeInteger(bytes)) throw new RangeError(`${text} is more than any disk can hold`);
  return bytes;
}

/** What to say of a size without its unit: people mean either of two. */
export function bareSize(number: number): string {
  const [larger, smaller] = number < 1024 ? ["GiB", "MiB"] : number < 2 ** 20 ? ["MiB", "KiB"] : ["KiB", "B"];
  return `${number} is a bare number; write "${number} ${larger}" or "${number} ${smaller}", whichever is meant`;
}

/** `8 G`, `8 gib` and `8 KB` each mean two things to two people. */
function unknownUnit(number: string, unit: string): string {
  const letter = unit[0]?.toUpperCase() ?? "";
  if (!"KMGT".includes(letter))
    return `"${unit}" is no unit of size; use KiB, MiB, GiB, TiB, kB, MB, GB or TB`;
  if (/^.ib$/i.test(unit)) return `"${unit}" is written "${letter}iB": "${number} ${letter}iB"`;
  const decimal = letter === "K" ? "kB" : `${letter}B`;
  return `"${unit}" can be read in two ways; write "${number} ${letter}iB" (by 1024) or "${number} ${decimal}" (by 1000)`;
}
