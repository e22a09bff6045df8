import type { BackendConfig, SecretRef } from "../../stacks/config/types";

/**
 * What an edit of an input field does to the real thing.
 * - `live`: applied while it runs
 * - `restart`: needs the thing stopped and started again
 * - `recreate`: removed and made again, in that order
 * - `wipe`: data on it are lost; needs `allow: [wipe]`
 * - `ignored`: kept in state, never applied
 */
export type ChangeClass = "live" | "restart" | "recreate" | "wipe" | "ignored";

/** One row of a resource's table of change classes: what happens, and why it must. */
export interface ChangeRule {
  class: ChangeClass;
  /** Half a sentence that follows the class in the preview: "libvirt cannot resize the bridge in place". */
  reason: string;
  /** Edits of the field that cost less: the first rule says the worst. */
  gentler?: { when(from: unknown, to: unknown): boolean; class: ChangeClass; reason: string };
}

export type ChangeTable<I> = { [Field in keyof Required<I>]: ChangeRule };

/** A refusal found before anything is touched. */
export interface Problem {
  /** Input field, or "" for the resource as a whole. */
  field: string;
  /** Who, what, next: see STYLE. Must hold no secret. */
  message: string;
}

/**
 * What a resource author writes: plain functions over plain data, without Pulumi.
 * `I` are the inputs as planned, `S` what is kept in state: the inputs plus the outputs.
 */
export interface Definition<I extends object, S extends I = I> {
  /** `system:Type`, also the resource's type token. A kind stays registered while any state holds it. */
  readonly kind: `${string}:${string}`;
  /** JSON Schema of the inputs, checked once all of them are known. */
  readonly schema: object;
  readonly changes: ChangeTable<I>;
  /**
   * Outputs with only one right value, which a refresh may find otherwise: a stopped network has `active: false`.
   * A difference is an update, told with the sentence.
   */
  readonly expects?: Partial<Record<keyof S & string, { value: unknown; sentence: string }>>;
  /** Outputs that the state must encrypt. */
  readonly secretOutputs?: readonly (keyof S & string)[];
  /** Version of the state's shape; older state goes through `migrate` before any handler sees it. @default 1 */
  readonly schemaVersion?: number;
  migrate?(state: Record<string, unknown>, fromVersion: number): Record<string, unknown>;

  /** Pulumi id; derived from the inputs so that a repeated create gives the same. */
  id(inputs: I): string;
  /**
   * Look at the real thing. Undefined only when it certainly does not exist; throws when it could not look.
   * Returns the live value of every field that the user set (rule 6), plus outputs.
   * `known` is what the state says, where there is one.
   * When `run.offline`, it is never called.
   */
  observe(inputs: I, run: Run<S>, known?: S): Promise<S | undefined>;
  /**
   * Anything that only a look at the backend can refuse (a foreign object of that name). Called in `check`, online
   * only, with no state to compare: of what is new, and of what an edit wipes and so makes anew.
   */
  precheck?(inputs: I, run: Run<S>): Promise<Problem[]>;
  /**
   * Edits that only a look at the live thing can refuse: what is in use there would be lost. Called in `check`, online
   * only, and only where something differs. `run` goes to the machines as they are now: what an edit of theirs makes
   * unknown is as it was.
   */
  precheckEdit?(inputs: I, before: I, run: Run<S>): Promise<Problem[]>;
  /**
   * Edits that no reconcile may carry out (a shrunk disk), told from the inputs before and after alone. Called in
   * `check`, offline too, so that the preview refuses them.
   */
  refuse?(inputs: I, before: I): Problem[];
  /**
   * Sentences of the preview about what differs and is left as it is: an edit that is no change, because only the
   * user's own word acts on it.
   */
  notes?(inputs: I, state: S): string[];
  /** What a preview shows of a new one besides its inputs: a text that it is given, with where each line comes from. */
  announce?(inputs: I): string[];
  /** Converge observed to desired: create, update, resume after a crash and adopt are the same road. Every step idempotent. */
  reconcile(inputs: I, observed: S | undefined, run: Run<S>): Promise<S>;
  /** Remove by mark; what is already gone is success; an adopted object is released instead, unless `onDestroy: delete`. */
  remove(state: S, run: Run<S>): Promise<void>;
}

/** The context of one operation on one resource. */
export interface Run<S = unknown> {
  /** Aborts when the engine goes away; pass it to every wait. */
  readonly signal: AbortSignal;
  /** The backend as configured now; as kept in the state when it is gone from the config (rule 13). */
  readonly backend: BackendConfig;
  /** Ownership mark of this resource: lab id + stack + logical name (rule 8). */
  readonly mark: Mark;
  /** The machine that it lives on or in, as its own resource found it. */
  readonly on?: OnMachine;
  /** Other machines that it has to reach, by logical name, as their own resources found them. */
  readonly peers?: Readonly<Record<string, OnMachine>>;
  /** True in a preview: look, never touch. */
  readonly dryRun: boolean;
  /** Resolve a secret by name. Throws an error that names the reference, never the value. */
  secret(ref: SecretRef): string;
  /** A line on the resource's own row, gone with the next. */
  progress(message: string): void;
  /** A line that stays in the output, at info or warning level. */
  say(message: string, severity?: "info" | "warning"): void;
  /**
   * One named, idempotent step: `run.step("3/7 copy image", work)`. Shows progress, is a point where a test can
   * inject a fault, and stops when the engine is gone.
   */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  /** Partial state, saved if a later step throws. */
  checkpoint(partial: Partial<S>): void;
  now(): Date;
  /** Cryptographically random bytes. */
  random(bytes: number): Buffer;
}

/** How the machine that something lives on is reached, and since when it is what it is. */
export interface OnMachine {
  address?: string;
  sshPort?: number;
  sshHostKey?: string;
  /** ISO 8601 of its imaging; another one means that nothing of before is there any more. */
  since?: string;
}

/** The sign of ownership put on every remote object. */
export interface Mark {
  /** Random lab id of `labplan:lab`. */
  lab: string;
  stack: string;
  /** Logical name of the resource, unique in its kind and stack. */
  name: string;
}

/** `lab/stack/name`, the text form of a mark. */
export const markText = (mark: Mark): string => `${mark.lab}/${mark.stack}/${mark.name}`;

/**
 * Names of things that cannot carry metadata (pools, volumes) begin with this. Dashes of the stack are doubled, so
 * that the prefix of stack "dev" is never one of stack "dev-a".
 */
export const markPrefix = ({ lab, stack }: Pick<Mark, "lab" | "stack">): string =>
  `lp-${lab}-${stack.replaceAll("-", "--")}-`;
