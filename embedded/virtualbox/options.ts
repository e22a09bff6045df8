import { Refusal, SyntaxRefusal } from "./errors";

/** How an option is written: its names, and whether a value follows. Names ending in `#` carry a number. */
export interface OptionSpec {
  names: string[];
  /** @default text */
  value?: "text" | "none" | "number" | "switch";
}

export interface GivenOption {
  /** First name of its spec. */
  name: string;
  /** As it was written, without its value. */
  written: string;
  value: string;
  /** Number at the end of the name; 0 for none. */
  index: number;
}

export interface Parsed {
  options: GivenOption[];
  /** Words that are no options, in order. */
  words: string[];
}

/** What VBoxManage's option reader says of a value that is no number. */
const isNumber = (text: string): boolean => /^(0x[0-9a-f]+|\d+)$/i.test(text);

export interface ParseRules {
  command: string;
  /** Exit code for unknown options. */
  exit?: number;
  /** Said again after the usage. */
  twice?: boolean;
  unknown?: string;
}

/** Options as RTGetOpt reads them: `--name value` or `--name=value`, in any order, mixed with words. */
export function parseOptions(
  args: readonly string[],
  specs: readonly OptionSpec[],
  rules: ParseRules,
): Parsed {
  const { command, exit = 2, twice = false, unknown = "Unknown option:" } = rules;
  const tight = unknown === "Unknown option:";
  const parsed: Parsed = { options: [], words: [] };
  const words = [...args];
  while (words.length > 0) {
    const word = words.shift() ?? "";
    if (!/^--?[a-z]/i.test(word)) {
      parsed.words.push(word);
      continue;
    }
    const equals = word.indexOf("=");
    const written = equals < 0 ? word : word.slice(0, equals);
    const spec = specs.find((one) => one.names.some((name) => fits(name, written)));
    if (!spec) throw new SyntaxRefusal(`${unknown} ${written}`, command, exit, twice, tight);
    const option = {
      name: spec.names[0] ?? "",
      written,
      value: "",
      index: Number(/\d+$/.exec(written)?.[0] ?? 0),
    };
    if (spec.value !== "none") {
      const value = equals < 0 ? words.shift() : word.slice(equals + 1);
      if (value === undefined) {
        const text = `${written}: RTGetOpt: Command line option needs argument.`;
        throw new SyntaxRefusal(text, command, exit, twice, tight);
      }
      option.value = spec.value === "switch" ? readSwitch(value, written) : value;
      if (spec.value === "number" && !isNumber(value)) {
        throw new Refusal([`${written}: Invalid value '${value}'`], exit);
      }
    }
    parsed.options.push(option);
  }
  return parsed;
}

const fits = (name: string, written: string): boolean =>
  name.endsWith("#") ? new RegExp(`^${name.slice(0, -1)}\\d+$`).test(written) : name === written;

function readSwitch(value: string, written: string): string {
  if (["on", "yes", "true", "enabled", "1"].includes(value)) return "on";
  if (["off", "no", "false", "disabled", "0"].includes(value)) return "off";
  throw new Refusal([`Invalid ${written} argument '${value}'`]);
}

/** The last value of an option. */
export const optionOf = ({ options }: Parsed, name: string): string | undefined =>
  options.findLast((option) => option.name === name)?.value;
export const has = ({ options }: Parsed, name: string): boolean =>
  options.some((option) => option.name === name);
