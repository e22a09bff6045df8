import type { dynamic } from "@pulumi/pulumi";
import { Ajv, type ValidateFunction } from "ajv";
import { placeOf } from "../../stacks/config/place";
import type { BackendConfig } from "../../stacks/config/types";
import { changesOf, holdsUnknown, sentence, UNKNOWN } from "./change";
import type { Definition, Problem, Run } from "./definition";
import { BackendError, DeadlineError, LabError } from "./errors";
import { hidden, parseMark, UNFINISHED, visible } from "./hidden";
import { foundIn, inputsOf } from "./inputs";
import { byBackend } from "./limits";
import {
  asItStands,
  goesDown,
  hear,
  isAwaited,
  isWipedOut,
  machineName,
  type On,
  onChange,
  refuseUnplaced,
  SINCE,
} from "./on-machine";
import { areAwaited, peersChanged } from "./peers";
import { backendOf, makeRun } from "./run";
import { configure, currentSettings } from "./settings";
import { refuseWipes, wiping } from "./wipes";

// biome-ignore lint/suspicious/noExplicitAny: the engine's property bags have no type of their own
type Properties = Record<string, any>;

const ajv = new Ajv({ allErrors: true, strict: false });

/** google-protobuf throws on undefined and class instances, after the work was done: give it plain JSON. */
const plain = <T>(value: T): T => JSON.parse(JSON.stringify(value));

interface Failure {
  property: string;
  reason: string;
}

/** Version key of the state's shape, written only when it is not 1. */
const VERSION = "__v";

function refuseOffline(): void {
  if (currentSettings().offline) throw new LabError("offline: nothing is changed; LABPLAN_OFFLINE=0 lets it");
}

/** The SDK prints the stack of whatever check, diff, read and delete throw: to the user it is noise (measured). */
async function withoutStack<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const short = new Error(error instanceof Error ? error.message : String(error), { cause: error });
    if (!process.env.LABPLAN_DEBUG) short.stack = "";
    throw short;
  }
}

/** Turn a resource's definition into what the engine calls. */
export function toDynamicProvider(definition: Definition<object>): dynamic.ResourceProvider {
  const made = handlersOf(definition);
  return {
    ...made,
    check: (olds, news) => withoutStack(async () => made.check(olds, news)),
    diff: (id, olds, news) => withoutStack(async () => made.diff(id, olds, news)),
    read: (id, properties) => withoutStack(async () => made.read(id, properties)),
    delete: (id, properties) => withoutStack(async () => made.delete(id, properties)),
  };
}

