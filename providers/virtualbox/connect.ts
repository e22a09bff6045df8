import type { VirtualBoxBackend } from "../../stacks/config/types";
import type { VirtualBoxClient } from "./client";

export interface VirtualBoxOptions {
  signal?: AbortSignal;
}

/** The process's client of a host: one queue for all who call. */
export async function virtualBoxFor(
  _backend: VirtualBoxBackend,
  _options: VirtualBoxOptions = {},
): Promise<VirtualBoxClient> {
  throw new Error("not yet");
}
