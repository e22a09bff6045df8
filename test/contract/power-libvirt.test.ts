import { describe, it } from "vitest";
import { available } from "../systems/libvirt/start";
import { startRack } from "./power.domains";
import { type PowerSystem, powerContract } from "./power.suite";

const reason = available();

async function start(first: "network" | "disk"): Promise<PowerSystem> {
  const rack = await startRack();
  const hardware = await rack.add("hw1", first);
  const config = {
    kind: "libvirt",
    backend: { kind: "libvirt", uri: rack.daemon.uri },
    domain: hardware.domain,
  } as const;
  return {
    ...hardware,
    config,
    networkOnce: false,
    broken: {
      "no such domain": {
        config: { ...config, domain: "hw9" },
        reason: "missing",
        says: /domain "hw9" does not exist\. Write the name/,
      },
    },
    stop: rack.stop,
  };
}

if (reason && !process.env.CI) {
  describe("power by libvirt", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  powerContract("libvirt, a domain that boots from its disk", () => start("disk"));
  powerContract("libvirt, a domain that boots from the network", () => start("network"));
}
