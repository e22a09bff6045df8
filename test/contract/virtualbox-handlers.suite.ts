import { afterAll, beforeAll, describe } from "vitest";
import { closeHosts } from "../../providers/virtualbox/connect";
import { crashSuite } from "./virtualbox-handlers.crash.suite";
import { exportSuite } from "./virtualbox-handlers.export.suite";
import { foreignSuite } from "./virtualbox-handlers.foreign.suite";
import { type HandlerSystem, wipe } from "./virtualbox-handlers.lab";
import { machineSuite } from "./virtualbox-handlers.machines.suite";

import { manySuite } from "./virtualbox-handlers.many.suite";
import { networkSuite } from "./virtualbox-handlers.networks.suite";
import { runningSuite } from "./virtualbox-handlers.running.suite";
import { snapshotSuite } from "./virtualbox-handlers.snapshots.suite";
import { storageSuite } from "./virtualbox-handlers.storage.suite";

/** The life of every kind of resource, on one VirtualBox. */
export function virtualBoxHandlersContract(title: string, start: () => Promise<HandlerSystem>): void {
  describe(`VirtualBox resources on ${title}`, () => {
    let system: HandlerSystem | undefined;
    beforeAll(async () => {
      system = await start();
      await wipe(system); // VirtualBox comes with a DHCP server
    });
    afterAll(async () => {
      await closeHosts();
      await system?.stop();
    });
    const started = (): HandlerSystem => {
      if (!system) throw new Error("the system did not start");
      return system;
    };
    networkSuite(started);
    storageSuite(started);
    machineSuite(started);
    runningSuite(started);
    snapshotSuite(started);
    foreignSuite(started);
    exportSuite(started);
    crashSuite(started);
    manySuite(started);
  });
}
