import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FaultRule } from "../../embedded/faults";
import { type FogServer, type FogServerOptions, startFogServer } from "../../embedded/fog/server";
import { changesOf } from "../../providers/core/change";
import type { Definition, Problem } from "../../providers/core/definition";
import type { CaptureInputs } from "../../providers/fog/capture";
import type { FogClient } from "../../providers/fog/client";
import { clientFor, closeServers } from "../../providers/fog/clients";
import type { HostInputs } from "../../providers/fog/host";
import type { ImageInputs } from "../../providers/fog/image";
import type { ImagedHostInputs } from "../../providers/fog/imaged-host";
import type { FogBackend } from "../../stacks/config/types";
import { newTrace, type RunOptions, runOn, type Trace, up } from "./libvirt-handlers.run";

/** The embedded FOG server, alone and with faults by script. */
export interface FogLab {
  server: FogServer;
  backend: FogBackend;
  secrets: Record<string, string>;
  folder: string;
  /** Faults from now on; counted from here. */
  faults(...rules: FaultRule[]): void;
  /** Every call that reached the server, `PUT host/N/edit`. */
  calls: string[];
  client(secrets?: Record<string, string>): Promise<FogClient>;
  /** Of another user: somebody else. */
  other(): Promise<FogClient>;
  stop(): Promise<void>;
}

export async function startLab(options: Partial<FogServerOptions> = {}): Promise<FogLab> {
  const folder = mkdtempSync(join(tmpdir(), "labplan-fog-handlers-"));
  let rules: { rule: FaultRule; seen: number }[] = [];
  const calls: string[] = [];
  const next = (procedure: string): FaultRule | undefined => {
    const name = procedure.replace(/^fog:/, "");
    if (/^(GET|PUT|POST|DELETE|PATCH) /.test(name)) calls.push(name);
    let chosen: FaultRule | undefined;
    for (const entry of rules) {
      if (entry.rule.procedure !== procedure) continue;
      entry.seen++;
      if (entry.rule.nth === undefined || entry.rule.nth === entry.seen) chosen ??= entry.rule;
    }
    return chosen;
  };
  const server = await startFogServer({ folder, faults: { next }, ...options });
  process.env.LABPLAN_FOG_POLL_MS = "20";
  const secrets = { api: server.apiToken, user: server.userToken };
  const backend: FogBackend = {
    kind: "fog",
    url: server.url,
    apiToken: { secret: "api" },
    userToken: { secret: "user" },
  };
  const client = (own = secrets) => clientFor(runOn(backend, { secrets: own }));
  return {
    server,
    backend,
    secrets,
    folder,
    calls,
    faults: (...given) => {
      rules = given.map((rule) => ({ rule, seen: 0 }));
    },
    client,
    other: () => client({ ...secrets, user: server.otherToken }),
    stop: async () => {
      closeServers();
      await server.close();
      delete process.env.LABPLAN_FOG_POLL_MS;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Everything that is in the server, as text that two equal labs share. */
export async function inventory(lab: FogLab): Promise<Record<string, string>> {
  const client = await lab.client();
  const seen: Record<string, string> = {};
  for (const { id: _, ...host } of await client.hosts()) seen[`host ${host.name}`] = JSON.stringify(host);
  for (const { id: _, ...image } of await client.images())
    seen[`image ${image.name}`] = JSON.stringify(image);
  for (const { id, ...task } of await client.activeTasks()) seen[`task ${id}`] = JSON.stringify(task);
  return seen;
}

export async function wipe(lab: FogLab): Promise<void> {
  lab.faults();
  const client = await lab.client();
  for (const host of await client.hosts()) {
    await client.cancelTasks(host);
    await client.deleteHost(host.id);
  }
  for (const { id } of await client.images()) await client.deleteImage(id);
}

/** One kind of resource under test: what the engine would do with it, without an engine. */
export function benchOf<I extends object, S extends I>(
  lab: () => FogLab,
  definition: Definition<I, S>,
  name: string,
) {
  const run = (options: RunOptions = {}) =>
    runOn<S>(lab().backend, { name, ...options, secrets: { ...lab().secrets, ...options.secrets } });
  return {
    run,
    apply: (inputs: I, known?: S, options: RunOptions = {}): Promise<S> =>
      up(definition, inputs, run(options), known),
    remove: (state: S, options: RunOptions = {}): Promise<void> => definition.remove(state, run(options)),
    observe: (inputs: I, known?: S): Promise<S | undefined> => definition.observe(inputs, run(), known),
    precheck: async (inputs: I, options: RunOptions = {}): Promise<Problem[]> =>
      (await definition.precheck?.(inputs, run(options))) ?? [],
    /** What a preview with a refresh would tell: fields that differ, outputs that are wrong, and notes. */
    async preview(inputs: I, known: S): Promise<string[]> {
      const live = await definition.observe(known, run(), known);
      if (!live) return ["gone"];
      const { fields, drifted } = changesOf(
        definition as unknown as Definition<object>,
        live as Record<string, unknown>,
        inputs as Record<string, unknown>,
      );
      return [
        ...fields.map(({ field, class: what }) => `${field}: ${what}`),
        ...drifted.map(({ field }) => `${field} drifted`),
        ...(definition.notes?.(inputs, live) ?? []),
      ];
    },
    trace: (): Trace => newTrace(),
  };
}

export const MAC = "52:54:00:aa:00:01";

export const host = (more: Partial<HostInputs> = {}): HostInputs => ({
  name: "pod1-node1",
  backend: "metal",
  macs: [MAC],
  ...more,
});

export const image = (more: Partial<ImageInputs> = {}): ImageInputs => ({
  name: "rocky9",
  backend: "metal",
  path: "rocky9",
  osId: 50,
  imageType: 1,
  partitionType: 1,
  enabled: true,
  ...more,
});

export const LIMITS = { queuedS: 20, stallS: 20, totalS: 40, bootS: 20 };

export const imaged = (more: Partial<ImagedHostInputs> = {}): ImagedHostInputs => ({
  name: "pod1-node1",
  backend: "metal",
  image: "rocky9",
  generation: 1,
  allow: ["wipe"],
  mac: MAC,
  user: "root",
  power: { kind: "none" },
  proof: {},
  imaging: LIMITS,
  onRelease: "keep",
  ...more,
});

export const capture = (more: Partial<CaptureInputs> = {}): CaptureInputs => ({
  name: "golden",
  backend: "metal",
  host: "pod1-node1",
  generation: 1,
  power: { kind: "none" },
  imaging: LIMITS,
  ...more,
});
