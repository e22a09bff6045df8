import type { VirtualBoxClient, VmFacts } from "./client";
import { type FoundMark, machineMark } from "./marks";
import { plannedInterfaces } from "./network-mark";

/** A host's port that a rule leads to a guest. */
export interface TakenPort {
  protocol: "tcp" | "udp";
  /** "" for all addresses. */
  hostIp: string;
  hostPort: number;
  /** `machine "w1"`, for messages. */
  by: string;
  mark: FoundMark | undefined;
  /** UUID of the machine, if it is one. */
  uuid?: string;
}

export interface TakenMac {
  mac: string;
  by: string;
  mark: FoundMark | undefined;
  uuid: string;
}

export interface HostFacts {
  ports: TakenPort[];
  macs: TakenMac[];
}

/** Long enough for a preview of many machines, each of which asks. */
const KEPT_MS = 15_000;

/** What a host tells, asked for once in a while and not once per machine. */
export class Kept<T> {
  private readonly answers = new WeakMap<object, { at: number; answer: Promise<T> }>();
  private readonly ask: (client: VirtualBoxClient) => Promise<T>;

  constructor(ask: (client: VirtualBoxClient) => Promise<T>) {
    this.ask = ask;
  }

  /** `fresh`: not older than this call. */
  of(client: VirtualBoxClient, fresh = false): Promise<T> {
    const known = this.answers.get(client.place);
    if (known && !fresh && performance.now() - known.at < KEPT_MS) return known.answer;
    const answer = this.ask(client);
    this.answers.set(client.place, { at: performance.now(), answer });
    answer.catch(() => this.answers.delete(client.place));
    return answer;
  }

  /** We changed it ourselves. */
  forget(client: VirtualBoxClient): void {
    this.answers.delete(client.place);
  }
}

async function askHost(client: VirtualBoxClient): Promise<HostFacts> {
  const machines: VmFacts[] = [];
  for (const { uuid, name } of await client.vms()) {
    // One whose settings file is gone says nothing, and is none of our business.
    const facts = name === "<inaccessible>" ? undefined : await client.vm(uuid).catch(() => undefined);
    if (facts) machines.push(facts);
  }
  const networks = await client.natNetworks();
  return {
    macs: machines.flatMap((machine) =>
      machine.nics.map(({ mac }) => ({
        mac,
        by: `machine "${machine.name}"`,
        mark: machineMark(machine.extraData, machine),
        uuid: machine.uuid,
      })),
    ),
    ports: [
      ...machines.flatMap((machine) =>
        machine.nics.flatMap(({ nat }) =>
          (nat?.forwards ?? []).map(({ protocol, hostIp, hostPort }) => ({
            protocol,
            hostIp,
            hostPort,
            by: `machine "${machine.name}"`,
            mark: machineMark(machine.extraData, machine),
            uuid: machine.uuid,
          })),
        ),
      ),
      ...networks.flatMap(({ name, forwards }) =>
        forwards.map(({ protocol, hostIp, hostPort }) => ({
          protocol,
          hostIp,
          hostPort,
          by: `NAT network "${name}"`,
          mark: undefined,
        })),
      ),
    ],
  };
}

/** Ports and MAC addresses of all machines and NAT networks of a host. */
export const hostFacts = new Kept(askHost);
export const bridgedInterfaces = new Kept((client) => client.bridgedInterfaces());
export const hostOnlyInterfaces = new Kept((client) => client.hostOnlyInterfaces());
export const natNetworks = new Kept((client) => client.natNetworks());
export const osTypes = new Kept((client) => client.osTypes());
export const interfacesByPlan = new Kept(plannedInterfaces);
/** Why no machine can be started here; undefined where they can. */
export const startObstacle = new Kept((client) =>
  client.checkKernelModule().then(
    () => undefined,
    (error: Error) => error,
  ),
);
