import { createHash, pbkdf2, randomBytes, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";

const derive = promisify(pbkdf2);
const SCHEME = "{PBKDF2-SHA256}";
/** Salted SHA-1, which clients hash with where a server offers no Password Modify. */
const SSHA = "{SSHA}";
const SHA1_LENGTH = 20;
const ITERATIONS = 10_000;
const LENGTH = 32;

/** Salted hash of a password, for the state file. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, ITERATIONS, LENGTH, "sha256");
  return `${SCHEME}${ITERATIONS}$${salt.toString("base64url")}$${key.toString("base64url")}`;
}

export const isHashed = (stored: string): boolean => stored.startsWith(SCHEME) || stored.startsWith(SSHA);

/** True when the password is the one that was hashed. */
export async function checkPassword(password: string, stored: string): Promise<boolean> {
  if (stored.startsWith(SSHA)) {
    const bytes = Buffer.from(stored.slice(SSHA.length), "base64");
    const [digest, salt] = [bytes.subarray(0, SHA1_LENGTH), bytes.subarray(SHA1_LENGTH)];
    const own = createHash("sha1").update(password).update(salt).digest();
    return digest.length === SHA1_LENGTH && timingSafeEqual(own, digest);
  }
  if (!stored.startsWith(SCHEME)) return false;
  const [iterations, salt, key] = stored.slice(SCHEME.length).split("$");
  if (!iterations || !salt || !key) return false;
  const wanted = Buffer.from(key, "base64url");
  const found = await derive(
    password,
    Buffer.from(salt, "base64url"),
    Number(iterations),
    wanted.length,
    "sha256",
  );
  return timingSafeEqual(found, wanted);
}
