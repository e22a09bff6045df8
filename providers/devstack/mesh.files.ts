import type { MeshInputs } from "./types";

/** A file on each node that others write, too, and in which a mesh has a block. */
export interface SharedFile {
  path: string;
  /** Octal, for one that we make. */
  mode: string;
  /** Who writes it: sshd wants the file of keys to be its user's own. */
  as: string;
}

type Whose = Pick<MeshInputs, "user" | "home">;

export const authorizedKeys = ({ user, home }: Whose): SharedFile => ({
  path: `${home}/.ssh/authorized_keys`,
  mode: "600",
  as: user,
});
/** For every user of the node: root's live migrations as well as devstack's user. */
export const knownHosts: SharedFile = { path: "/etc/ssh/ssh_known_hosts", mode: "644", as: "root" };
/** libvirt of one hypervisor logs in to the other as root does, with the key of devstack's user. */
export const rootConfig: SharedFile = { path: "/root/.ssh/config", mode: "600", as: "root" };
export const hostsFile: SharedFile = { path: "/etc/hosts", mode: "644", as: "root" };

export const sharedFiles = (whose: Whose): SharedFile[] => [
  authorizedKeys(whose),
  knownHosts,
  rootConfig,
  hostsFile,
];

/** One node as the others know it. */
export interface Met {
  hostName: string;
  address: string;
  /** `ssh-ed25519 AAAA…` of its sshd. */
  hostKey: string;
  /** Of devstack's user there. */
  publicKey: string;
}

/** Our lines of each file of one node. */
export function blocksFor(
  name: string,
  nodes: Readonly<Record<string, Met>>,
  whose: Whose,
): { file: SharedFile; lines: string[] }[] {
  const sorted = Object.entries(nodes).sort(([a], [b]) => (a < b ? -1 : 1));
  const others = sorted.filter(([other]) => other !== name);
  const namesOf = (one: string, { hostName }: Met) => [...new Set([hostName, one])];
  return [
    { file: authorizedKeys(whose), lines: others.map(([, { publicKey }]) => publicKey) },
    {
      file: knownHosts,
      // Its own as well: a resize to the same host logs in there.
      lines: sorted.map(
        ([one, met]) => `${[met.address, ...namesOf(one, met)].join(",")} ${bare(met.hostKey)}`,
      ),
    },
    {
      file: rootConfig,
      lines:
        others.length === 0
          ? []
          : [
              `Host ${others.flatMap(([one, met]) => [met.address, ...namesOf(one, met)]).join(" ")}`,
              `  User ${whose.user}`,
              `  IdentityFile ${whose.home}/.ssh/id_ed25519`,
              "Match all",
            ],
    },
    { file: hostsFile, lines: others.map(([one, met]) => [met.address, ...namesOf(one, met)].join(" ")) },
  ];
}

const bare = (key: string): string => key.trim().split(/\s+/).slice(0, 2).join(" ");
