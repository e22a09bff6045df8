import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

/** The code that a daemon is made of: another text is another version, and a client of it wants a new daemon. */
const PARTS = [".", "../providers/libvirt/rpc", "../providers/seed"];

let known: string | undefined;

export function codeVersion(): string {
  known ??= compute();
  return known;
}

function compute(): string {
  const hash = createHash("sha256").update(process.version);
  for (const part of PARTS) {
    const folder = path.resolve(__dirname, part);
    const names = (fs.readdirSync(folder, { recursive: true }) as string[]).filter((name) =>
      isCode(folder, name),
    );
    for (const name of names.sort())
      hash.update(`${name}\n`).update(fs.readFileSync(path.join(folder, name)));
  }
  return hash.digest("hex").slice(0, 16);
}

/** Scripts of the stand-in for devstack have no ending, as devstack's own. */
const isCode = (folder: string, name: string): boolean =>
  /\.(ts|cjs|sh)$/.test(name) ||
  (/^devstack\/repository\/.*\w$/.test(name) && fs.statSync(path.join(folder, name)).isFile());
