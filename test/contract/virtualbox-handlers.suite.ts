import { afterAll, beforeAll, describe } from "vitest";
import { closeHosts } from "../../providers/virtualbox/connect";
import type { HandlerSystem } from "./virtualbox-handlers.lab";
import { machineSuite } from "./virtualbox-handlers.machines.suite";

/** The life of every kind of resource, on one VirtualBox. */
export function virtualBoxHandlersContract(title: string, start: () => Promise<HandlerSystem>): void {
  describe(`VirtualBox resources on ${title}`, () => {
    let system: HandlerSystem | undefined;
    beforeAll(async () => {
      system = await start();
    });
    afterAll(async () => {
      await closeHosts();
      await system?.stop();
    });
    const started = (): HandlerSystem => {
      if (!system) throw new Error("the system did not start");
      return system;
    };
    machineSuite(started);
  });
}
