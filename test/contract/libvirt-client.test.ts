import { describe, it } from "vitest";
import { available, startLibvirtd } from "../systems/libvirt/start";
import { libvirtClientContract } from "./libvirt-client.suite";

const reason = available();
if (reason && !process.env.CI) {
  describe("libvirt client on libvirtd", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  libvirtClientContract("libvirtd", async () => {
    const daemon = await startLibvirtd();
    return {
      uri: daemon.uri,
      socket: daemon.socket,
      // The daemon's own path: the folder is a mount of its namespace.
      folder: "/var/lib/libvirt/images",
      stop: daemon.stop,
    };
  });
}
