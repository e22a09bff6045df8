import { type CommandIo, importCommand, realIo } from "../import/command";
import { importBooted } from "./import";

/** `npm run lab -- import-booted <dir> [--out <file>]` */
export const importBootedCommand = (argv: string[], io: CommandIo = realIo): Promise<number> =>
  importCommand("import-booted", (dir) => importBooted(dir, io, io.labId()), argv, io);
