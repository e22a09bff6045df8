import "tsx/cjs"; // the SSH client is loaded by require(), as in the provider process
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { closePool } from "../../providers/libvirt/connect";
import type { DomainState } from "../../providers/libvirt/domain";
import { domainDefinition } from "../../providers/libvirt/domain.handlers";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import type { VolumeInputs } from "../../providers/libvirt/volume";
import { volumeDefinition } from "../../providers/libvirt/volume.handlers";
import type { BackendConfig } from "../../stacks/config/types";
import { type DebianGuest, debianAvailable, debianGuest } from "../systems/libvirt/debian";
import { available, type Libvirtd, startLibvirtd } from "../systems/libvirt/start";
import { makeKey } from "../systems/ssh/start";
import { ask } from "./boot-kinds";
import { domain, macOf, network, pool, volume } from "./libvirt-handlers.lab";
import { runOn, up } from "./libvirt-handlers.run";

const reason = available() ?? debianAvailable();
const ADDRESS = "10.199.0.31";
const server = { url: "http://10.199.0.1:8069", bind: "10.199.0.1", httpPort: 8069, tftpPort: 0 };

describe.skipIf(reason)(`a Debian with cloud-init${reason ? ` (not run: ${reason})` : ""}`, () => {
  let daemon: Libvirtd;
  let debian: DebianGuest;
  let backend: BackendConfig;
  const home = mkdtempSync(join(tmpdir(), "labplan-boot-"));

  beforeAll(async () => {
    process.env.LABPLAN_BOOT_HOME = home;
    debian = await debianGuest();
    daemon = await startLibvirtd();
    backend = { kind: "libvirt", uri: daemon.uri };
  }, 600_000);
  afterAll(async () => {
    await closePool();
    await daemon?.stop();
    delete process.env.LABPLAN_BOOT_HOME;
    rmSync(home, { recursive: true, force: true });
  });

  it("takes its host name, its user, its keys and its card from our seed", async () => {
    const mac = macOf("d1");
    await up(
      networkDefinition,
      network("lan", { leases: [{ mac, ip: ADDRESS, hostName: "d1" }] }),
      runOn(backend, { name: "lan" }),
    );
    const disks = pool("disks", "/var/lib/libvirt/images");
    await up(poolDefinition, disks, runOn(backend, { name: "disks" }));
    const image = volume("debian-image", disks, { source: { path: debian.disk } });
    const disk = volume("d1-disk0", disks, { backing: image.name, capacity: 4 * 2 ** 30 });
    for (const one of [image, disk] as VolumeInputs[])
      await up(volumeDefinition, one, runOn(backend, { name: one.name }));
    const identity = `${daemon.stateDir}/id`;
    const publicKey = await makeKey(identity, "ed25519");
    const inputs = domain("d1", {
      hostName: "debian-one",
      memoryMiB: debian.memoryMiB,
      cpus: 2,
      kernel: { kernel: debian.kernel, initrd: debian.initrd, cmdline: debian.cmdline },
      disks: [{ volume: disk.name, pool: disks.name, format: "qcow2" }],
      nics: [{ mac, network: "lan", ip: ADDRESS }],
      cloudInit: { user: "ann", sshKeys: [publicKey], userData: { runcmd: ["touch /run/own-command"] } },
      seedPool: disks.name,
      bootRecord: { url: server.url },
      running: true,
      wait: { for: "address", timeoutS: 400 },
    });
    const run = () => runOn<DomainState>(backend, { name: "d1" });
    const state = await up(domainDefinition, inputs, run());
    expect(state.address).toBe(ADDRESS);

    // Its own unit calls home: with its token, from its address, and with the host key that the seed gave it.
    const { name, uuid, hostName } = inputs;
    const record = { name, backend: "b", uuid, mac, hostName, server, timeoutS: 400 };
    const asked = { kind: "boot:Record", backend, what: "reconcile", inputs: record, secrets: {} } as const;
    const told = await ask(asked, { enter: daemon.enter, env: { LABPLAN_BOOT_HOME: home } }).told;
    expect(told.error).toBeUndefined();
    expect(told.state).toMatchObject({ address: ADDRESS, sshHostKey: state.sshHostKey });

    const ssh = ["ssh", "-i", identity, "-o", "StrictHostKeyChecking=yes"];
    const known = `${daemon.stateDir}/known`;
    await daemon.nsenter(["sh", "-c", `echo '${ADDRESS} ${state.sshHostKey}' >${known}`]);
    const inside = (command: string) =>
      daemon.nsenter([...ssh, "-o", `UserKnownHostsFile=${known}`, `ann@${ADDRESS}`, command], 300);
    let done = await inside("cloud-init status --wait");
    for (let tries = 0; done.code === 255 && tries < 60; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 3_000));
      done = await inside("cloud-init status --wait");
    }
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining("status: done") });
    expect(
      (await inside("hostname; sudo id -un; ls /run/own-command; df -m --output=size / | tail -1")).stdout,
    ).toMatch(/^debian-one\nroot\n\/run\/own-command\n +[34]\d{3}\n$/);
    const unit =
      "systemctl is-active labplan-booted; stat -c %a /etc/labplan/boot.env; sudo systemctl --failed -q";
    expect((await inside(unit)).stdout).toBe("active\n600\n");
    const bootId = (await inside("cat /proc/sys/kernel/random/boot_id")).stdout.trim();
    expect(told.state).toMatchObject({ bootId });
    await domainDefinition.remove(state, run());

    // Made anew on the disk that stayed: another seed, with another host key and token, for the same instance.
    const anew = await up(domainDefinition, inputs, run());
    expect(anew.sshHostKey).not.toBe(state.sshHostKey);
    const again = await ask(asked, { enter: daemon.enter, env: { LABPLAN_BOOT_HOME: home } }).told;
    expect(again.error).toBeUndefined();
    expect(again.state).toMatchObject({ address: ADDRESS, sshHostKey: anew.sshHostKey });
    await domainDefinition.remove(anew, run());
  }, 900_000);
});
