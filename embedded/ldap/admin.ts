import { randomBytes } from "node:crypto";
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";

/** Who administers the embedded directory. */
export const ADMIN_DN = "cn=labplan,dc=lab";

/** The administrator's password out of its file. */
export const readAdminPassword = (file: string): string => readFileSync(file, "utf8").trim();

/** The password in `file` (mode 0600), made at random when there is none. */
export function ensureAdminPassword(file: string): string {
  try {
    // Exclusive: of two that start at once, one makes it and the other reads it.
    const descriptor = openSync(file, "wx", 0o600);
    const password = randomBytes(24).toString("base64url");
    writeSync(descriptor, `${password}\n`);
    closeSync(descriptor);
    return password;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return readAdminPassword(file);
  }
}
