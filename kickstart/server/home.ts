import * as fs from "node:fs";
import * as path from "node:path";

/** Folder of the boot server: what LABPLAN_BOOT_HOME says, else `.labplan/boot` of this project. Not made here. */
export function bootHome(): string {
  const chosen = process.env.LABPLAN_BOOT_HOME;
  return chosen ? path.resolve(chosen) : path.resolve(__dirname, "..", "..", ".labplan", "boot");
}

/** Make it, for this user alone. `.labplan` itself is made so, too. */
export function ensureBootHome(folder = bootHome()): string {
  const made = fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) fs.chmodSync(made, 0o700);
  fs.chmodSync(folder, 0o700);
  return folder;
}
