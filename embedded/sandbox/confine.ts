import * as fs from "node:fs";
import * as path from "node:path";

/** As the kernel's ELOOP. */
const MOST_LINKS = 40;

/**
 * The host's path of a path inside a root folder: links are followed as they would be inside, and `..` ends at the root.
 * The last part may be missing; with `keepLast`, a link in its place is meant itself. This keeps honest links from
 * leading out; a program inside that exchanges a folder for a link at the right moment could still win, and would
 * reach what the daemon's ordinary user can.
 */
export function resolveInside(root: string, name: string, keepLast = false): string {
  let links = 0;
  const parts = name.split("/").filter(Boolean);
  const real: string[] = [];
  while (parts.length > 0) {
    const part = parts.shift() as string;
    if (part === ".") continue;
    if (part === "..") {
      real.pop();
      continue;
    }
    const at = path.join(root, ...real, part);
    const status = fs.lstatSync(at, { throwIfNoEntry: false });
    if (!status?.isSymbolicLink() || (keepLast && parts.length === 0)) {
      real.push(part);
      continue;
    }
    if (++links > MOST_LINKS) throw Object.assign(new Error("too many links"), { code: "ELOOP" });
    const target = fs.readlinkSync(at);
    if (target.startsWith("/")) real.length = 0;
    parts.unshift(...target.split("/").filter(Boolean));
  }
  return path.join(root, ...real);
}
