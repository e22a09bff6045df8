import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { clientFor } from "../../providers/libvirt/clients";
import { closePool } from "../../providers/libvirt/connect";
import type { DomainState } from "../../providers/libvirt/domain";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import type { BackendConfig } from "../../stacks/config/types";
import { GUEST_UP, guestAvailable, type TinyGuest, tinyGuest } from "../systems/libvirt/guest";
import { available, type Libvirtd, startLibvirtd } from "../systems/libvirt/start";
import { domain, macOf, network, pool } from "./libvirt-handlers.lab";
import { runOn, up } from "./libvirt-handlers.run";

const reason = available() ?? guestAvailable();

describe.skipIf(reason && !process.env.CI)(
  `a machine of ours boots on libvirtd${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let daemon: Libvirtd;
    let client: LibvirtClient;
    let guest: TinyGuest;
    let backend: BackendConfig;

    beforeAll(async () => {
      guest = await tinyGuest();
      daemon = await startLibvirtd();
      backend = { kind: "libvirt", uri: daemon.uri };
      client = await clientFor({ backend });
      process.env.LABPLAN_SHUTDOWN_S = "0.5";
    });
    afterAll(async () => {
      delete process.env.LABPLAN_SHUTDOWN_S;
      await closePool();
      await daemon?.stop();
    });

    /** The marker comes just before sshd listens. */
    async function hostKeyAt(address: string): Promise<string> {
      for (let tries = 0; tries < 20; tries++) {
        const scan = await daemon.nsenter(["ssh-keyscan", "-t", "ed25519", "-T", "5", address]);
        if (scan.stdout.trim()) return scan.stdout.trim().split(" ").slice(1).join(" ");
        await sleep(500);
      }
      return "no answer";
    }

    it("trap libvirt#57: reads our seed, gets its planned address, is waited for, and shows what its console said", async () => {
      const mac = macOf("w1");
      const lan = network("lan", { leases: [{ mac, ip: "10.199.0.21", hostName: "w1" }] });
      const disks = pool("disks", "/var/lib/libvirt/images");
      await up(networkDefinition, lan, runOn(backend, { name: "lan" }));
      await up(poolDefinition, disks, runOn(backend, { name: "disks" }));
      const inputs = domain("w1", {
        hostName: "seeded-by-us",
        memoryMiB: guest.memoryMiB,
        kernel: { kernel: guest.kernel, initrd: guest.initrd, cmdline: guest.cmdline },
        nics: [{ mac, network: "lan", ip: "10.199.0.21" }],
        cloudInit: { sshKeys: ["ssh-ed25519 AAAA me"] },
        seedPool: disks.name,
        running: true,
        wait: { for: "address", timeoutS: 100 },
      });
      // Started apart from the wait, so that the console is listened to from the beginning.
      const run = () => runOn<DomainState>(backend, { name: "w1" });
      const started = await up(domainDefinition, { ...inputs, wait: { for: "none" } }, run());
      const line = marker(await client.domainConsole({ name: "w1", uuid: inputs.uuid, id: -1 }));
      const state = await up(domainDefinition, inputs, run(), started);
      expect(state.address).toBe("10.199.0.21");
      expect(await line).toContain("seeded-by-us 10.199.0.21/24");
      expect(await hostKeyAt("10.199.0.21")).toBe(state.sshHostKey);
      const log = await daemon.nsenter(["cat", "/var/log/libvirt/w1-console.log"]);
      expect(log.stdout).toContain(GUEST_UP);
      await domainDefinition.remove(state, run());
    }, 150_000);
  },
);

/** The line that says that the guest is up. */
async function marker(console: Readable): Promise<string> {
  let text = "";
  for await (const data of console) {
    text += (data as Buffer).toString("latin1");
    const line = text.split("\n").find((candidate) => candidate.includes(GUEST_UP));
    if (line !== undefined && text.indexOf("\n", text.indexOf(GUEST_UP)) > 0) {
      console.destroy();
      return line;
    }
  }
  throw new Error(`the console ended: ${text}`);
}
