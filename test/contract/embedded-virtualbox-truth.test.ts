import { describe, it } from "vitest";
import { available, startVirtualBox } from "../systems/virtualbox/start";
import { runProgram, virtualBoxTruth } from "./embedded-virtualbox-truth.suite";

// What the embedded VirtualBox is held to, held against the truth.
const reason = available();
if (reason && !process.env.CI) {
  describe("what VBoxManage answers", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  virtualBoxTruth(
    "VBoxManage",
    async () => {
      const { vboxManage, folder, stop } = await startVirtualBox();
      return { folder, stop, run: runProgram(vboxManage, []) };
    },
    process.env.LABPLAN_RECORD_TRUTH === "1",
  );
}
