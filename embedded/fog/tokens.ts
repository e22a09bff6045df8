import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { writeFileAtomically } from "../journal";

/** Who may call, as the web page shows it: base64 of what the server compares. */
export interface Tokens {
  apiToken: string;
  /** Of user `fog`. */
  userToken: string;
  /** Of another user, `technician`. */
  otherToken: string;
  /** Of a user whose API access is switched off. */
  closedToken: string;
  /** Of the machines' power service. */
  redfish: { user: string; password: string };
}

/** What is in the file that clients read: no more than they need. */
export const tokenFileIn = (folder: string): string => path.join(folder, "tokens.json");

const fresh = (): string => Buffer.from(randomBytes(64).toString("hex")).toString("base64");

/** Those of the folder, made at the first start. */
export function ensureTokens(folder: string): Tokens {
  const file = tokenFileIn(folder);
  if (fs.existsSync(file)) return JSON.parse(fs.readFileSync(file, "utf8")) as Tokens;
  const tokens: Tokens = {
    apiToken: fresh(),
    userToken: fresh(),
    otherToken: fresh(),
    closedToken: fresh(),
    redfish: { user: "admin", password: randomBytes(12).toString("hex") },
  };
  writeFileAtomically(file, `${JSON.stringify(tokens, null, 2)}\n`);
  return tokens;
}

/** The user, or the status that refuses: the server's token is looked at first. */
export function whoIs(
  tokens: Tokens,
  headers: Record<string, string | string[] | undefined>,
): string | 401 | 403 {
  const sent = (name: string): string => decode(String(headers[name] ?? ""));
  if (sent("fog-api-token") !== decode(tokens.apiToken)) return 403;
  const user = sent("fog-user-token");
  if (user === decode(tokens.userToken)) return "fog";
  return user === decode(tokens.otherToken) ? "technician" : 401;
}

/** As PHP's base64_decode: what is no base64 comes out as something else, and fits nothing. */
const decode = (token: string): string => Buffer.from(token, "base64").toString("utf8").trim();
