import * as fs from "node:fs";
import * as path from "node:path";
import { load } from "js-yaml";

interface Trap {
  n: number;
  trap: string;
  /** Why this trap has no test yet; named, never hidden. */
  open?: string;
}

const LISTS = path.join("test", "traps");

/** Lists the known traps of each system that have no test named `trap <page>#<n>`. Exit 1 when there are any. */
export async function traps(_args: string[]): Promise<number> {
  const tested = new Set(testFiles("test").flatMap((file) => namesIn(fs.readFileSync(file, "utf8"))));
  let missing = 0;
  for (const file of fs.readdirSync(LISTS).sort()) {
    const page = path.basename(file, ".yaml");
    const list = load(fs.readFileSync(path.join(LISTS, file), "utf8")) as Trap[];
    const open = list.filter(({ n }) => !tested.has(`${page}#${n}`));
    console.log(`${page}: ${list.length - open.length} of ${list.length} traps have a test`);
    for (const { n, trap, open: why } of open)
      console.log(`  missing: ${page}#${n} ${trap}${why ? ` (${why})` : ""}`);
    missing += open.length;
  }
  return missing > 0 ? 1 : 0;
}

/** `trap libvirt#3: …` in a test's title; several may stand in one: `trap libvirt#3, libvirt#4: …`. */
function namesIn(text: string): string[] {
  const titles = text.match(/["'`]trap [a-z-]+#\d+(?:, *[a-z-]+#\d+)*/g) ?? [];
  return titles.flatMap((title) => title.match(/[a-z-]+#\d+/g) ?? []);
}

function testFiles(folder: string): string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(test|suite)\.ts$/.test(name))
    .map((name) => path.join(folder, name));
}
