import { BackendError } from "../core/errors";

/**
 * What a failure of VBoxManage means for us.
 * - `retryable`: a lock or a service that was not ready; nothing was changed (measured, 7.2.22)
 * - `gone`: what was named does not exist
 * - `final`: everything else
 */
export type FailureClass = "retryable" | "gone" | "final";

/** VBoxManage said no. */
export class VirtualBoxError extends BackendError {
  override readonly name: string = "VirtualBoxError";
  /** `VBOX_E_OBJECT_NOT_FOUND`, `NS_ERROR_INVALID_ARG` …; "" where it gave none. */
  readonly code: string;
  readonly failure: FailureClass;
  /** Exit code; 0 for an error text that came with success. */
  readonly exit: number;

  constructor(
    message: string,
    facts: { code: string; failure: FailureClass; exit: number },
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.code = facts.code;
    this.failure = facts.failure;
    this.exit = facts.exit;
  }
}

/** No answer within the deadline: VBoxSVC hangs. It is never killed by us, because machines may depend on it. */
export class VirtualBoxHangs extends BackendError {
  override readonly name: string = "VirtualBoxHangs";
}

/** No machine can be started on this host, because VirtualBox's kernel module is missing. */
export class KernelModuleMissing extends BackendError {
  override readonly name: string = "KernelModuleMissing";
}

/** What VirtualBox says of a machine whose settings file it cannot read (measured on 7.2.22). */
export const isInaccessible = (error: unknown): boolean =>
  error instanceof VirtualBoxError && /object functionality is limited/.test(error.message);

/** VBoxManage is not there, or what is there is not VBoxManage. */
export class VBoxManageMissing extends BackendError {
  override readonly name: string = "VBoxManageMissing";
}

/** VBoxManage said that the thing does not exist; nothing else means that. */
export const isGone = (error: unknown): boolean =>
  error instanceof VirtualBoxError && error.failure === "gone";

/** The answer, or undefined where VirtualBox says that the thing does not exist. */
export async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}
