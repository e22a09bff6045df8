import type { Run } from "../core/definition";
import { BackendError, LabError } from "../core/errors";
import type { VirtualBoxClient } from "./client";
import { virtualBoxFor } from "./connect";
import { VirtualBoxError } from "./errors";

export { isGone, unlessGone } from "./errors";

/** The client of a run's backend; one queue per host and process. */
export async function clientFor(
  run: Pick<Run, "backend" | "signal"> & Partial<Pick<Run, "progress">>,
): Promise<VirtualBoxClient> {
  const { backend, signal } = run;
  // What a run waits for is told on its row.
  const caller = { signal, tell: (message: string) => run.progress?.(message) };
  if (backend.kind === "embedded") return virtualBoxFor({ kind: "virtualbox", host: "embedded:" }, caller);
  if (backend.kind === "virtualbox") return virtualBoxFor(backend, caller);
  throw new LabError(`a backend of kind ${backend.kind} has no VirtualBox`);
}

/** VirtualBox's own errors with the name of what they are about; all others as they are. */
export async function about<T>(who: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof VirtualBoxError)
      throw new BackendError(`${who}: VirtualBox refused: ${error.message}`, { cause: error });
    throw error;
  }
}
