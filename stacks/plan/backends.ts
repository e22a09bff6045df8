import { suggest } from "../config/suggest";
import type { BackendConfig, ConfigPath } from "../config/types";
import type { Context } from "./context";
import { badLogicalName } from "./names";
import { own, sortedKeys } from "./stable";

const PUBLIC_KEY =
  /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp(256|384|521)|sk-\S+@openssh\.com) [A-Za-z0-9+/]{32,}={0,3}( .*)?$/;

/** A line as in a `.pub` file or in known_hosts after the host. */
export const isPublicKey = (text: string): boolean => PUBLIC_KEY.test(text.trim());

export function checkBackends({ config, problems }: Context): void {
  for (const name of sortedKeys(config.backends)) {
    const backend = own(config.backends, name);
    if (!backend) continue;
    const path = ["backends", name];
    const bad = badLogicalName(name);
    if (bad) problems.add(path, `backend "${name}": ${bad}. Rename it.`);
    if (backend.kind === "embedded") continue;
    const field = backend.kind === "libvirt" ? "uri" : "url";
    const address = backend.kind === "libvirt" ? backend.uri : backend.url;
    if (holdsPassword(address))
      problems.add(
        [...path, field],
        `backend "${name}": the ${field} holds a password, which would be kept in state in clear. ` +
          (backend.kind === "ldap"
            ? "Write it as `password: { secret: <config key> }`."
            : "Take it out and use a key: `identityFile`, or the ssh agent."),
      );
    if (backend.kind !== "libvirt") continue;
    if (backend.hostKey !== undefined && !isPublicKey(backend.hostKey))
      problems.add(
        [...path, "hostKey"],
        `backend "${name}": the hostKey is no public key. Write the type and the key, as in "ssh-ed25519 AAAA…".`,
      );
    if (backend.poolPath !== undefined && !backend.poolPath.startsWith("/"))
      problems.add(
        [...path, "poolPath"],
        `backend "${name}": the poolPath "${backend.poolPath}" is a folder on the hypervisor. Write an absolute path.`,
      );
    if (backend.pool !== undefined && backend.poolPath !== undefined)
      problems.add(
        [...path, "poolPath"],
        `backend "${name}": poolPath is for a pool of our own, and pool "${backend.pool}" exists already. Leave one of them out.`,
      );
  }
}

/** `scheme://user:password@host`. */
const holdsPassword = (address: string): boolean => /^[^/?#]*:\/\/[^/?#@]*:[^/?#]*@/.test(address);

/** The backend of a thing, or undefined after a problem: it must be declared and of one of `kinds`. */
export function backendFor(
  { config, problems }: Context,
  who: string,
  name: string,
  kinds: readonly BackendConfig["kind"][],
  path: ConfigPath,
): BackendConfig | undefined {
  const backend = own(config.backends, name);
  if (!backend) {
    problems.add(
      path,
      `${who}: no backend "${name}" is declared${suggest(name, sortedKeys(config.backends))}`,
    );
    return undefined;
  }
  if (kinds.includes(backend.kind)) return backend;
  const fitting = sortedKeys(config.backends).filter((other) =>
    kinds.includes(own(config.backends, other)?.kind ?? "embedded"),
  );
  problems.add(
    path,
    `${who}: backend "${name}" is of kind ${backend.kind}, and this needs ${kinds.join(" or ")}.` +
      (fitting.length > 0 ? ` Fitting: ${fitting.join(", ")}.` : " Declare such a backend."),
  );
  return undefined;
}
