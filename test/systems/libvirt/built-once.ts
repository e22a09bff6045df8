import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const CACHE = join(__dirname, "..", "..", "..", ".labplan", "cache");

/**
 * The folder that `build.sh` of a recipe's folder filled, with the arguments for it. Built once for a recipe and
 * what else it is made of, then taken from `.labplan/cache`.
 */
export async function builtOnce(
  name: string,
  recipe: string,
  args: (out: string) => string[],
  ...madeOf: string[]
): Promise<string> {
  const hash = createHash("sha256");
  for (const part of madeOf) hash.update(part);
  for (const file of readdirSync(recipe).sort()) hash.update(readFileSync(join(recipe, file)));
  const target = join(CACHE, `${name}-${hash.digest("hex").slice(0, 12)}`);
  if (existsSync(target)) return target;
  await mkdir(CACHE, { recursive: true, mode: 0o700 });
  const folder = await mkdtemp(join(CACHE, "building-"));
  try {
    await run("bash", [join(recipe, "build.sh"), ...args(folder)], { timeout: 600_000 });
    // Two tests may build at once: the first to be done wins.
    await rename(folder, target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return target;
}

/** This distribution's code name and its own package sources, without those that others added. */
export function distribution(): [codename: string, ...sources: string[]] {
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "stable";
  const files = ["sources.list", "sources.list.d/debian.sources", "sources.list.d/ubuntu.sources"];
  const sources = files
    .map((file) => join("/etc/apt", file))
    .filter((file) => existsSync(file) && /^\s*(deb |Types:)/m.test(readFileSync(file, "utf8")));
  return [codename, ...sources];
}