function handlersOf(definition: Definition<object>): Required<dynamic.ResourceProvider> {
  const { kind } = definition;
  const version = definition.schemaVersion ?? 1;
  let validate: ValidateFunction | undefined; // compiled once per process: 6 ms per resource otherwise

  /** State of an older version in today's shape, without hidden keys. */
  function current(state: Properties): Properties {
    const from = (state[VERSION] as number | undefined) ?? 1;
    const own = visible(state);
    if (from > version)
      throw new Error(`${kind}: the state was written by a newer version of labplan; update your clone`);
    return from < version ? (definition.migrate?.(own, from) as Properties) : own;
  }

  /** As others name it that live on it. */
  const keyOf = (properties: Properties): string =>
    `${kind} ${properties.__as ?? parseMark(properties.__mark).name}`;

  /** What is returned to the engine: plain, with the hidden keys that refresh and delete need. */
  const returned = (properties: object, from: Properties): Properties =>
    plain({ ...properties, ...hidden(from), ...(version > 1 ? { [VERSION]: version } : {}) });

  async function converge(news: Properties, olds?: Properties): Promise<{ id: string; outs: Properties }> {
    const inputs = visible(news);
    const known = olds && current(olds);
    const id = definition.id(inputs);
    let partial: object | undefined = known;
    const run = makeRun<object>(kind, news as never, {
      dryRun: false,
      keep: (more) => {
        partial = { ...known, ...inputs, ...partial, ...more };
      },
    });
    try {
      refuseUnplaced(run.backend, run.on);
      const observed = await definition.observe(inputs, run, known as object | undefined);
      const made = await definition.reconcile(inputs, observed, run);
      const outs = returned(made, { ...news, ...foundIn(definition, inputs, made) });
      hear(keyOf(news), outs[SINCE]);
      return { id, outs };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      // A step may have made it before the first checkpoint. Only what is ours is seen, so a foreign one stays out.
      if (!partial && !run.signal.aborted)
        partial = await definition.observe(inputs, run).catch(() => undefined);
      // Nothing exists yet: the engine forgets the resource. A new error, because any `id` field on a library's
      // own would be taken for a half-made resource.
      if (!partial) throw new Error(message, { cause: error });
      // With `id` the engine keeps `properties` and retries by update(); without __provider delete would be stuck.
      throw Object.assign(new Error(message, { cause: error }), {
        id,
        reasons: [message],
        properties: { ...returned(partial, news), [UNFINISHED]: message },
      });
    }
  }

  /** What a look at the backend refuses. A backend that cannot be looked at is a refusal too, so that all are told at once. */
  async function foreign(inputs: object, news: Properties, isNew: boolean): Promise<Failure[]> {
    const made = makeRun<object>(kind, news as never, { dryRun: true });
    // What an edit does is told where it is compared.
    const run = isNew ? made : { ...made, say: () => {} };
    if (isAwaited(news)) {
      run.say(`not checked: ${machineName(news.__on)} is not there yet, or is imaged anew`);
      return [];
    }
    if (areAwaited(news)) {
      run.say("not checked: a machine that it has to reach is not there yet, or is imaged anew");
      return [];
    }
    return refusals(run, async () => definition.precheck?.(inputs, run));
  }

  async function refusals(run: Run<object>, look: () => Promise<Problem[] | undefined>): Promise<Failure[]> {
    try {
      refuseUnplaced(run.backend, run.on);
      const problems = await byBackend(run, async () => (await look()) ?? []);
      return problems.map(({ field, message }) => ({ property: `${kind}/${field}`, reason: message }));
    } catch (error) {
      return [{ property: kind, reason: error instanceof Error ? error.message : String(error) }];
    }
  }

  /** What a look at the live thing refuses of an edit. */
  async function inUse(inputs: object, news: Properties, olds: Properties): Promise<Failure[]> {
    const before = visible(olds);
    if (!definition.precheckEdit || changesOf(definition, before, inputs as Properties).fields.length === 0)
      return [];
    const run = makeRun<object>(kind, asItStands(news, olds) as never, { dryRun: true });
    return refusals(run, async () => definition.precheckEdit?.(inputs, before, run));
  }

  /**
   * A machine whose user locks us out must not keep anybody from destroying the lab: what cannot be looked at for that
   * reason is taken as the state has it.
   */
  async function look(
    run: Run<object>,
    state: Properties,
    properties: Properties,
  ): Promise<object | undefined | "unseen"> {
    try {
      if (properties.__on) refuseUnplaced(run.backend, run.on);
      return await byBackend(run, () => definition.observe(state, run, state));
    } catch (error) {
      const isWay = error instanceof BackendError || error instanceof DeadlineError;
      if (!properties.__on || !isWay) throw error;
      run.say(`could not be looked at, and is taken as the state has it: ${error.message}`, "warning");
      return "unseen";
    }
  }

  return {
    async configure(request) {
      configure(request.config as unknown as { get(key: string): string | undefined });
    },

    async check(olds, news) {
      const inputs = visible(news as Properties);
      if (holdsUnknown(inputs)) return { inputs: news };
      validate ??= ajv.compile(definition.schema);
      // Never a bare key as property: the CLI prints that key's value, secrets included (measured).
      const failures = validate(inputs)
        ? []
        : (validate.errors ?? []).map(({ instancePath, message = "is invalid" }) => ({
            property: `${kind}${instancePath}`,
            reason: message,
          }));
      const isNew = Object.keys(olds as Properties).length === 0;
      if (failures.length === 0 && !isNew)
        failures.push(
          ...refuseWipes(definition, inputs, visible(olds as Properties)).map(({ field, message }) => ({
            property: `${kind}/${field}`,
            reason: message,
          })),
        );
      if (failures.length === 0 && !isNew && definition.refuse)
        failures.push(
          ...definition.refuse(inputs, visible(olds as Properties)).map(({ field, message }) => ({
            property: `${kind}/${field}`,
            reason: message,
          })),
        );
      if (failures.length === 0 && isNew && definition.announce) {
        const run = makeRun<object>(kind, news as never, { dryRun: true });
        for (const line of definition.announce(inputs)) run.say(line);
      }
      // What is wiped is made anew: better refused now than with half of it gone.
      const isMade = isNew || wiping(definition, inputs, visible(olds as Properties)).length > 0;
      if (failures.length === 0 && isMade && !currentSettings().offline)
        failures.push(...(await foreign(inputs, news, isNew)));
      if (failures.length === 0 && !isNew && !currentSettings().offline)
        failures.push(...(await inUse(inputs, news, olds as Properties)));
      return { inputs: news, failures };
    },

    async diff(_id, olds, news) {
      const run = makeRun<object>(kind, news as never, { dryRun: true });
      const { fields, drifted } = changesOf(
        definition,
        current(olds as Properties),
        visible(news as Properties),
      );
      for (const change of fields) run.say(sentence(change));
      for (const { sentence: line } of drifted) run.say(line);
      const known = current(olds as Properties);
      for (const line of definition.notes?.(visible(news as Properties), known) ?? []) run.say(line);
      const unfinished = (olds as Properties)[UNFINISHED] as string | undefined;
      if (unfinished) run.say(`the last run did not finish it, and this one carries on: ${unfinished}`);
      const { __with: withWhat, __on: on } = news as Properties;
      const moved = onChange((olds as Properties).__on, on);
      const rewired = peersChanged((olds as Properties).__peers, (news as Properties).__peers);
      if (moved?.sentence) run.say(moved.sentence);
      if (on === UNKNOWN) goesDown(keyOf(olds as Properties), (olds as Properties).__on);
      // Also asked with the inputs of before: of what goes down with another thing, and after each refresh.
      else if (moved) hear((on as On).key, (on as On).since);
      hear(keyOf(olds as Properties), (olds as Properties)[SINCE]);
      return {
        changes:
          fields.length + drifted.length > 0 || unfinished !== undefined || moved !== undefined || rewired,
        replaces: [
          ...fields
            .filter((change) => change.class === "recreate" && !holdsUnknown(change.to))
            .map((c) => c.field),
          // Only the engine makes this one unknown, when it asks what goes down with a replaced network or volume.
          ...(withWhat === UNKNOWN ? ["__with"] : []),
          ...(moved?.anew ? ["__on"] : []),
        ],
        deleteBeforeReplace: true,
      };
    },

    async create(inputs) {
      refuseOffline();
      return byBackend(makeRun(kind, inputs, { dryRun: true }), () => converge(inputs));
    },

    async update(_id, olds, news) {
      refuseOffline();
      const done = await byBackend(makeRun(kind, news, { dryRun: true }), () => converge(news, olds));
      return { outs: done.outs };
    },

    async read(id, properties) {
      if (!properties) return {};
      const state = current(properties);
      if (currentSettings().offline)
        return { id, props: properties, inputs: inputsOf(definition, properties) };
      const run = makeRun<object>(kind, properties as never, { dryRun: true });
      const backend = backendOf(properties.backend, properties.__backend);
      const live = await look(run, state, properties);
      if (live === "unseen") return { id, props: properties, inputs: inputsOf(definition, properties) };
      if (!live) {
        refuseMoved(kind, properties, backend);
        return {};
      }
      // Not merged with the state: a field that a handler leaves out is gone from the real thing.
      const found = returned(live, { ...properties, __backend: backend });
      hear(keyOf(properties), found[SINCE]);
      return { id, props: found, inputs: inputsOf(definition, found) };
    },

    async delete(_id, properties) {
      refuseOffline();
      if (isWipedOut(keyOf(properties), properties)) return;
      const run = makeRun<object>(kind, properties, { dryRun: false });
      refuseUnplaced(run.backend, run.on);
      await byBackend(run, () => definition.remove(current(properties), run));
    },
  };
}

/**
 * Nothing of ours at the place that the backend's name means now, and it meant another one when this was made: that
 * is no proof that the thing is gone.
 */
function refuseMoved(kind: string, properties: Properties, now: BackendConfig): void {
  const [there, here] = [properties.__backend as BackendConfig, now].map(placeOf);
  if (there === here) return;
  throw new LabError(
    `${kind} ${properties.__mark}: made at ${there}, and its backend "${properties.backend}" now points to ${here}, where it is not. Give the new place a name of its own, or point the backend back and remove this first.`,
  );
}
