import { isIPv6 } from "node:net";
import type { BackendConfig } from "../../stacks/config/types";
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
export function reachOf(backend: BackendConfig): Pick<SshTarget, "identityFile" | "via"> {
  if (backend.kind !== "fog") return {};
  const { identityFile, bastion, bastionHostKey } = backend;
  const options = {
    ...(identityFile === undefined ? {} : { identityFile }),
    ...(bastionHostKey === undefined ? {} : { hostKey: bastionHostKey }),
  };
  return {
    ...(identityFile === undefined ? {} : { identityFile }),
    ...(bastion === undefined ? {} : { via: targetOf(bastion, options) }),
  };
}
