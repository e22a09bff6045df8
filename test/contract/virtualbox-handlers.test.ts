import "tsx/cjs"; // the embedded lab is loaded by require()
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ensureEmbedded, stopEmbedded } from "../../embedded/start";
import { virtualBoxHandlersContract } from "./virtualbox-handlers.suite";

const SCRIPT = path.join(__dirname, "../../embedded/virtualbox/VBoxManage.cjs");

virtualBoxHandlersContract("the embedded lab", async () => {
  const home = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-embedded-"));
  fs.chmodSync(home, 0o755);
  process.env.LABPLAN_EMBEDDED_HOME = path.join(home, "home");
  const { virtualBoxSocket } = await ensureEmbedded();
  return {
    backend: { kind: "embedded" },
    command: [process.execPath, SCRIPT, virtualBoxSocket],
    canStart: true,
    hasHostOnly: true,
    everyCall: true,
    stop: async () => {
      await stopEmbedded({ forget: true });
      delete process.env.LABPLAN_EMBEDDED_HOME;
      fs.rmSync(home, { recursive: true, force: true });
    },
  };
});
