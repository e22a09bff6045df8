import { createHash, timingSafeEqual } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { resolveInside } from "./confine";
import { homeOfUser } from "./runner";
import type { Seed } from "./seed";
import type { Login } from "./ssh";

const KEYS = ".ssh/authorized_keys";
/** Of chpasswd in shims.ts. */
const CRYPT = /^\$lp\$([^$]+)\$([0-9a-f]{64})$/;

/** As sshd: what is in the system's own files now. Where there is no file of keys, those of the seed are good. */
export const loginOf = (root: string, seeded: Map<string, string[]>): Login => ({
  keys: (user) => {
    if (!seeded.has(user) && lineOf(root, "etc/passwd", user) === undefined) return [];
    const text = read(root, path.join(homeOfUser(user), KEYS));
    return text === undefined ? (seeded.get(user) ?? []) : keysIn(text);
  },
  hasPassword: (user) => CRYPT.test(lineOf(root, "etc/shadow", user)?.[1] ?? ""),
  isPassword: (user, password) => {
    const [, salt, digest] = CRYPT.exec(lineOf(root, "etc/shadow", user)?.[1] ?? "") ?? [];
    if (salt === undefined || digest === undefined) return false;
    const own = createHash("sha256").update(`${salt}${password}`).digest();
    return timingSafeEqual(own, Buffer.from(digest, "hex"));
  },
});

/** As cloud-init, once for each seed: its keys are added to the users' files, and can be taken out of them again. */
export function applySeedKeys(folder: string, { instanceId, keys }: Seed): void {
  const done = path.join(folder, "seed-keys");
  const seed = createHash("sha256")
    .update(JSON.stringify([instanceId, ...keys]))
    .digest("hex");
  if (fs.existsSync(done) && fs.readFileSync(done, "utf8") === seed) return;
  const root = path.join(folder, "root");
  for (const [user, own] of keys) {
    const before = read(root, path.join(homeOfUser(user), KEYS)) ?? "";
    const missing = own.filter((key) => !before.includes(key));
    if (missing.length === 0) continue;
    const file = resolveInside(root, path.join(homeOfUser(user), KEYS));
    fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
    fs.writeFileSync(
      file,
      `${before}${before && !before.endsWith("\n") ? "\n" : ""}${missing.join("\n")}\n`,
      {
        mode: 0o600,
      },
    );
  }
  fs.writeFileSync(done, seed, { mode: 0o600 });
}

/** Without the options before a key: none of them is followed here. */
const keysIn = (text: string): string[] =>
  text.split("\n").flatMap((line) => {
    const key = /(?:^|\s)((?:ssh|ecdsa|sk)-\S+ AAAA\S+)/.exec(line.trim())?.[1];
    return key === undefined || line.trim().startsWith("#") ? [] : [key];
  });

const lineOf = (root: string, file: string, user: string): string[] | undefined =>
  read(root, file)
    ?.split("\n")
    .map((line) => line.split(":"))
    .find(([name]) => name === user);

function read(root: string, file: string): string | undefined {
  try {
    return fs.readFileSync(resolveInside(root, file), "utf8");
  } catch {
    return undefined;
  }
}
