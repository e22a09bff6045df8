import { describe, it } from "vitest";
import type { BuildInputs } from "../../providers/boot/build";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { networkDefinition } from "../../providers/libvirt/network.handlers";
import { poolDefinition } from "../../providers/libvirt/pool.handlers";
import { volumeDefinition } from "../../providers/libvirt/volume.handlers";
import { available, startLibvirtd } from "../systems/libvirt/start";
import { miniAvailable, miniInstaller } from "../systems/pxe/mini";
import { available as pxeAvailable } from "../systems/pxe/start";
import { bootBuildContract } from "./boot-build.suite";
import { domain, macOf, network, pool, volume } from "./libvirt-handlers.lab";
import { runOn, up } from "./libvirt-handlers.run";

const URL = "http://10.199.0.1:8069";
const MAC = macOf("rocky9.builder");

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
    const client: LibvirtClient = await connectLibvirt(daemon.uri);
    const images = pool("images", "/var/lib/libvirt/images");
    const disk = volume("rocky9", images, { capacity: 8 << 20 });
    const lan = network("lan", {
      dhcp: { from: "10.199.0.100", to: "10.199.0.200" },
      leases: [{ mac: MAC, ip: "10.199.0.10", hostName: "rocky9" }],
      // Router advertisements save iPXE 13 s of waiting for one.
      ipv6: { cidr: "fd00:199::/64" },
      boot: { url: `${URL}/boot.ipxe` },
    });
    const run = (name: string) => runOn<never>(backend, { name });
    await up(poolDefinition, images, run("images"));
    await up(volumeDefinition, disk, run("disk"));
    await up(networkDefinition, lan, run("lan"));
    let starts = 0;
    await client.onDomainEvent((_, event) => {
      if (event === "started") starts++;
    });
    return {
      backend,
      enter: daemon.enter,
      inputs: (stages, more = {}): BuildInputs => ({
        name: "rocky9",
        backend: "b",
        family: "rocky",
        release: "9",
        installer: "kickstart",
        text: "# url: {{boot:url}}\n# token: {{boot:token}}\n# rootpw --iscrypted {{secret:rootHash}}\n# {{boot:url}}/events/pre\n",
        kernel: { source: { path: mini.kernel } },
        initrd: { source: { path: mini.initrd } },
        cmdline: `inst.ks={{boot:config}} ip=dhcp console=ttyS0 quiet panic=-1 mitigations=off mini.stages=${stages.join(",")}`,
        mac: MAC,
        server: { url: URL, bind: "10.199.0.1", httpPort: 8069, tftpPort: 0 },
        builder: {
          kind: "libvirt:Domain",
          inputs: {
            ...domain("rocky9.builder", {
              memoryMiB: 256,
              boot: ["hd", "network"],
              nics: [{ mac: MAC, network: lan.name }],
              disks: [{ volume: disk.name, pool: images.name, format: "qcow2" }],
              running: true,
            }),
          },
        },
        disk: { kind: "libvirt:Volume", inputs: { ...disk } },
        via: "ipxe",
        generation: 1,
        timeoutS: 300,
        ...more,
      }),
      machines: async () => (await client.domains()).length,
      starts: async () => starts,
      // The time when the file was made.
      disk: async () => (await daemon.nsenter(["stat", "-c", "%i %W", `${images.path}/${disk.name}`])).stdout,
      stop: async () => {
        await client.close();
        await daemon.stop();
        mini.remove();
      },
    };
  });
}
