import { afterAll, beforeAll, describe } from "vitest";
import { type Bench, benchOf, type VirtualBoxSystem } from "./virtualbox-client.fixtures";
import { machineContract } from "./virtualbox-client.machines.suite";
import { networkContract } from "./virtualbox-client.networks.suite";
import { powerContract } from "./virtualbox-client.power.suite";
import { storageContract } from "./virtualbox-client.storage.suite";

/**
 * What every VBoxManage must do for our client: the same tests for the real one and for the embedded lab's, so that the
 * latter cannot drift from the truth.
 */
export function virtualBoxClientContract(name: string, start: () => Promise<VirtualBoxSystem>): void {
  describe(`VirtualBox client on ${name}`, () => {
    let running: Bench | undefined;
    const bench = (): Bench => {
      if (!running) throw new Error("not started");
      return running;
    };
    beforeAll(async () => {
      running = await benchOf(await start());
    });
    afterAll(async () => {
      await running?.client.close();
      await running?.system.stop();
    });

    machineContract(bench);
    storageContract(bench);
    networkContract(bench);
    powerContract(bench);
  });
}
