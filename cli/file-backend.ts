import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

export const PROJECT = "labplan";

export const isFileBackend = (url: string): boolean => url.startsWith("file://");

/** The states of this project's stacks, as text; those that are packed are left out. */
export function statesIn(backendUrl: string): string[] {
  const folder = path.join(backendFolder(backendUrl), ".pulumi", "stacks", PROJECT);
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => fs.readFileSync(path.join(folder, name), "utf8"));
}

export function backendFolder(url: string): string {
  if (url.startsWith("file://~")) return path.join(os.homedir(), url.slice("file://~".length));
  return url.startsWith("file:///") ? fileURLToPath(url) : path.resolve(url.slice("file://".length));
}
