import "tsx/cjs"; // the embedded lab is loaded by require()
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "vitest";
import { ensureEmbedded, stopEmbedded } from "../../embedded/start";
import { available, startLibvirtd } from "../systems/libvirt/start";
import { libvirtHandlersContract } from "./libvirt-handlers.suite";

const FOLDER = "/var/lib/libvirt/images";

libvirtHandlersContract("the embedded lab", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-embedded-"));
  fs.chmodSync(folder, 0o755);
  const home = path.join(folder, "home");
  process.env.LABPLAN_EMBEDDED_HOME = home;
  const { libvirtSocket } = await ensureEmbedded();
  return {
    backend: { kind: "embedded" },
    socket: libvirtSocket,
    folder: FOLDER,
    everyCall: true,
    guestsBoot: true,
    stop: async () => {
      await stopEmbedded({ forget: true });
      delete process.env.LABPLAN_EMBEDDED_HOME;
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
});

const reason = available();
if (reason && !process.env.CI) {
  describe("libvirt resources on libvirtd", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  libvirtHandlersContract("libvirtd", async () => {
    const daemon = await startLibvirtd();
    return {
      backend: { kind: "libvirt", uri: daemon.uri },
      socket: daemon.socket,
      folder: FOLDER,
      everyCall: false,
      guestsBoot: false,
      list: async (folder) => (await daemon.nsenter(["ls", folder])).stdout.split("\n").filter(Boolean),
      limit: async (folder, mebibytes) => {
        if (mebibytes === undefined) return void (await daemon.nsenter(["umount", folder]));
        const size = `size=${mebibytes}m`;
        const again = await daemon.nsenter(["mount", "-o", `remount,${size}`, folder]);
        if (again.code !== 0) await daemon.nsenter(["mount", "-t", "tmpfs", "-o", size, "none", folder]);
      },
      stop: daemon.stop,
    };
  });
}
