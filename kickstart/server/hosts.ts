import { isIPv4 } from "node:net";
import type { SshTarget } from "../../providers/ssh/target";
import type { MachineProgress } from "./progress";
import type { Registration, Stage } from "./types";

/** A registered machine, and what is known of it. Holds no token. */
export interface Host {
  machine: string;
  mac: string;
  /** As its own system says. */
  hostName?: string;
  /** That it called from. */
  address?: string;
  /** `waiting`: registered, and never heard of. */
  stage: Stage | "waiting";
  /** ISO 8601 of its last event. */
  at?: string;
  sshHostKey?: string;
  /** Only after a check. */
  answers?: boolean;
  /** Why it does not answer, or was not asked. */
  why?: string;
  /** Where SSH was tried. */
  ssh?: { host: string; port: number };
}

/** An embedded machine: it answers elsewhere than at the address that it calls from. */
export interface EmbeddedAddress {
  domain: string;
  address: string;
  sshPort: number;
  hostKey: string;
}

const SLICE = 16;

/** The registered machines in the order of their names, each with what the log has of its present build. */
export function hostsOf(
  registrations: readonly Registration[],
  progress: readonly MachineProgress[],
): Host[] {
  return registrations
    .map(({ machine, mac, build, ssh }): Host => {
      const seen = progress.find((one) => one.machine === machine && one.build === build);
      return {
        machine,
        mac,
        stage: seen?.stage ?? "waiting",
        ...(seen && { at: seen.at, address: seen.address }),
        ...(seen?.hostName !== undefined && { hostName: seen.hostName }),
        ...(seen?.sshHostKey !== undefined && { sshHostKey: seen.sshHostKey }),
        ...(ssh && { ssh }),
      };
    })
    .sort((a, b) => (a.machine < b.machine ? -1 : 1));
}

/** Ask each machine for its host key, some at a time. Nothing is logged in to, and no other key is believed. */
export async function checkHosts(
  hosts: readonly Host[],
  embedded: readonly EmbeddedAddress[],
  prove: (target: SshTarget) => Promise<unknown>,
): Promise<Host[]> {
  const checked = [...hosts];
  let index = 0;
  const worker = async () => {
    for (let mine = index++; mine < hosts.length; mine = index++) {
      const host = hosts[mine];
      if (host) checked[mine] = await check(host, embedded, prove);
    }
  };
  await Promise.all(Array.from({ length: SLICE }, worker));
  return checked;
}

async function check(
  host: Host,
  embedded: readonly EmbeddedAddress[],
  prove: (target: SshTarget) => Promise<unknown>,
): Promise<Host> {
  const { sshHostKey, address, stage } = host;
  const no = (why: string): Host => ({ ...host, answers: false, why });
  if (stage !== "booted") return no(stage === "waiting" ? "never called" : "not booted yet");
  if (sshHostKey === undefined) return no("it told no ssh host key, and none is believed untold");
  const inside = embedded.find(({ hostKey, domain }) => hostKey === sshHostKey || domain === host.machine);
  const ssh =
    (inside && { host: inside.address, port: inside.sshPort }) ??
    host.ssh ??
    (address !== undefined && !isLoopback(address) ? { host: address, port: 22 } : undefined);
  if (!ssh) return no(`it called from ${address}, behind NAT: no way to it is known`);
  try {
    await prove({ ...ssh, hostKey: sshHostKey });
    return { ...host, ssh, answers: true };
  } catch (error) {
    return { ...host, ssh, answers: false, why: error instanceof Error ? error.message : String(error) };
  }
}

const isLoopback = (address: string): boolean =>
  isIPv4(address) ? address.startsWith("127.") : address === "::1";
