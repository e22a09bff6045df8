import type { Readable } from "node:stream";
import type { CallOptions, PutOptions } from "./client";

/** Files at VirtualBox's host, by absolute paths. */
export interface HostFiles {
  /** Written to the side, and put in place when whole. */
  put(path: string, content: Uint8Array | string | Readable, options?: PutOptions): Promise<void>;
  /** Undefined when it does not exist. */
  read(path: string, options?: CallOptions): Promise<Buffer | undefined>;
  /** In bytes; undefined when it does not exist. */
  size(path: string, options?: CallOptions): Promise<number | undefined>;
  /** Names; none when the folder does not exist. */
  list(folder: string, options?: CallOptions): Promise<string[]>;
  /** Gone is success. */
  remove(path: string, options?: CallOptions): Promise<void>;
  makeFolder(path: string, options?: CallOptions): Promise<void>;
  /** Gone, and not empty, are success. */
  removeEmptyFolder(path: string, options?: CallOptions): Promise<void>;
  /** `character` for a device file that exists. */
  isDevice(path: string, options?: CallOptions): Promise<boolean>;
  join(...parts: string[]): string;
}

/** A fixed ending: what a killed run left behind is replaced by the next. */
export const partOf = (path: string): string => `${path}.labplan-part`;

export const DEFAULT_MODE = 0o600;
