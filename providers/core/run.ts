import { randomBytes } from "node:crypto";
import type { BackendConfig } from "../../stacks/config/types";
import type { Run } from "./definition";
import { engineSignal, log } from "./engine";
import { LabError } from "./errors";
import { injectFault } from "./faults";
import { type Hidden, parseMark } from "./hidden";
import { atMachine, onMachine } from "./on-machine";
import { peersOf } from "./peers";
import { currentSettings, resolveSecret } from "./settings";

const PROJECT = "labplan";

/** Row of a resource in the CLI's table. Our resources have no parent, so their URN follows from kind and mark. */
export function urnOf(kind: string, mark: { stack: string; name: string }): string {
  const [module, type] = kind.split(":");
  return `urn:pulumi:${mark.stack}::${PROJECT}::pulumi-nodejs:dynamic/${module}:${type}::${mark.name}`;
}

/** The backend as configured now, as it is written there; the kept copy only when it left the config. */
export function backendOf(name: unknown, kept: BackendConfig): BackendConfig {
  return (typeof name === "string" ? currentSettings().backends[name] : undefined) ?? kept;
}

/** Lines of previews, told once. */
const said = new Set<string>();

/** The context of one operation; `keep` gets each checkpoint. */
export function makeRun<S>(
  kind: string,
  properties: Hidden & { backend?: unknown },
  options: { dryRun: boolean; keep?: (partial: Partial<S>) => void },
): Run<S> {
  const mark = parseMark(properties.__mark);
  const urn = urnOf(kind, { stack: mark.stack, name: properties.__as ?? mark.name });
  const on = onMachine(properties);
  const peers = peersOf(properties);
  const run: Run<S> = {
    signal: engineSignal,
    backend: atMachine(backendOf(properties.backend, properties.__backend), on),
    ...(on ? { on } : {}),
    ...(peers ? { peers } : {}),
    mark,
    dryRun: options.dryRun,
    secret: (ref) => resolveSecret(ref),
    progress: (message) => log({ message, urn, ephemeral: true }),
    say(message, severity = "info") {
      const line = `${urn} ${message}`;
      // A preview looks at a thing from several sides, and a replaced one twice.
      if (options.dryRun && said.has(line)) return;
      if (options.dryRun) said.add(line);
      log({ message, urn, severity });
    },
    async step(title, work) {
      if (engineSignal.aborted) throw new LabError(`stopped before "${title}": the Pulumi engine went away`);
      run.progress(`[${title}]`);
      await injectFault(kind, mark.name, title);
      return work();
    },
    checkpoint: (partial) => options.keep?.(partial),
    now: () => new Date(),
    random: randomBytes,
  };
  return run;
}
