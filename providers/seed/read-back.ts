import { JSON_SCHEMA, load } from "js-yaml";
import { BOOT_ENV, tokenIn } from "./boot-record";
import type { HostKey } from "./host-key";

/** What a seed that was given out holds and no state keeps: every later seed of that machine carries on with it. */
export interface Kept {
  hostKey?: HostKey;
  /** Of its boot record. */
  bootToken?: string;
}

/** From the user data of a seed that we wrote, where the user's own may have put another key in place of ours. */
export function keptIn(userData: string): Kept {
  const tree = load(userData, { schema: JSON_SCHEMA }) as
    | { ssh_keys?: { ed25519_private?: unknown; ed25519_public?: unknown }; write_files?: unknown }
    | undefined;
  const { ed25519_private: privateKey, ed25519_public: publicKey } = tree?.ssh_keys ?? {};
  const files = Array.isArray(tree?.write_files) ? (tree.write_files as unknown[]) : [];
  const bootToken = files.flatMap((file) => {
    const { path, content } = (file ?? {}) as { path?: unknown; content?: unknown };
    return path === BOOT_ENV && typeof content === "string" ? (tokenIn(content) ?? []) : [];
  })[0];
  return {
    ...(typeof privateKey === "string" && typeof publicKey === "string"
      ? { hostKey: { privateKey, publicKey } }
      : {}),
    ...(bootToken === undefined ? {} : { bootToken }),
  };
}
