import "tsx/cjs"; // the embedded lab is loaded by require()
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "vitest";
import { ensureEmbedded, stopEmbedded } from "../../embedded/start";
import type { BuildInputs } from "../../providers/boot/build";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { clientFor as libvirtClient } from "../../providers/libvirt/clients";
import { closePool } from "../../providers/libvirt/connect";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import { volumeDefinition } from "../../providers/libvirt/volume.handlers";
import { clientFor as virtualBoxClient } from "../../providers/virtualbox/clients";
import { mediumDefinition } from "../../providers/virtualbox/medium.handlers";
import type { BackendConfig } from "../../stacks/config/types";
import { available, startLibvirtd } from "../systems/libvirt/start";
import { freePort } from "../systems/loopback";
import { miniAvailable, miniInstaller } from "../systems/pxe/mini";
import { available as pxeAvailable } from "../systems/pxe/start";
import { type BuildSystem, bootBuildContract } from "./boot-build.suite";
import { domain, macOf, network, pool, volume } from "./libvirt-handlers.lab";
import { runOn, up } from "./libvirt-handlers.run";
import { machine, disk as medium, nat } from "./virtualbox-handlers.lab";

const MAC = macOf("rocky9.builder");

interface Installer {
  kernel: string;
  initrd: string;
}

/** What is the same wherever it is built. */
const common = (installer: Installer, stages: readonly string[]) =>
  ({
    name: "rocky9",
    backend: "b",
    family: "rocky",
    release: "9",
    installer: "kickstart",
    text: "# url: {{boot:url}}\n# token: {{boot:token}}\n# rootpw --iscrypted {{secret:rootHash}}\n# {{boot:url}}/events/pre\n",
    kernel: { source: { path: installer.kernel } },
    initrd: { source: { path: installer.initrd } },
    cmdline: `inst.ks={{boot:config}} ip=dhcp console=ttyS0 quiet panic=-1 mitigations=off mini.stages=${stages.join(",")}`,
    mac: MAC,
    generation: 1,
    timeoutS: 300,
  }) satisfies Partial<BuildInputs>;

/** A network that sends iPXE to the boot server on its gateway, and a blank disk. */
async function onLibvirt(
  backend: BackendConfig,
  installer: Installer,
  server: BuildInputs["server"],
): Promise<Pick<BuildSystem, "inputs" | "machines"> & { client: LibvirtClient; file: string }> {
  const client = await libvirtClient({ backend });
  const images = pool("images", "/var/lib/libvirt/images");
  const disk = volume("rocky9", images, { capacity: 8 << 20 });
  const lan = network("lan", {
    dhcp: { from: "10.199.0.100", to: "10.199.0.200" },
    leases: [{ mac: MAC, ip: "10.199.0.10", hostName: "rocky9" }],
    // Router advertisements save iPXE 13 s of waiting for one.
    ipv6: { cidr: "fd00:199::/64" },
    boot: { url: `${server.url}/boot.ipxe` },
  });
  const run = (name: string) => runOn<never>(backend, { name });
  await up(poolDefinition, images, run("images"));
  await up(volumeDefinition, disk, run("disk"));
  await up(networkDefinition, lan, run("lan"));
  const builder = domain("rocky9.builder", {
    memoryMiB: 256,
    boot: ["hd", "network"],
    nics: [{ mac: MAC, network: lan.name }],
    disks: [{ volume: disk.name, pool: images.name, format: "qcow2" }],
    running: true,
  });
  return {
    client,
    file: `${images.path}/${disk.name}`,
    inputs: (stages, more = {}) => ({
      ...common(installer, stages),
      server,
      builder: { kind: "libvirt:Domain", inputs: { ...builder } },
      disk: { kind: "libvirt:Volume", inputs: { ...disk } },
      via: "ipxe",
      ...more,
    }),
    machines: async () => (await client.domains()).length,
  };
}

