/** Where what we put on a node lies. */

/** Ours on every node: notes, journal, the runner. */
export const STATE = "/var/lib/labplan/devstack";
/** What the runner writes as devstack's user. */
export const RUN = `${STATE}/run`;
export const JOURNAL = `${STATE}/journal.jsonl`;
/** Note of devstack:Host: what we made there. */
export const HOST_NOTE = `${STATE}/host.json`;
/** Note of devstack:Node: whose the clone is. */
export const NODE_NOTE = `${STATE}/node.json`;
/** While it is there, stack.sh has the projects' clones follow their branches. */
export const RECLONE = `${RUN}/reclone`;
/** What nova knows a compute by, kept over an unstack.sh. */
export const COMPUTE_ID = `${STATE}/compute_id`;
/** Runs devstack's scripts, detached from us. */
export const RUNNER = `${STATE}/run.sh`;
/** Our plugin of devstack's, a git repository. */
export const HOOK = `${STATE}/hook`;

/** devstack's own folder, below which `DEST` is the user's home. */
export const cloneOf = ({ home }: { home: string }): string => `${home}/devstack`;
