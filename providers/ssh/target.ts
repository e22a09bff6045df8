/** A host to reach over SSH. `~/.ssh/config` is not read: what counts stands here. */
export interface SshTarget {
  host: string;
  /** @default 22 */
  port?: number;
  /** Login user. @default the user who runs this */
  user?: string;
  /** Pinned host key, `ssh-ed25519 AAAA…`; several where the host has several. Wins over known_hosts. */
  hostKey?: string | readonly string[];
  /** known_hosts files to believe. @default ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts */
  knownHostsFiles?: readonly string[];
  /** Private key file; then no other key is offered. @default agent, then ~/.ssh/id_ed25519, id_ecdsa, id_rsa */
  identityFile?: string;
  /** Socket of an SSH agent, or false for none. @default $SSH_AUTH_SOCK */
  agent?: string | false;
  /** Jump host: the connection goes through it, and its own host key and login are checked first. */
  via?: SshTarget;
  /** There are no password logins, so that no password can leak. */
  password?: never;
}

/** How messages name a target: `host`, `host:port` or `[::1]:port`. */
export function targetName(target: SshTarget): string {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  return (target.port ?? 22) === 22 ? target.host : `${host}:${target.port}`;
}
