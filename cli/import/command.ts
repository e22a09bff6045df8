import { randomInt } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import type { Note } from "./notes";

/** A file that an imported config names, to be written beside it. */
export interface CarriedFile {
  /** Relative to the project. */
  path: string;
  text: string;
}

/** A lab of another tool's, as a stack of ours. */
export interface ImportedLab {
  /** The stack's file. */
  yaml: string;
  /** What was fixed, left out or must be looked at. */
  notes: Note[];
  /** Templates to write into the project. */
  files: CarriedFile[];
}

/** What the command touches. */
export interface CommandIo {
  readDir(path: string): string[];
  readFile(path: string): string;
  exists(path: string): boolean;
  /** Makes a file that must not be there yet. */
  writeNew(path: string, text: string): void;
  out(text: string): void;
  err(text: string): void;
  /** Random id of the new lab. */
  labId(): string;
}

const LETTERS = "abcdefghijkmnpqrstuvwxyz";

export const realIo: CommandIo = {
  readDir: (dir) =>
    fs
      .readdirSync(dir, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name),
  readFile: (file) => fs.readFileSync(file, "utf8"),
  exists: (file) => fs.existsSync(file),
  writeNew: (file, text) => {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text, { flag: "wx" });
  },
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  labId: () => Array.from({ length: 8 }, () => LETTERS[randomInt(LETTERS.length)]).join(""),
};

/** `npm run lab -- <verb> <dir> [--out <file>]`: prints or writes what `convert` makes of a folder. */
export async function importCommand(
  verb: string,
  convert: (dir: string, io: CommandIo) => ImportedLab,
  argv: string[],
  io: CommandIo,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { out: { type: "string" } },
  });
  const dir = positionals[0]?.replace(/(?<=.)\/+$/, "");
  if (dir === undefined || positionals.length > 1)
    throw new Error(`say the folder: "npm run lab -- ${verb} <dir> [--out stacks/Pulumi.<stack>.yaml]"`);
  if (!io.exists(dir)) throw new Error(`there is no folder ${dir}`);
  const { out } = values;
  const imported = convert(dir, io);
  const written = out === undefined ? [] : [{ path: out, text: imported.yaml }, ...imported.files];
  const taken = written.find((file) => io.exists(file.path));
  if (taken) throw new Error(`${taken.path} exists; nothing was written. Move it away or say another --out`);
  for (const file of written) io.writeNew(file.path, file.text);

  if (out === undefined) io.out(imported.yaml.trimEnd());
  for (const { what, why } of imported.notes) io.err(`${what}: ${why}`);
  if (out === undefined) {
    for (const file of imported.files) io.err(`${file.path}: needed by the config; --out writes it`);
  } else {
    for (const file of written) io.err(`made ${file.path}`);
    const [, stack] = /Pulumi\.(.+)\.yaml$/.exec(out) ?? [];
    if (stack) io.err(`Next: npm run lab -- init ${stack}, then npm run lab -- preview`);
  }
  return 0;
}
