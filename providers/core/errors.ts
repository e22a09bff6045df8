/** An error whose message is meant for the user: who, what, what next. Never holds a secret. */
export class LabError extends Error {
  override readonly name: string = "LabError";
}

/** A remote object of the planned name exists, and does not carry our mark. */
export class ForeignObjectError extends LabError {
  override readonly name: string = "ForeignObjectError";
}

/** A backend could not be reached or refused us; says nothing about what exists there. */
export class BackendError extends LabError {
  override readonly name: string = "BackendError";
}

/** A long step ran out of time. */
export class DeadlineError extends LabError {
  override readonly name: string = "DeadlineError";
}

/** Known by its name: a part that is loaded late may bring a class of its own. */
export const isDeadline = (error: unknown): error is DeadlineError =>
  error instanceof Error && error.name === "DeadlineError";
