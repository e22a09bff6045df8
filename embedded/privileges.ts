import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { LabError } from "../providers/core/errors";

/** Whom the daemon runs as. */
export interface Account {
  uid: number;
  gid: number;
}

/** "nobody" of every Unix; needs no entry in the user database. */
const NOBODY: Account = { uid: 65534, gid: 65534 };

const CLOSED_FOLDERS = "/var/tmp";

/**
 * The account to run as: our own, or, for root, the owner of the state folder where that is not root, else nobody.
 */
export function accountFor(home: string): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    const { uid, gid } = fs.statSync(home);
    if (uid !== 0) return { uid, gid };
  } catch {
    // Not made yet.
  }
  return NOBODY;
}

/**
 * The folder for the state: `home` itself, where the account can reach it. Below a folder that is closed to others (a
 * checkout in /root) it is one in /var/tmp, named after the home, so that the next start finds it again.
 */
export function stateFolderOf(home: string, account: Account | undefined): string {
  if (!account || canReach(home, account)) return home;
  const key = createHash("sha256").update(home).digest("hex").slice(0, 16);
  return path.join(CLOSED_FOLDERS, `labplan-embedded-${key}`);
}

/** Make it, for the account alone. */
export function makeStateFolder(folder: string, account: Account | undefined): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (!account) return;
  const status = fs.lstatSync(folder);
  // In a folder that all may write to, somebody may have been there first.
  if (!status.isDirectory() || (status.uid !== 0 && status.uid !== account.uid)) {
    throw new LabError(`embedded lab: ${folder} belongs to user ${status.uid}. Remove it, and run again.`);
  }
  fs.chownSync(folder, account.uid, account.gid);
  fs.chmodSync(folder, 0o700);
}

/** Whether all folders above can be passed by the account. Folders not made yet will be open. */
function canReach(home: string, account: Account): boolean {
  for (let folder = path.dirname(home); ; folder = path.dirname(folder)) {
    try {
      const { uid, gid, mode } = fs.statSync(folder);
      const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
      if ((mode & bit) === 0) return false;
    } catch {
      // mkdir makes it with 0700: of root, and so closed.
      return false;
    }
    if (folder === path.dirname(folder)) return true;
  }
}

/** From root to the account, for good. Throws when anything of root would stay. */
export function dropTo(account: Account): void {
  if (!process.setgroups || !process.setgid || !process.setuid) return;
  process.setgroups([]);
  process.setgid(account.gid);
  process.setuid(account.uid);
  if (process.getuid?.() === 0 || process.geteuid?.() === 0 || process.getgid?.() === 0) {
    throw new Error("still root after setuid");
  }
}
