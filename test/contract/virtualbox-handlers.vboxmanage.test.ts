import "tsx/cjs"; // the embedded lab is loaded by require()
import { execFileSync } from "node:child_process";
import { describe, it } from "vitest";
import { available, startVirtualBox } from "../systems/virtualbox/start";
import { virtualBoxHandlersContract } from "./virtualbox-handlers.suite";

const reason = available();
if (reason && !process.env.CI) {
  describe("VirtualBox resources on VBoxManage", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  virtualBoxHandlersContract("VBoxManage", async () => {
    const { backend, folder, stop, vboxManage } = await startVirtualBox();
    execFileSync(vboxManage, ["setproperty", "machinefolder", folder]);
    return { backend, canStart: false, hasHostOnly: false, everyCall: false, stop };
  });
}
