import { wordsOf } from "../../kickstart/lint/kickstart-file";

/** What booted's vbox.sh makes of each image. */
export interface VboxSettings {
  cpus?: number;
  memoryMiB?: number;
  diskMiB?: number;
  osType?: string;
  /** By number from 1. */
  nics: Map<number, { type: string; adapter?: string }>;
  boot: string[];
  iso?: string;
  /** `modifyvm` options that have no counterpart here. */
  others: string[];
}

/** Read the VBoxManage calls of a shell script, with the variables that it sets to plain texts. Nothing is run. */
export function readVboxScript(source: string): VboxSettings {
  const settings: VboxSettings = { nics: new Map(), boot: [], others: [] };
  const variables = new Map<string, string>();
  const expand = (word: string): string =>
    word.replace(/\$\{?(\w+)\}?/g, (all, name: string) => variables.get(name) ?? all);
  for (const line of source.replace(/\\\n/g, " ").split("\n")) {
    const [, name, value] = /^\s*(?:export\s+)?([A-Za-z_]\w*)=(.*)$/.exec(line) ?? [];
    if (name) variables.set(name, expand(wordsOf(value ?? "").words[0] ?? ""));
    const [program = "", command = "", ...args] = wordsOf(line).words;
    if (/(^|\/)vboxmanage$/i.test(program)) readCall(command, args.map(expand), settings);
  }
  const iso = [...variables.values()].find((value) => /\.iso$/i.test(value));
  if (iso) settings.iso = iso.split("/").at(-1) ?? iso;
  return settings;
}

function readCall(command: string, args: readonly string[], settings: VboxSettings): void {
  const options = new Map<string, string>();
  args.forEach((word, index) => {
    if (word.startsWith("--")) options.set(word.slice(2).toLowerCase(), args[index + 1] ?? "");
  });
  const number = (name: string): number | undefined => {
    const value = options.get(name);
    return value !== undefined && /^\d+$/.test(value) ? Number(value) : undefined;
  };
  const osType = options.get("ostype");
  if (osType) settings.osType = osType;
  const size = ["createvdi", "createhd", "createmedium"].includes(command) ? number("size") : undefined;
  if (size) settings.diskMiB = size;
  if (command !== "modifyvm") return;
  const [cpus, memory] = [number("cpus"), number("memory")];
  if (cpus) settings.cpus = cpus;
  if (memory) settings.memoryMiB = memory;
  const boots = [1, 2, 3, 4].flatMap((place) => options.get(`boot${place}`) ?? []);
  if (boots.length > 0) settings.boot = boots;
  for (const [option, value] of options) readOption(option, value, options, settings);
}

const READ = /^(cpus|memory|ostype|boot[1-4]|bridgeadapter\d|hostonlyadapter\d|intnet\d)$/;

function readOption(
  option: string,
  value: string,
  options: ReadonlyMap<string, string>,
  settings: VboxSettings,
): void {
  const [, place] = /^nic(\d)$/.exec(option) ?? [];
  if (place) {
    const adapter = ["bridgeadapter", "hostonlyadapter", "intnet"].flatMap(
      (name) => options.get(`${name}${place}`) ?? [],
    );
    const nic = { type: value.toLowerCase() };
    settings.nics.set(Number(place), adapter[0] === undefined ? nic : { ...nic, adapter: adapter[0] });
  } else if (!READ.test(option)) settings.others.push(option);
}
