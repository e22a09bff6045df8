import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { changesOf } from "../../providers/core/change";
import type { DomainRef, LibvirtClient } from "../../providers/libvirt/client";
import { clientFor } from "../../providers/libvirt/clients";
import type { DomainInputs, DomainState } from "../../providers/libvirt/domain";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import { volumeDefinition } from "../../providers/libvirt/volume.handlers";
import { readDomain } from "../../providers/libvirt/xml/domain-facts";
import { parseXml } from "../../providers/libvirt/xml/parse";
import {
  type HandlerSystem,
  macOf,
  network,
  PREFIX,
  pool,
  uuidOf,
  volume,
  wipe,
} from "./libvirt-handlers.lab";
import { type RunOptions, runOn, up } from "./libvirt-handlers.run";

/** For the tests of one `describe`: a pool with two blank disks and a network before each, nothing after it. */
export function domainBench(system: () => HandlerSystem) {
  let client: LibvirtClient;

  beforeAll(async () => {
    client = await clientFor({ backend: system().backend });
    process.env.LABPLAN_SHUTDOWN_S = "0.5";
  });
  beforeEach(async () => {
    const backend = system().backend;
    const thePool = pool("disks", system().folder);
    await up(poolDefinition, thePool, runOn(backend, { name: "disks" }));
    for (const name of ["one", "two"])
      await up(volumeDefinition, volume(name, thePool, { capacity: 1 << 20 }), runOn(backend, { name }));
    await up(networkDefinition, network("lan"), runOn(backend, { name: "lan" }));
  });
  afterEach(() => wipe(client));
  afterAll(() => {
    delete process.env.LABPLAN_SHUTDOWN_S;
  });

  const run = (name: string, options: RunOptions = {}) =>
    runOn<DomainState>(system().backend, { name, ...options });
  const ref = (name = "w1"): DomainRef => ({ name, uuid: uuidOf(name), id: -1 });
  return {
    client: () => client,
    run,
    ref,
    apply: (inputs: DomainInputs, known?: DomainState, options: RunOptions = {}) =>
      up(domainDefinition, inputs, run(inputs.name, options), known),
    remove: (state: DomainState, options: RunOptions = {}) =>
      domainDefinition.remove(state, run(state.name, options)),
    kept: async () => readDomain(parseXml(await client.domainXml(ref(), { inactive: true }))),
    live: async () => readDomain(parseXml(await client.domainXml(ref()))),
    power: () => client.domainState(ref()),
    /** What a refresh and the preview after it would say. */
    async preview(inputs: DomainInputs, state: DomainState) {
      const seen = await domainDefinition.observe(state, run(state.name), state);
      if (!seen) return "gone";
      const { fields, drifted } = changesOf(domainDefinition, { ...seen }, { ...inputs });
      return [
        ...fields.map((change) => `${change.field} ${change.class}`),
        ...drifted.map(({ field }) => field),
      ];
    },
    /** Every start of a domain while `work` goes on. */
    async startsDuring(work: () => Promise<unknown>): Promise<number> {
      let starts = 0;
      const stop = await client.onDomainEvent((_, event) => {
        if (event === "started") starts++;
      });
      await work();
      await client.hostName(); // events before this answer have arrived
      await stop();
      return starts;
    },
  };
}

export const POOL = `${PREFIX}disks`;
export const disk = (name: string) => ({ volume: `${PREFIX}${name}`, pool: POOL, format: "qcow2" as const });
export const nic = (name: string) => ({ mac: macOf(name), network: "lan" });
export const cloudInit = { user: "me", sshKeys: ["ssh-ed25519 AAAAC3Nza me@home"] };
