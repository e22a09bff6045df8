import { placeOf } from "../config/place";
import type { BackendConfig, MachineConfig } from "../config/types";
import { backendFor } from "./backends";
import { type Context, originOf } from "./context";
import { uuidOf } from "./identity";
import { checkMachine } from "./machine-fields";
import type { NetworkFacts } from "./networks";
import { type NicFacts, planNics } from "./nics";
import type { Seed } from "./seeds";
import { own, sortedKeys } from "./stable";

/** A machine with all its facts. */
export interface MachineFacts extends Seed {
  logical: string;
  config: MachineConfig;
  backend: BackendConfig;
  place: string;
  /** Name at the hypervisor. */
  name: string;
  uuid: string;
  hostName: string;
  /** In the order of the config. */
  nics: NicFacts[];
}

/** Every machine that can be planned; what is wrong with the others is in the problems. */
export function planMachines(
  context: Context,
  networks: ReadonlyMap<string, NetworkFacts>,
): Map<string, MachineFacts> {
  const machines = new Map<string, MachineFacts>();
  for (const logical of sortedKeys(context.config.machines)) {
    const config = own(context.config.machines, logical);
    if (!config) continue;
    checkMachine(context, logical, config);
    const path = ["machines", logical, "backend"];
    const backend = backendFor(context, config.backend, ["libvirt", "embedded"], path);
    if (!backend) continue;
    const seed = context.seeds.of("machines", logical);
    machines.set(logical, {
      ...seed,
      logical,
      config,
      backend,
      place: placeOf(backend),
      name: config.name ?? seed.seed,
      uuid: uuidOf(originOf(context, config.backend, "machine", seed.seed)),
      hostName: config.hostName ?? seed.seed,
      nics: [],
    });
  }
  planNics(context, networks, [...machines.values()]);
  return machines;
}
