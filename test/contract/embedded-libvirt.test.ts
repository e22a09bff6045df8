import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { ensureEmbedded, stopEmbedded } from "../../embedded/start";
import { truthContract } from "./embedded-truth.suite";
import { libvirtClientContract } from "./libvirt-client.suite";

const start = async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-embedded-"));
  fs.chmodSync(folder, 0o755);
  const home = path.join(folder, "home");
  const { libvirtSocket } = await ensureEmbedded({ home });
  return {
    uri: `qemu+unix:///system?socket=${libvirtSocket}`,
    socket: libvirtSocket,
    folder: "/var/lib/libvirt/images",
    stop: async () => {
      await stopEmbedded({ home, forget: true });
      fs.rmSync(folder, { recursive: true, force: true });
    },
  };
};

libvirtClientContract("the embedded lab", start);
truthContract("the embedded lab", start);
