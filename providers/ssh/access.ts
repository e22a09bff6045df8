import type { SecretRef } from "../../stacks/config/types";

/** Who can log in to a machine as one of its users. */
export interface AccessInputs {
  /** Logical name of the machine. */
  name: string;
  backend: string;
  /** The user that it is about. */
  user: string;
  /** Who we log in as to do it; another user than `user` needs sudo without a password. */
  login: {
    user: string;
    identityFile?: string;
    /** Jump host, `[user@]host[:port]`. */
    via?: string;
    /** Pinned host key of the jump host; else the user's known_hosts. */
    viaHostKey?: string;
  };
  /** Public keys, each one line. */
  authorizedKeys: string[];
  /** Take keys away that are not listed. */
  exclusive: boolean;
  /** None leaves the password as it is; one that we had set before is closed. */
  password: "generated" | "none" | SecretRef;
  passwordVersion: number;
}

export interface AccessState extends AccessInputs {
  /** Secret; absent unless `password` is `generated`. */
  generatedPassword?: string;
  /** Names the password in force, as the machine's own note does; see access.marker.ts. */
  passwordSerial?: string;
  /** Where the password in force comes from. */
  passwordSource?: "generated" | SecretRef;
  /** False when sshd would not believe the file of keys, because others can write to it. */
  intact: boolean;
  /** The key that we log in with is not listed, and stays although the list is exclusive. */
  keepsLoginKey?: boolean;
}
