import * as path from "node:path";

/** `LABPLAN_BOOT_HOME`, else `.labplan/boot` of this project: registrations, boot log and installer files. */
export function bootFolder(env: NodeJS.ProcessEnv = process.env): string {
  const chosen = env.LABPLAN_BOOT_HOME;
  return chosen ? path.resolve(chosen) : path.resolve(__dirname, "..", "..", ".labplan", "boot");
}
