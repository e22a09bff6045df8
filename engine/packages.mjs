import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

/** Install what package-lock.json says, unless that was done already for the same lock file. */
export function ensurePackages(root) {
  const wanted = createHash("sha256")
    .update(fs.readFileSync(path.join(root, "package-lock.json")))
    .digest("hex");
  const stamp = path.join(root, "node_modules", ".labplan-lock");
  if (fs.existsSync(stamp) && fs.readFileSync(stamp, "utf8") === wanted) return;
  process.stderr.write("labplan: installing npm packages (once, about 20 s) …\n");
  // npm tells scripts its own path; without npm around us, the one on PATH is taken.
  const [command, ...first] = process.env.npm_execpath
    ? [process.execPath, process.env.npm_execpath]
    : ["npm"];
  const done = spawnSync(command, [...first, "ci", "--no-fund", "--no-audit", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", 2, 2],
  });
  if (done.status !== 0)
    throw new Error(`"npm ci" failed (exit ${done.status ?? done.error?.message}); its messages are above`);
  fs.writeFileSync(stamp, wanted);
}
