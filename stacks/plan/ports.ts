import type { ConfigPath, PortForward } from "../config/types";
import { bootPortsHere } from "./boot-ports";
import { type Context, originOf } from "./context";
import { portSpaceOf } from "./hypervisor";
import { portStartOf } from "./identity";
import type { MachineFacts } from "./machines";
import { naturally } from "./names";
import type { NicFacts } from "./nics";
import { own } from "./stable";

/** The port of VirtualBox's host that leads to a machine's SSH. */
export interface SshForward {
  /** Address of the host that it listens at. */
  host: string;
  port: number;
  guestPort: number;
  /** The card that it goes by. */
  nic: NicFacts;
  /** The port is ours, and kept in the lock file. */
  allocated: boolean;
}

const FIRST_PORT = 2200;
const LAST_PORT = 2999;
const SSH_PORT = 22;
const LOOPBACK = "127.0.0.1";
const EVERYWHERE = "0.0.0.0";

/** What takes a port of a host. */
interface Claim {
  who: string;
  protocol: PortForward["protocol"];
  hostIp: string;
  port: number;
  path: ConfigPath;
}

/**
 * Host ports of VirtualBox's NAT: VirtualBox lets two machines have the same one, and then one of them is not
 * reached. So declared ones are compared across all machines of a host, and each machine that can be reached in no
 * other way gets one for its SSH, kept in the lock file.
 */
export function planPorts(context: Context, machines: ReadonlyMap<string, MachineFacts>): void {
  const spaces = new Map<string, MachineFacts[]>();
  for (const machine of [...machines.values()].sort((a, b) => naturally(a.logical, b.logical)))
    if (machine.hypervisor === "virtualbox") {
      const space = portSpaceOf(machine.backend);
      spaces.set(space, [...(spaces.get(space) ?? []), machine]);
    }
  for (const [space, group] of spaces) planSpace(context, space, group);
}

function planSpace(context: Context, space: string, machines: readonly MachineFacts[]): void {
  const claims: Claim[] = space === portSpaceOf({ kind: "virtualbox" }) ? bootPortsHere(context) : [];
  for (const machine of machines)
    for (const claim of declaredBy(machine)) {
      const other = claims.find((one) => clash(one, claim));
      if (other)
        context.problems.add(
          claim.path,
          `${claim.protocol} port ${claim.port} of the host is that of ${other.who === machine.logical ? "another of its own forwards" : other.who} too, and VirtualBox would let one of them fail in silence. Choose another.`,
        );
      else claims.push(claim);
    }

  const open: { machine: MachineFacts; ssh: Omit<SshForward, "port"> }[] = [];
  for (const machine of machines) {
    const ssh = wayOf(machine);
    if (!ssh) continue;
    if (!ssh.allocated) {
      machine.ssh = ssh;
      continue;
    }
    const locked = lockedPort(context, machine);
    if (locked === undefined) {
      open.push({ machine, ssh });
      continue;
    }
    machine.ssh = { ...ssh, port: locked };
    const claim = claimOf(machine, locked);
    const other = claims.find((one) => clash(one, claim));
    if (other)
      context.problems.add(
        other.path,
        `port ${locked} of the host was handed out to the SSH of ${machine.logical} before (lock file), and ${other.who} claims it too. Choose another, or delete that line of the lock file.`,
      );
    else claims.push(claim);
  }

  const taken = new Set(claims.filter(({ protocol }) => protocol === "tcp").map(({ port }) => port));
  for (const { machine, ssh } of open) {
    const port = freePort(context, machine, taken);
    if (port === undefined) {
      context.problems.add(
        ["machines", machine.logical],
        `no port from ${FIRST_PORT} to ${LAST_PORT} of the host is left for its SSH. Give it one: \`forwards: ["3022:22"]\` on its card.`,
      );
      continue;
    }
    taken.add(port);
    machine.ssh = { ...ssh, port };
  }
}

function declaredBy({ logical, nics }: MachineFacts): Claim[] {
  return nics.flatMap(({ index, config }) =>
    (config.forwards ?? []).map(({ protocol, hostIp = LOOPBACK, hostPort }, position) => ({
      who: logical,
      protocol,
      hostIp,
      port: hostPort,
      path: ["machines", logical, "networks", index, "forwards", position],
    })),
  );
}

const claimOf = ({ logical }: MachineFacts, port: number): Claim => ({
  who: logical,
  protocol: "tcp",
  hostIp: LOOPBACK,
  port,
  path: ["machines", logical],
});

const clash = (a: Claim, b: Claim): boolean =>
  a.protocol === b.protocol &&
  a.port === b.port &&
  (a.hostIp === b.hostIp || a.hostIp === EVERYWHERE || b.hostIp === EVERYWHERE);

/** How SSH gets in; undefined where the machine has an address that the host reaches, and where there is no way. */
function wayOf(machine: MachineFacts): SshForward | undefined {
  if (directAddress(machine) !== undefined) return undefined;
  const guestPort = machine.config.wait?.port ?? SSH_PORT;
  for (const nic of machine.nics)
    for (const forward of nic.config.forwards ?? [])
      if (forward.protocol === "tcp" && forward.guestPort === guestPort) {
        const { hostIp = LOOPBACK, hostPort: port } = forward;
        return { host: hostIp === EVERYWHERE ? LOOPBACK : hostIp, port, guestPort, nic, allocated: false };
      }
  const nic =
    machine.nics.find(({ config }) => config.type === "nat") ??
    machine.nics.find(({ network, ip }) => network?.mode === "nat" && ip !== undefined);
  return nic && { host: LOOPBACK, port: 0, guestPort, nic, allocated: true };
}

/** A planned address that VirtualBox's host reaches by itself: on a host-only network, or on the host's own. */
export function directAddress({ nics }: MachineFacts): string | undefined {
  const reached = nics.find(
    ({ ip, network, config }) =>
      ip !== undefined &&
      (config.bridge !== undefined ||
        config.type === "hostonly" ||
        network?.mode === "bridge" ||
        network?.mode === "hostonly"),
  );
  return reached?.ip;
}

/** What a line of the lock file says of a port. */
export const sshHolder = (machine: string): string => `${machine} ssh`;

function lockedPort({ lock }: Context, { config, source }: MachineFacts): number | undefined {
  const ports = own(lock.ports, config.backend) ?? {};
  const found = Object.entries(ports).find(([, holder]) => holder === sshHolder(source));
  return found && Number(found[0]);
}

function freePort(context: Context, machine: MachineFacts, taken: ReadonlySet<number>): number | undefined {
  const count = LAST_PORT - FIRST_PORT + 1;
  const start = portStartOf(originOf(context, machine.config.backend, "machine", machine.seed), count);
  for (let i = 0; i < count; i++) {
    const port = FIRST_PORT + ((start + i) % count);
    if (!taken.has(port)) return port;
  }
  return undefined;
}
