import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { clientFor } from "../../providers/libvirt/clients";
import { closePool } from "../../providers/libvirt/connect";
import type { DomainState } from "../../providers/libvirt/domain";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import type { BackendConfig } from "../../stacks/config/types";
import { guestAvailable, type TinyGuest, tinyGuest } from "../systems/libvirt/guest";
import { type Libvirtd, available as libvirtdAvailable, startLibvirtd } from "../systems/libvirt/start";
import { type Sshd, available as sshdAvailable, startSshd } from "../systems/ssh/start";
import { domain, macOf, network, pool } from "./libvirt-handlers.lab";
import { runOn, up } from "./libvirt-handlers.run";

const reason = libvirtdAvailable() ?? sshdAvailable() ?? guestAvailable();

describe.skipIf(reason && !process.env.CI)(
  `a guest of another host${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let daemon: Libvirtd;
    let sshd: Sshd;
    let door: Server;
    let guest: TinyGuest;
    let backend: BackendConfig;

    beforeAll(async () => {
      guest = await tinyGuest();
      daemon = await startLibvirtd();
      sshd = await startSshd();
      await daemon.nsenter(["mkdir", "-p", "/run/sshd"]); // for sshd to separate privileges in
      door = await doorInto(daemon, sshd);
      const { port } = door.address() as AddressInfo;
      backend = {
        kind: "libvirt",
        uri: `qemu+ssh://${sshd.user}@127.0.0.1:${port}/system?socket=${daemon.socket}`,
        hostKey: sshd.hostKey,
        identityFile: sshd.identityFile,
      };
      process.env.LABPLAN_SHUTDOWN_S = "0.5";
    });
    afterAll(async () => {
      delete process.env.LABPLAN_SHUTDOWN_S;
      await closePool();
      door?.close();
      await sshd?.stop();
      await daemon?.stop();
    });

    it("is made over SSH, and waited for through that host, which alone can reach it", async () => {
      const mac = macOf("far");
      const lan = network("lan", {
        cidr: "192.0.2.0/24",
        gateway: "192.0.2.1",
        leases: [{ mac, ip: "192.0.2.21", hostName: "far" }],
      });
      const disks = pool("disks", "/var/lib/libvirt/images");
      await up(networkDefinition, lan, runOn(backend, { name: "lan" }));
      await up(poolDefinition, disks, runOn(backend, { name: "disks" }));
      const inputs = domain("far", {
        memoryMiB: guest.memoryMiB,
        kernel: { kernel: guest.kernel, initrd: guest.initrd, cmdline: guest.cmdline },
        nics: [{ mac, network: "lan", ip: "192.0.2.21" }],
        cloudInit: { sshKeys: ["ssh-ed25519 AAAA me"] },
        seedPool: disks.name,
        running: true,
        wait: { for: "ssh", timeoutS: 100 },
      });
      const run = () => runOn<DomainState>(backend, { name: "far" });
      const state = await up(domainDefinition, inputs, run());
      expect(state).toMatchObject({ address: "192.0.2.21", sshPort: 22, running: true });
      expect(await (await clientFor({ backend })).domains()).toHaveLength(1);

      const impostor = { ...inputs, hostKey: sshd.hostKey, wait: { for: "ssh" as const, timeoutS: 20 } };
      await expect(up(domainDefinition, impostor, run(), state)).rejects.toThrow(/host key/);
      await domainDefinition.remove(state, run());
    }, 200_000);
  },
);

/** A port of loopback behind which an sshd stands that is inside the namespaces of the libvirtd: another host. */
async function doorInto(daemon: Libvirtd, sshd: Sshd): Promise<Server> {
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    const [command = "", ...args] = daemon.enter;
    const child = spawn(
      command,
      [
        ...args,
        "/usr/sbin/sshd",
        "-i",
        "-f",
        join(sshd.folder, "sshd_config"),
        "-E",
        join(sshd.folder, "in.log"),
      ],
      { stdio: [socket, socket, "ignore"] },
    );
    socket.on("error", () => child.kill());
    child.on("exit", () => socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}
