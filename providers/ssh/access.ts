import type { SecretRef } from "../../stacks/config/types";

/** Who can log in to a machine as one of its users. */
export interface AccessInputs {
  /** Logical name of the machine. */
  name: string;
  backend: string;
  /** The user that it is about. */
  user: string;
  /** Who we log in as to do it; another user than `user` needs sudo without a password. */
  login: { user: string; identityFile?: string; via?: string; viaHostKey?: string };
  /** Public keys, each one line. */
  authorizedKeys: string[];
  /** Take keys away that are not listed. */
  exclusive: boolean;
  /** None leaves the password as it is. */
  password: "generated" | "none" | SecretRef;
  passwordVersion: number;
}

export interface AccessState extends AccessInputs {
  /** Secret; absent unless `password` is `generated`. */
  generatedPassword?: string;
}
