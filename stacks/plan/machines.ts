import type { BootServerInputs } from "../../providers/boot/build";
import type { BackendConfig, MachineConfig } from "../config/types";
import { backendFor } from "./backends";
import { planBootRecords } from "./boot-record";
import { type Context, originOf } from "./context";
import { type Hypervisor, hypervisorOf, hypervisorPlace, MACHINE_KINDS } from "./hypervisor";
import { uuidOf } from "./identity";
import { checkMachine } from "./machine-fields";
import { checkMoves } from "./moves";
import type { NetworkFacts } from "./networks";
import { type NicFacts, planNics } from "./nics";
import { planPorts, type SshForward } from "./ports";
import type { Seed } from "./seeds";
import { own, sortedKeys } from "./stable";
import { resourceKey } from "./types";
import { checkWaits } from "./waits";

/** A machine with all its facts. */
export interface MachineFacts extends Seed {
  logical: string;
  config: MachineConfig;
  backend: BackendConfig;
  hypervisor: Hypervisor;
  place: string;
  /** Name at the hypervisor. */
  name: string;
  uuid: string;
  hostName: string;
  /** In the order of the config. */
  nics: NicFacts[];
  /** How its SSH is reached on VirtualBox, where that is not by its own address. */
  ssh?: SshForward;
  /** Where its own call goes, when it is waited for. */
  bootServer?: BootServerInputs;
}

/** Of its resource. */
export const machineKey = ({ hypervisor, logical }: Pick<MachineFacts, "hypervisor" | "logical">): string =>
  resourceKey(MACHINE_KIND[hypervisor], logical);

const MACHINE_KIND: Record<Hypervisor, string> = {
  libvirt: "libvirt:Domain",
  virtualbox: "virtualbox:Machine",
  openstack: "openstack:Server",
};

/** Every machine of a hypervisor that can be planned; what is wrong with the others is in the problems. */
export function planMachines(
  context: Context,
  networks: ReadonlyMap<string, NetworkFacts>,
): Map<string, MachineFacts> {
  const machines = new Map<string, MachineFacts>();
  for (const logical of sortedKeys(context.config.machines)) {
    const given = own(context.config.machines, logical);
    if (!given) continue;
    const path = ["machines", logical, "backend"];
    const backend = backendFor(context, given.backend, MACHINE_KINDS, path);
    if (backend?.kind === "fog") continue;
    const config = backend ? withDefaultCard(given, backend) : given;
    checkMachine(context, logical, config, backend && hypervisorOf(backend));
    if (!backend) continue;
    const seed = context.seeds.of("machines", logical);
    machines.set(logical, {
      ...seed,
      logical,
      config,
      backend,
      hypervisor: hypervisorOf(backend),
      place: hypervisorPlace(backend),
      name: config.name ?? seed.seed,
      uuid: uuidOf(originOf(context, config.backend, "machine", seed.seed)),
      hostName: config.hostName ?? seed.seed,
      nics: [],
    });
  }
  planNics(context, networks, [...machines.values()]);
  planPorts(context, machines);
  checkWaits(context, machines);
  planBootRecords(context, machines);
  checkMoves(context, machines);
  return machines;
}

/** A machine on VirtualBox without a word on networks is on VirtualBox's own NAT, as one that its window makes. */
const withDefaultCard = (config: MachineConfig, backend: BackendConfig): MachineConfig =>
  config.networks === undefined && hypervisorOf(backend) === "virtualbox"
    ? { ...config, networks: [{ type: "nat" }] }
    : config;
