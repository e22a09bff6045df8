import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { SshError } from "./errors";
import {
  fingerprint,
  type HostKey,
  type KnownHost,
  knownHostsName,
  lookUp,
  parseHostKey,
} from "./known-hosts";
import { type SshTarget, targetName } from "./target";

/** A key that proves a host, and where we have it from. */
export interface TrustedKey extends HostKey {
  /** `hostKey of the config` or `<file>:<line>`. */
  source: string;
}

/** All that is known about a host's keys before we talk to it. */
export interface HostKeyPolicy {
  trusted: TrustedKey[];
  revoked: TrustedKey[];
  /** Believed when shown, but no ground to call another key changed: entries of the same name on port 22. */
  alsoAccepted: HostKey[];
  /** Hints for the message when the key is not known. */
  notes: string[];
}

/** Signature algorithms by key type, best first. SHA-1 signatures (`ssh-rsa`) are left out, as OpenSSH does. */
const ALGORITHMS = {
  "ssh-ed25519": ["ssh-ed25519"],
  "ecdsa-sha2-nistp256": ["ecdsa-sha2-nistp256"],
  "ecdsa-sha2-nistp384": ["ecdsa-sha2-nistp384"],
  "ecdsa-sha2-nistp521": ["ecdsa-sha2-nistp521"],
  "ssh-rsa": ["rsa-sha2-512", "rsa-sha2-256"],
} as const satisfies Record<string, readonly string[]>;

export type HostKeyAlgorithm = (typeof ALGORITHMS)[keyof typeof ALGORITHMS][number];

const usable = (type: string): type is keyof typeof ALGORITHMS => Object.hasOwn(ALGORITHMS, type);

/** Policy from the pinned keys, where there are any, else from known_hosts texts. Pure. */
export function hostKeyPolicy(
  target: SshTarget,
  files: readonly { path: string; text: string }[],
): HostKeyPolicy {
  const pins = target.hostKey === undefined ? [] : [target.hostKey].flat();
  const policy: HostKeyPolicy = { trusted: [], revoked: [], alsoAccepted: [], notes: [] };
  for (const pin of pins) policy.trusted.push({ ...pinned(target, pin), source: "hostKey of the config" });
  if (pins.length > 0) return policy;

  const port = target.port ?? 22;
  const all = files.map((file) => ({ ...file, found: lookUp(file.text, target.host, port) }));
  const tag = (path: string, keys: KnownHost["trusted"]) =>
    keys.map(({ type, key, line }) => ({ type, key, source: `${path}:${line}` }));
  for (const { path, found } of all) {
    policy.revoked.push(...tag(path, found.revoked));
    policy.trusted.push(...tag(path, found.trusted));
    policy.notes.push(...found.ignored.map(({ line, reason }) => `${path}:${line} was skipped: ${reason}`));
  }
  // ssh does the same: a key known for the host itself is good on any of its ports.
  if (port !== 22 && policy.trusted.length === 0) {
    for (const { path, text } of files) {
      const bare = lookUp(text, target.host, 22);
      policy.revoked.push(...tag(path, bare.revoked));
      policy.alsoAccepted.push(...bare.trusted);
    }
  }
  return policy;
}

/** Read the known_hosts files, where no pin makes that needless, and make the policy. Never writes one. */
export async function loadHostKeyPolicy(target: SshTarget): Promise<HostKeyPolicy> {
  if (target.hostKey !== undefined) return hostKeyPolicy(target, []);
  const paths = target.knownHostsFiles ?? [
    join(homedir(), ".ssh", "known_hosts"),
    "/etc/ssh/ssh_known_hosts",
  ];
  const files = await Promise.all(
    paths.map(async (path) => {
      try {
        return { path, text: await readFile(path, "utf8") };
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === "ENOENT") return { path, text: "" };
        const why = cause instanceof Error ? cause.message : String(cause);
        throw new SshError(targetName(target), "host-key", `cannot read known hosts: ${why}.`, { cause });
      }
    }),
  );
  return hostKeyPolicy(target, files);
}

/**
 * Algorithms to offer, those of the trusted keys first. The client's order decides, so a host with several keys
 * shows one that we can check. The others follow, so that a host without such a key still shows one that the
 * refusal can name.
 */
export function offeredAlgorithms(policy: HostKeyPolicy): HostKeyAlgorithm[] {
  const known = [...policy.trusted, ...policy.alsoAccepted].map((key) => key.type).filter(usable);
  const order = [...known, ...(Object.keys(ALGORITHMS) as (keyof typeof ALGORITHMS)[])];
  return [...new Set(order)].flatMap((type): HostKeyAlgorithm[] => [...ALGORITHMS[type]]);
}

/** Undefined when the shown key proves the host; else the refusal, with what to do. */
export function judgeHostKey(target: SshTarget, policy: HostKeyPolicy, shown: HostKey): SshError | undefined {
  const refuse = (message: string) => new SshError(targetName(target), "host-key", message);
  const same = (other: HostKey) => other.key === shown.key;
  const print = `${shown.type} ${fingerprint(shown.key)}`;

  const revoked = policy.revoked.find(same);
  if (revoked)
    return refuse(`the host showed a revoked key, ${print} (@revoked in ${revoked.source}). Refused.`);
  if (policy.trusted.some(same) || policy.alsoAccepted.some(same)) return undefined;

  const pin = `hostKey: ${shown.type} ${shown.key}`;
  if (policy.trusted.length > 0) {
    const expected = policy.trusted.map((key) => `  ${key.type} ${fingerprint(key.key)} (${key.source})`);
    return refuse(
      [
        "the host key CHANGED. Expected",
        ...expected,
        `but the host showed\n  ${print}`,
        "Another machine may be answering in its place. If you know that it was installed anew, replace the old key:",
        `  ${pin}`,
      ].join("\n"),
    );
  }
  return refuse(
    [
      `the host key is not known: ${print}`,
      `Compare it with what the host itself says (there: ssh-keygen -lf /etc/ssh/ssh_host_${fileWord(shown.type)}_key.pub).`,
      "If they are the same, put this line into the config:",
      `  ${pin}`,
      "or this one into ~/.ssh/known_hosts:",
      `  ${knownHostsName(target.host, target.port ?? 22)} ${shown.type} ${shown.key}`,
      ...policy.notes.map((note) => `(${note})`),
    ].join("\n"),
  );
}

function pinned(target: SshTarget, text: string): HostKey {
  const key = parseHostKey(text);
  const wrong =
    typeof key === "string"
      ? key
      : usable(key.type)
        ? undefined
        : `keys of type ${key.type} cannot be checked`;
  if (typeof key === "object" && wrong === undefined) return key;
  throw new SshError(
    targetName(target),
    "host-key",
    `hostKey is no usable public key: ${wrong}. Paste a line as in /etc/ssh/ssh_host_ed25519_key.pub.`,
  );
}

/** sshd's file names: ssh_host_{ed25519,ecdsa,rsa}_key.pub */
const fileWord = (type: string): string =>
  type === "ssh-ed25519" ? "ed25519" : type.startsWith("ecdsa") ? "ecdsa" : "rsa";
