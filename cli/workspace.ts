import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

/** Git-ignored folder of everything local: state, passphrase, keys, caches, the embedded lab. */
export const HOME = ".labplan";

/** Environment for every call of Pulumi: what the user has set wins. */
export function pulumiEnv(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const root = process.cwd();
  const set: Record<string, string> = {};
  if (!env.PULUMI_BACKEND_URL) set.PULUMI_BACKEND_URL = `file://${path.join(root, HOME, "state")}`;
  if (!env.PULUMI_CONFIG_PASSPHRASE && !env.PULUMI_CONFIG_PASSPHRASE_FILE)
    set.PULUMI_CONFIG_PASSPHRASE_FILE = path.join(root, HOME, "passphrase");
  return set;
}

/** Folders and the passphrase file (0600), made once. Returns what was made. */
export function ensureWorkspace(): string[] {
  const made: string[] = [];
  const state = path.join(HOME, "state");
  if (!fs.existsSync(state)) {
    fs.mkdirSync(state, { recursive: true, mode: 0o700 });
    made.push(`${state}/ (Pulumi's state; git-ignored)`);
  }
  fs.chmodSync(HOME, 0o700);
  const passphrase = path.join(HOME, "passphrase");
  if (!fs.existsSync(passphrase)) {
    fs.writeFileSync(passphrase, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
    made.push(`${passphrase} (encrypts the secrets in config and state; keep a copy in a safe place)`);
  }
  return made;
}
