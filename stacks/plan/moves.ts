import type { MachineConfig } from "../config/types";
import type { Context } from "./context";
import type { FogHostFacts } from "./fog-hosts";
import { HYPERVISOR_NAMES, hypervisorOf } from "./hypervisor";
import type { MachineFacts } from "./machines";
import { own } from "./stable";

/**
 * A machine whose backend is another one than last time (lock file) is made anew there, and the old one is deleted with
 * its disks: nothing copies them. So it is said, and, where there are disks to lose, refused without `allow: [wipe]`.
 */
export function checkMoves(context: Context, machines: ReadonlyMap<string, MachineFacts>): void {
  for (const machine of machines.values()) {
    const { logical, source, config } = machine;
    const before = own(context.lock.homes, source);
    if (before === undefined || before === config.backend) continue;
    const move = `${logical} moves from ${withKind(context, before)} to ${withKind(context, config.backend)}: it is made anew there`;
    if (!losesDisks(config)) {
      context.notes.push(`${move}.`);
      continue;
    }
    const wasMetal = own(context.config.backends, before)?.kind === "fog";
    const loss = `its disks are not copied and ${wasMetal ? "the host is given back as its `onRelease` said" : `those on ${before} are deleted`}`;
    if (config.allow?.includes("wipe")) context.notes.push(`${move}; ${loss}.`);
    else
      context.problems.add(
        ["machines", logical, "backend"],
        `${move}; ${loss}. If that is meant, add \`allow: [wipe]\` to it until it is done; if not, set \`backend: ${before}\` again.`,
      );
  }
}

/** An existing volume is never deleted; a server's disk, which nobody declares, goes with it. */
const losesDisks = ({ disks = [], image }: MachineConfig): boolean =>
  image !== undefined || disks.some(({ volume }) => volume === undefined);

/**
 * A machine that moves between a hypervisor and bare metal, or between FOG servers. A host is given back as it says
 * itself; what is put on a new one is refused elsewhere.
 */
export function checkFogMoves(context: Context, hosts: ReadonlyMap<string, FogHostFacts>): void {
  for (const { logical, source, config } of hosts.values()) {
    const before = own(context.lock.homes, source);
    if (before === undefined || before === config.backend) continue;
    context.notes.push(
      `${logical} moves from ${withKind(context, before)} to ${withKind(context, config.backend)}: what was there is given up, and nothing of it is copied.`,
    );
  }
}

/** `rack (libvirt)`; without a kind when the config has it no longer. */
function withKind({ config }: Context, name: string): string {
  const backend = own(config.backends, name);
  if (!backend) return name;
  return `${name} (${backend.kind === "fog" ? "FOG" : HYPERVISOR_NAMES[hypervisorOf(backend)]})`;
}
