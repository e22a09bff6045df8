import type { Run } from "../core/definition";
import { BackendError, LabError } from "../core/errors";
import { ERROR, type LibvirtClient, LibvirtError } from "./client";
import { libvirtFor } from "./connect";

/** The client of a run's backend; one connection per URI and process. */
export async function clientFor(run: Pick<Run, "backend">): Promise<LibvirtClient> {
  const { backend } = run;
  if (backend.kind === "embedded") return libvirtFor("embedded:");
  if (backend.kind === "libvirt") {
    const { uri, hostKey, identityFile } = backend;
    return libvirtFor(uri, {
      ...(hostKey === undefined ? {} : { hostKey }),
      ...(identityFile === undefined ? {} : { identityFile }),
    });
  }
  throw new LabError(`a backend of kind ${backend.kind} has no networks, volumes or domains`);
}

const GONE: ReadonlySet<number> = new Set([
  ERROR.noDomain,
  ERROR.noNetwork,
  ERROR.noStoragePool,
  ERROR.noStorageVolume,
]);

/** libvirt said that the thing does not exist; nothing else means that. */
export const isGone = (error: unknown): boolean => error instanceof LibvirtError && GONE.has(error.code);

/** The answer, or undefined where libvirt says that the thing does not exist. */
export async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

/** libvirt's own errors with the name of what they are about; all others as they are. */
export async function about<T>(who: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof LibvirtError)
      throw new BackendError(`${who}: libvirt refused: ${error.message} (code ${error.code})`, {
        cause: error,
      });
    throw error;
  }
}
