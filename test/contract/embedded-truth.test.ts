import { describe, it } from "vitest";
import { available, startLibvirtd } from "../systems/libvirt/start";
import { truthContract } from "./embedded-truth.suite";

// The table that the embedded lab is held to, held against the truth.
const reason = available();
if (reason && !process.env.CI) {
  describe("what libvirtd answers", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  truthContract("libvirtd", async () => {
    const daemon = await startLibvirtd();
    return {
      uri: daemon.uri,
      socket: daemon.socket,
      folder: "/var/lib/libvirt/images",
      stop: daemon.stop,
    };
  });
}
