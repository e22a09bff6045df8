import * as fs from "node:fs";
import * as path from "node:path";
import { describe, it } from "vitest";
import { ensureEmbedded } from "../../embedded/start";
import { available, startVirtualBox } from "../systems/virtualbox/start";
import { makeHome } from "./embedded.fixtures";
import { virtualBoxClientContract } from "./virtualbox-client.suite";

const reason = available();
if (reason && !process.env.CI) {
  describe("VirtualBox client on VBoxManage", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  virtualBoxClientContract("VBoxManage", async () => {
    const { backend, folder, stop } = await startVirtualBox();
    return { backend, folder, stop, canStart: false, hasHostOnly: false };
  });
}

virtualBoxClientContract("the embedded VBoxManage", async () => {
  const { home, remove } = makeHome();
  const lab = await ensureEmbedded({ home });
  process.env.LABPLAN_EMBEDDED_HOME = home;
  const folder = path.join(lab.home, "virtualbox", "contract");
  fs.mkdirSync(folder, { recursive: true });
  return {
    backend: { kind: "virtualbox", host: "embedded:" },
    folder,
    canStart: true,
    hasHostOnly: true,
    stop: async () => {
      delete process.env.LABPLAN_EMBEDDED_HOME;
      await remove();
    },
  };
});
