import { isIPv6 } from "node:net";
import { isEmbedded } from "../../stacks/config/place";
import type { BackendConfig, FogBackend } from "../../stacks/config/types";
import { LabError } from "../core/errors";
import type { SshTarget } from "../ssh/target";

const HOST = /^(?:ssh:\/\/)?(?:(?<user>[^@/]+)@)?(?<host>\[[^\]]+\]|[^:@/]+)(?::(?<port>\d+))?\/?$/;

/** `[ssh://][user@]host[:port]`, with its key and ours. */
export function targetOf(text: string, options: { hostKey?: string; identityFile?: string }): SshTarget {
  const { user, host, port } = HOST.exec(text)?.groups ?? {};
  const name = isIPv6(text) ? text : host?.replace(/^\[|\]$/g, "");
  if (name === undefined)
    throw new LabError(`"${text}" is no SSH host: want user@host, or ssh://user@host:port`);
  const { hostKey, identityFile } = options;
  return {
    host: name,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(hostKey === undefined ? {} : { hostKey }),
    ...(identityFile === undefined ? {} : { identityFile }),
  };
}

/** How the machines of a FOG server are reached: with which key of ours, and through which jump host. */
export async function reachOf(backend: BackendConfig): Promise<Pick<SshTarget, "identityFile" | "via">> {
  const { identityFile, bastion, bastionHostKey } =
    backend.kind === "fog" ? backend : ({} as Partial<FogBackend>);
  const login = identityFile ?? (isEmbedded(backend) ? await embeddedKey() : undefined);
  const options = {
    ...(identityFile === undefined ? {} : { identityFile }),
    ...(bastionHostKey === undefined ? {} : { hostKey: bastionHostKey }),
  };
  return {
    ...(login === undefined ? {} : { identityFile: login }),
    ...(bastion === undefined ? {} : { via: targetOf(bastion, options) }),
  };
}

/** The key that the embedded server's images let in. */
async function embeddedKey(): Promise<string> {
  // Loaded where it is used: no other backend needs it.
  const { ensureEmbedded } = require("../../embedded/start") as typeof import("../../embedded/start");
  return (await ensureEmbedded()).fogIdentityFile;
}
