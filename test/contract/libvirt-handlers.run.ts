import { randomBytes } from "node:crypto";
import type { Definition, Mark, Run } from "../../providers/core/definition";
import { LabError } from "../../providers/core/errors";
import type { BackendConfig } from "../../stacks/config/types";

/** What an operation said and did, beside its result. */
export interface Trace {
  steps: string[];
  said: string[];
  progress: string[];
  /** The last partial state that would have been saved. */
  saved: object | undefined;
}

export interface RunOptions {
  name?: string;
  /** The step before which the process "dies". */
  dieAt?: string;
  secrets?: Record<string, string>;
  trace?: Trace;
  mark?: Partial<Mark>;
}

export const newTrace = (): Trace => ({ steps: [], said: [], progress: [], saved: undefined });

export const LAB = "ct8handl";
export const STACK = "test";

/** Thrown by a run that dies: the test's own, so that no handler can take it for something else. */
export class Killed extends LabError {}

/** The context that the kit would give, without an engine. */
export function runOn<S>(backend: BackendConfig, options: RunOptions = {}): Run<S> {
  const { name = "thing", dieAt, secrets = {}, trace = newTrace() } = options;
  return {
    signal: new AbortController().signal,
    backend,
    mark: { lab: LAB, stack: STACK, name, ...options.mark },
    dryRun: false,
    secret: (ref) => {
      const value = "secret" in ref ? secrets[ref.secret] : undefined;
      if (value === undefined) throw new LabError(`no secret ${JSON.stringify(ref)}`);
      return value;
    },
    progress: (message) => trace.progress.push(message),
    say: (message) => trace.said.push(message),
    async step(title, work) {
      if (title === dieAt) throw new Killed(`killed before "${title}"`);
      trace.steps.push(title);
      return work();
    },
    checkpoint: (partial) => {
      trace.saved = { ...trace.saved, ...partial };
    },
    now: () => new Date(),
    random: randomBytes,
  };
}

/** What `up` does to one resource: look, then converge. */
export async function up<I extends object, S extends I>(
  definition: Definition<I, S>,
  inputs: I,
  run: Run<S>,
  known?: S,
): Promise<S> {
  return definition.reconcile(inputs, await definition.observe(inputs, run, known), run);
}
