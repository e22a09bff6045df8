import { afterAll, beforeAll, describe } from "vitest";
import { type CloudLab, type ControlPlane, startCloudLab } from "./devstack-cloud.lab";
import { joinSuite } from "./devstack-join.suite";
import { verifySuite } from "./devstack-verify.suite";

/** The same on the stand-in's APIs and on the real ones, so that the one cannot drift from the other. */
export function cloudContract(name: string, start: () => Promise<ControlPlane>, skip?: string): void {
  const title = skip ? `${name} (not here: ${skip})` : name;
  describe.skipIf(skip)(`a devstack's control plane: ${title}`, () => {
    let lab: CloudLab;
    beforeAll(async () => {
      lab = await startCloudLab(start);
    }, 600_000);
    afterAll(() => lab?.stop(), 60_000);

    verifySuite(() => lab);
    joinSuite(() => lab);
  });
}