/** A daemon of this test's own; files to install from, which need not be any. */
async function embedded(): Promise<{
  home: string;
  installer: Installer;
  port: number;
  stop(): Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), "labplan-embedded-"));
  chmodSync(folder, 0o755);
  const home = join(folder, "home");
  process.env.LABPLAN_EMBEDDED_HOME = home;
  await ensureEmbedded();
  const installer = { kernel: join(folder, "vmlinuz"), initrd: join(folder, "initrd") };
  for (const file of Object.values(installer)) writeFileSync(file, "an installer");
  return {
    home,
    installer,
    port: await freePort(),
    stop: async () => {
      await closePool();
      await stopEmbedded({ forget: true });
      delete process.env.LABPLAN_EMBEDDED_HOME;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

bootBuildContract("the embedded libvirt", async () => {
  const { home, installer, port, stop } = await embedded();
  const server = { url: `http://10.199.0.1:${port}`, bind: "127.0.0.1", httpPort: port, tftpPort: 0 };
  const { file, ...made } = await onLibvirt({ kind: "embedded" }, installer, server);
  return {
    ...made,
    backend: { kind: "embedded" },
    enter: [],
    disk: async () => inodeBelow(home, file),
    stop,
  };
});

bootBuildContract("the embedded VirtualBox, by the TFTP of its NAT", async () => {
  const { installer, port, stop } = await embedded();
  const backend = { kind: "virtualbox", host: "embedded:" } as const;
  const client = await virtualBoxClient({ backend, signal: new AbortController().signal });
  const disk = medium("rocky9");
  await up(mediumDefinition, disk, runOn<never>(backend, { name: "disk" }));
  const builder = machine("rocky9.builder", {
    memoryMiB: 256,
    boot: ["hd", "network"],
    nics: [nat("rocky9.builder", { hostReachable: true, model: "e1000" })],
    disks: [{ medium: disk.name }],
    running: true,
  });
  return {
    backend,
    enter: [],
    inputs: (stages, more = {}) => ({
      ...common(installer, stages),
      server: { url: `http://10.0.2.2:${port}`, bind: "127.0.0.1", httpPort: port, tftpPort: 0 },
      builder: { kind: "virtualbox:Machine", inputs: { ...builder } },
      disk: { kind: "virtualbox:Medium", inputs: { ...disk } },
      via: "virtualbox-tftp",
      ...more,
    }),
    machines: async () => (await client.vms()).length,
    disk: async () => (await client.media()).map(({ uuid }) => uuid).join(),
    stop,
  };
});

const reason = available() ?? pxeAvailable() ?? miniAvailable();
if (reason && !process.env.CI) {
  describe("images built on libvirtd", () => {
    it.skip(`not run: ${reason}`, () => {});
  });
} else {
  bootBuildContract("libvirtd, by a stand-in for the installer", async () => {
    const mini = await miniInstaller();
    const daemon = await startLibvirtd();
    const backend = { kind: "libvirt", uri: daemon.uri } as const;
    const server = { url: "http://10.199.0.1:8069", bind: "10.199.0.1", httpPort: 8069, tftpPort: 0 };
    const { file, ...made } = await onLibvirt(backend, mini, server);
    return {
      ...made,
      backend,
      enter: daemon.enter,
      disk: async () => (await daemon.nsenter(["stat", "-c", "%i %W", file])).stdout,
      stop: async () => {
        await closePool();
        await daemon.stop();
        mini.remove();
      },
    };
  });
}

/** Which file it is now, wherever the embedded lab keeps it. */
function inodeBelow(home: string, file: string): string {
  const name = file.split("/").at(-1);
  const found = readdirSync(home, { recursive: true })
    .map(String)
    .filter((entry) => entry.split("/").at(-1) === name)
    .map((entry) => statSync(join(home, entry)));
  return found.map(({ ino, birthtimeMs }) => `${ino} ${birthtimeMs}`).join();
}
