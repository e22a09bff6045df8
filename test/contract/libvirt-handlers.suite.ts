import { afterAll, beforeAll, describe } from "vitest";
import { closePool } from "../../providers/libvirt/connect";
import { crashSuite } from "./libvirt-handlers.crash.suite";
import { domainAdoptionSuite } from "./libvirt-handlers.domain-adoption.suite";
import { domainEditSuite } from "./libvirt-handlers.domain-edits.suite";
import { domainSeedSuite } from "./libvirt-handlers.domain-seeds.suite";
import { domainSuite } from "./libvirt-handlers.domains.suite";
import { foreignSuite } from "./libvirt-handlers.foreign.suite";
import type { HandlerSystem } from "./libvirt-handlers.lab";
import { networkSuite } from "./libvirt-handlers.networks.suite";
import { storageSuite } from "./libvirt-handlers.storage.suite";

/** The life of every kind of resource, on one libvirt. */
export function libvirtHandlersContract(title: string, start: () => Promise<HandlerSystem>): void {
  describe(`libvirt resources on ${title}`, () => {
    let system: HandlerSystem | undefined;
    beforeAll(async () => {
      system = await start();
    });
    afterAll(async () => {
      await closePool();
      await system?.stop();
    });
    const started = (): HandlerSystem => {
      if (!system) throw new Error("the system did not start");
      return system;
    };
    networkSuite(started);
    storageSuite(started);
    domainSuite(started);
    domainEditSuite(started);
    domainSeedSuite(started);
    domainAdoptionSuite(started);
    foreignSuite(started);
    crashSuite(started);
  });
}
