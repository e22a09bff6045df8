/** cloud-init prints the host's public keys between these, and says them again at each first boot. */
const BEGIN = "-----BEGIN SSH HOST KEY KEYS-----";
const END = "-----END SSH HOST KEY KEYS-----";

/** As OpenSSH prefers them, for a machine that has several. */
const ORDER = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"];

/**
 * The SSH host key that a server's console log shows: of the last block, because a log may hold a former boot's.
 * Undefined while cloud-init has not got there; a block without its end is still being printed.
 */
export function hostKeyIn(log: string): string | undefined {
  const begin = log.lastIndexOf(BEGIN);
  const end = log.indexOf(END, begin);
  if (begin < 0 || end < 0) return undefined;
  const keys = [
    ...log
      .slice(begin + BEGIN.length, end)
      .matchAll(/\b((?:ssh|ecdsa)-[a-z0-9-]+) ([A-Za-z0-9+/]{40,}={0,2})/g),
  ];
  const found = ORDER.map((type) => keys.find(([, one]) => one === type)).find((one) => one !== undefined);
  return found && `${found[1]} ${found[2]}`;
}
