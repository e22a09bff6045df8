import { readFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import {
  type AnyAuthMethod,
  type AuthHandlerMiddleware,
  BaseAgent,
  createAgent,
  type IdentityCallback,
  type ParsedKey,
  type SignCallback,
  type SigningRequestOptions,
  utils,
} from "ssh2";
import type { Clock } from "./clock";
import { SshError } from "./errors";
import { type SshTarget, targetName } from "./target";

const DEFAULT_FILES = ["id_ed25519", "id_ecdsa", "id_rsa"];
/** An agent that is stuck must not stop us from trying the key files. */
const AGENT_DEADLINE_MS = 5_000;

/** ssh2's documentation has `false` for "no more", its types have not. */
export const NO_MORE_KEYS = false as unknown as AnyAuthMethod;

/** The keys that we offer to one host, in order, and what came of it. */
export class Login {
  readonly user: string;
  readonly #target: SshTarget;
  readonly #methods: Methods;
  readonly #skipped: readonly string[];
  #next = 0;
  #serverTakes: readonly string[] | undefined;
  #partial = false;

  constructor(target: SshTarget, user: string, methods: Methods, skipped: readonly string[]) {
    this.#target = target;
    this.user = user;
    this.#methods = methods;
    this.#skipped = skipped;
  }

  /** For ssh2: the next key to offer. */
  readonly handler: AuthHandlerMiddleware = (left, partial, next) => {
    // Null on the first call, before the server has said anything.
    if (left as unknown) this.#serverTakes = left;
    if (partial) this.#partial = true;
    const possible = !this.#serverTakes || this.#serverTakes.includes("publickey");
    const attempt = possible && !this.#partial ? this.#methods[this.#next++] : undefined;
    next(attempt ? attempt.method : NO_MORE_KEYS);
  };

  /** The public key that opened the door, `ssh-ed25519 AAAA…`: for an agent, the last one that it signed with. */
  get usedKey(): string | undefined {
    const last = this.#methods[this.#next - 1];
    return last && (last.agent ? last.agent.signedWith : publicLine(last.key));
  }

  /** The error for a server that took none of them. */
  refused(cause?: unknown): SshError {
    const offered = this.#methods.slice(0, this.#next).map(({ label }) => label);
    const takes = this.#serverTakes?.join(", ") ?? "";
    const why = this.#partial
      ? `it took a key and wants more: ${takes}; only logins by key alone are supported`
      : this.#serverTakes && !this.#serverTakes.includes("publickey")
        ? `it takes no keys, only ${takes || "nothing"}`
        : `it took none of: ${offered.join(", ")}`;
    const skipped = this.#skipped.length > 0 ? ` Not offered: ${this.#skipped.join("; ")}.` : "";
    return new SshError(
      targetName(this.#target),
      "login",
      `login of user "${this.user}" refused: ${why}.${skipped} Add a public key of yours to that user's ~/.ssh/authorized_keys there, or set the user or identityFile.`,
      { cause },
    );
  }
}

/**
 * Find the keys to offer: the identity file alone where one is named, else the agent's and the usual files.
 * Passwords and passphrases are never asked for.
 */
export async function loadLogin(target: SshTarget, clock: Clock): Promise<Login> {
  const user = target.user ?? userInfo().username;
  const skipped: string[] = [];
  const agent = await openAgent(target, clock, skipped);
  const methods =
    target.identityFile === undefined
      ? await usualKeys(user, agent, skipped)
      : await namedKey(target, user, target.identityFile, agent);
  if (methods.length > 0) return new Login(target, user, methods, skipped);
  throw new SshError(
    targetName(target),
    "no-key",
    `no key to log in with as "${user}": ${skipped.join("; ")}. Set identityFile, or start an agent and ssh-add a key.`,
  );
}

interface OpenAgent {
  agent: BaseAgent;
  path: string;
  keys: ParsedKey[];
}
/** One way to log in: with a key, or with those of an agent. */
type Method = { method: AnyAuthMethod; label: string } & (
  | { key: ParsedKey; agent?: never }
  | { agent: SomeKeys; key?: never }
);
type Methods = Method[];

async function usualKeys(user: string, agent: OpenAgent | undefined, skipped: string[]): Promise<Methods> {
  const methods: Methods = [];
  if (agent && agent.keys.length > 0) methods.push(agentMethod(user, agent, agent.keys));
  for (const name of DEFAULT_FILES) {
    const path = join(homedir(), ".ssh", name);
    const key = await readKey(path);
    if (key === undefined) continue;
    if (typeof key === "string") skipped.push(`${path} (${key})`);
    // Offering it twice would use up the server's MaxAuthTries.
    else if (!agent?.keys.some((held) => sameKey(held, key))) methods.push(keyMethod(user, path, key));
  }
  if (methods.length === 0 && skipped.length === 0) skipped.push("no agent, no key file in ~/.ssh");
  return methods;
}

async function namedKey(
  target: SshTarget,
  user: string,
  file: string,
  agent: OpenAgent | undefined,
): Promise<Methods> {
  const path = file.startsWith("~/") ? join(homedir(), file.slice(2)) : file;
  const key = await readKey(path);
  if (typeof key === "object") return [keyMethod(user, path, key)];
  // An encrypted or absent private key is of use if the agent holds it: its public half says which it is.
  const half = await readKey(`${path}.pub`);
  const held = agent?.keys.filter((other) => typeof half === "object" && sameKey(other, half)) ?? [];
  if (agent && held.length > 0) return [agentMethod(user, agent, held)];
  const why = key ?? "no such file";
  const next =
    key === ENCRYPTED
      ? `Give it to an agent (ssh-add ${path}) and run again; passphrases are never asked for.`
      : "Name a private key file in identityFile.";
  throw new SshError(targetName(target), "no-key", `cannot use the key ${path}: ${why}. ${next}`);
}

const ENCRYPTED = "encrypted, and no agent holds it";

/** Undefined for no such file; a string says why the file cannot be used. */
async function readKey(path: string): Promise<ParsedKey | string | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? undefined : `cannot be read, ${code}`;
  }
  if (text.includes("BEGIN ENCRYPTED PRIVATE KEY")) return ENCRYPTED;
  const parsed: unknown = utils.parseKey(text);
  if (parsed instanceof Error) {
    if (/passphrase|encrypted/i.test(parsed.message)) return ENCRYPTED;
    return `not a key that can be used (ssh-keygen -p -f ${path} rewrites it in OpenSSH's format)`;
  }
  // ssh2's types do not say that a file may hold several keys.
  const key = (Array.isArray(parsed) ? parsed[0] : parsed) as ParsedKey;
  return path.endsWith(".pub") || key.isPrivateKey() ? key : "a public key, not a private one";
}

