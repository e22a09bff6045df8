import type { BackendConfig, LdapBackend } from "../../stacks/config/types";
import type { Run } from "../core/definition";
import { LabError } from "../core/errors";
import { Directory } from "./client";
import type { Endpoint } from "./endpoint";

/** One directory, with its connection, for each endpoint in this process. */
const directories = new Map<string, Directory>();

/** The directory of a run's backend; its password is read now, so that a rotated one is used at once. */
export async function directoryOf(run: Pick<Run, "backend" | "secret">): Promise<Directory> {
  const endpoint = await endpointOf(run);
  const key = JSON.stringify(endpoint);
  let directory = directories.get(key);
  if (!directory) {
    directory = new Directory(endpoint);
    directories.set(key, directory);
  }
  return directory;
}

/** Close every connection; the next call opens them again. */
export async function closeDirectories(): Promise<void> {
  const all = [...directories.values()];
  directories.clear();
  asked = undefined;
  await Promise.all(all.map((directory) => directory.close()));
}

async function endpointOf({ backend, secret }: Pick<Run, "backend" | "secret">): Promise<Endpoint> {
  if (isEmbedded(backend)) return embeddedEndpoint();
  if (backend.kind !== "ldap")
    throw new LabError(`a VPN user needs a backend of kind ldap or embedded, not ${backend.kind}`);
  const { url, bindDn, password, ca, startTls } = backend;
  return {
    url,
    ...(bindDn ? { bindDn } : {}),
    ...(password ? { password: secret(password) } : {}),
    ...(ca ? { caFile: ca } : {}),
    ...(startTls ? { startTls } : {}),
  };
}

const isEmbedded = (backend: BackendConfig): boolean =>
  backend.kind === "embedded" || (backend.kind === "ldap" && (backend as LdapBackend).url === "embedded:");

/** Asking the daemon costs milliseconds, and each user would ask several times. */
const ASK_AGAIN_MS = 1_000;
let asked: { at: number; endpoint: Promise<Endpoint> } | undefined;

function embeddedEndpoint(): Promise<Endpoint> {
  if (asked && performance.now() - asked.at < ASK_AGAIN_MS) return asked.endpoint;
  const now = { at: performance.now(), endpoint: findEmbedded() };
  asked = now;
  now.endpoint.catch(() => {
    if (asked === now) asked = undefined;
  });
  return now.endpoint;
}

async function findEmbedded(): Promise<Endpoint> {
  // Loaded only where a backend is embedded.
  const { ADMIN_DN, readAdminPassword } =
    require("../../embedded/ldap/admin") as typeof import("../../embedded/ldap/admin");
  const { ensureEmbedded } = require("../../embedded/start") as typeof import("../../embedded/start");
  const { ldapUrl, ldapPasswordFile } = await ensureEmbedded();
  return { url: ldapUrl, bindDn: ADMIN_DN, password: readAdminPassword(ldapPasswordFile) };
}
