import { type CommandIo, importCommand, realIo } from "../import/command";
import { importLaas } from "./import";

export type { CommandIo } from "../import/command";

/** `npm run lab -- import-laas <dir> [--out <file>]` */
export const importLaasCommand = (argv: string[], io: CommandIo = realIo): Promise<number> =>
  importCommand("import-laas", (dir) => importLaas(dir, io, io.labId()), argv, io);