async function openAgent(target: SshTarget, clock: Clock, skipped: string[]): Promise<OpenAgent | undefined> {
  const path = target.agent ?? process.env.SSH_AUTH_SOCK;
  if (!path) return undefined;
  try {
    const agent = createAgent(path);
    const keys = await new Promise<ParsedKey[]>((resolve, reject) => {
      const cancel = clock.timer(AGENT_DEADLINE_MS, () => reject(new Error("no answer")));
      agent.getIdentities((error, found) => {
        cancel();
        if (error) reject(error);
        else resolve((found ?? []).map((key) => utils.parseKey(key as ParsedKey)).filter(isKey));
      });
    });
    if (keys.length === 0) skipped.push(`agent ${path} (holds no keys)`);
    return { agent, path, keys };
  } catch (error) {
    skipped.push(`agent ${path} (${error instanceof Error ? error.message : error})`);
    return undefined;
  }
}

const isKey = (key: ParsedKey | Error): key is ParsedKey => !(key instanceof Error);
const sameKey = (a: ParsedKey, b: ParsedKey) => a.getPublicSSH().equals(b.getPublicSSH());

const publicLine = (key: ParsedKey): string => `${key.type} ${key.getPublicSSH().toString("base64")}`;

const keyMethod = (user: string, label: string, key: ParsedKey): Method => ({
  method: { type: "publickey", username: user, key },
  label,
  key,
});

function agentMethod(user: string, open: OpenAgent, keys: ParsedKey[]): Method {
  const agent = new SomeKeys(open.agent, keys);
  const label = `agent ${open.path} (${keys.length} ${keys.length === 1 ? "key" : "keys"})`;
  return { method: { type: "agent", username: user, agent }, label, agent };
}

/** An agent seen through a list of its keys. */
class SomeKeys extends BaseAgent<ParsedKey> {
  readonly #agent: BaseAgent;
  readonly #keys: ParsedKey[];
  /** A server asks for a signature only of a key that it takes. */
  signedWith: string | undefined;

  constructor(agent: BaseAgent, keys: ParsedKey[]) {
    super();
    this.#agent = agent;
    this.#keys = keys;
  }
  override getIdentities(callback: IdentityCallback<ParsedKey>): void {
    callback(undefined, [...this.#keys]);
  }
  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    callback?: SignCallback,
  ): void {
    this.signedWith = publicLine(key);
    if (typeof options === "function") this.#agent.sign(key, data, options);
    else if (callback) this.#agent.sign(key, data, options, callback);
  }
}
