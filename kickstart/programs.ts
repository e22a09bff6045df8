import { accessSync, constants } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** Programs that look at installers' files, where they are installed. */
export type Program = "ksvalidator" | "debconf-set-selections" | "bash" | "sh";

/** Where `npm run systems` puts pykickstart. */
export const kickstartHome = (env: NodeJS.ProcessEnv = process.env): string =>
  path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), ".cache"), "labplan", "kickstart");

/** The path of a program; undefined when it is not here. */
export function findProgram(name: Program, env: NodeJS.ProcessEnv = process.env): string | undefined {
  const folders = [...(env.PATH ?? "").split(path.delimiter), "/usr/bin", "/bin"];
  if (name === "ksvalidator") folders.unshift(path.join(kickstartHome(env), "venv", "bin"));
  return folders
    .filter((folder) => folder !== "")
    .map((folder) => path.join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
