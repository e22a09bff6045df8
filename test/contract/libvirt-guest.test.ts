import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { copyFile, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { GUEST_UP, guestAvailable, type TinyGuest, tinyGuest } from "../systems/libvirt/guest";
import { available, type Libvirtd, startLibvirtd } from "../systems/libvirt/start";

const reason = available() ?? guestAvailable();
const MAC = "52:54:00:1a:b0:01";
const ADDRESS = "192.168.150.21";

describe.skipIf(reason && !process.env.CI)(
  `guests on libvirtd${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let daemon: Libvirtd;
    let client: LibvirtClient;
    let guest: TinyGuest;
    let folder: string;

    /** How long a boot of a kernel without a network takes on this machine now. */
    let directMs = 0;
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "labplan-guest-test-"));
      guest = await tinyGuest();
      daemon = await startLibvirtd();
      client = await connectLibvirt(daemon.uri);
    });
    afterEach(async () => {
      for (const domain of await client.domains()) {
        await client.domainDestroy(domain);
        await client.domainUndefine(domain);
      }
      for (const network of await client.networks()) {
        await client.networkDestroy(network);
        await client.networkUndefine(network);
      }
    });
    afterAll(async () => {
      await client?.close();
      await daemon?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    it("trap libvirt#9, libvirt#11, libvirt#12, libvirt#15: boot without KVM, get the planned address, let the key in", async () => {
      // /dev/kvm proves nothing: a guest of type kvm may start here and never boot.
      const network = await isolatedNetwork("lan", 150, `<host mac='${MAC}' name='tiny' ip='${ADDRESS}'/>`);
      const domain = await client.domainDefine(
        guestXml({ name: "tiny", network: "lan", cmdline: "guest.host=tiny" }),
      );
      expect(await client.domainXml(domain)).toContain("<domain type='qemu'>");

      const started = await client.domainStart(domain);
      const line = await marker(await client.domainConsole(started));
      expect(line).toContain(`tiny ${ADDRESS}/24`);

      expect(await client.domainAddresses(started)).toEqual([{ mac: MAC, ip: ADDRESS }]);
      const [lease] = await client.networkLeases(network, MAC);
      expect(lease).toMatchObject({ mac: MAC, ip: ADDRESS, prefix: 24, hostName: "tiny" });
      expect(lease?.expiresS).toBeGreaterThan(Date.now() / 1_000);
      expect(await client.networkLeases(network, "52:54:00:ff:ff:ff")).toEqual([]);

      expect(await login(guest.hostKey, "hostname; id -u")).toBe("tiny\n0\n");
    });

    it("trap libvirt#10: show the host key that was made with them, and no other is believed", async () => {
      await isolatedNetwork("lan", 150, `<host mac='${MAC}' name='tiny' ip='${ADDRESS}'/>`);
      const domain = await client.domainDefine(guestXml({ name: "pinned", network: "lan" }));
      const before = Date.now();
      const started = await client.domainStart(domain);
      await marker(await client.domainConsole(started));
      directMs = Date.now() - before;
      expect(await login(guest.hostKey, "cat /proc/1/comm")).toBe("init\n");
      const other = `ssh-ed25519 ${Buffer.concat([Buffer.from("0000000b7373682d6564323535313900000020", "hex"), Buffer.alloc(32, 7)]).toString("base64")}`;
      await expect(login(other, "true", 5)).rejects.toThrow(/[Hh]ost key verification failed/);
    });

    it("trap libvirt#57: read a NoCloud seed from a virtio disk, which the cloud kernel sees: it has no AHCI", async () => {
      execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, "seed_host")]);
      const privateKey = (await readFile(join(folder, "seed_host"), "utf8")).trimEnd();
      const hostKey = (await readFile(join(folder, "seed_host.pub"), "utf8"))
        .split(" ")
        .slice(0, 2)
        .join(" ");
      writeFileSync(join(folder, "meta-data"), "instance-id: seeded\nlocal-hostname: seeded\n");
      writeFileSync(
        join(folder, "user-data"),
        `#cloud-config\nssh_keys:\n  ed25519_private: |\n${privateKey.replace(/^/gm, "    ")}\n  ed25519_public: ${hostKey}\n`,
      );
      const iso = join(folder, "seed.iso");
      execFileSync("genisoimage", [
        ...["-quiet", "-output", iso, "-volid", "cidata", "-joliet", "-rock"],
        ...[join(folder, "user-data"), join(folder, "meta-data")],
      ]);
      const pool = await client.poolDefine(
        "<pool type='dir'><name>seeds</name><target><path>/var/lib/libvirt/images/seeds</path></target></pool>",
      );
      await client.poolBuild(pool);
      await client.poolStart(pool);
      const { size } = statSync(iso);
      const volume = await client.volumeCreate(
        pool,
        `<volume><name>seed.iso</name><capacity>${size}</capacity><target><format type='raw'/></target></volume>`,
      );
      await client.volumeUpload(volume, createReadStream(iso), size);

      await isolatedNetwork("lan", 150, `<host mac='${MAC}' ip='${ADDRESS}'/>`);
      const disk = `<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='${volume.key}'/><target dev='vda' bus='virtio'/><readonly/></disk>`;
      const domain = await client.domainDefine(guestXml({ name: "seeded", network: "lan", devices: disk }));
      const started = await client.domainStart(domain);
      expect(await marker(await client.domainConsole(started))).toContain(`seeded ${ADDRESS}/24`);
      expect(await login(hostKey, "hostname")).toBe("seeded\n");
    });

    it("trap libvirt#6, libvirt#13: boot from the network within seconds, where it has an IPv6 address too", async () => {
      const tftp = join(daemon.stateDir, "lib", "tftp");
      await copyFile(guest.kernel, join(tftp, "vmlinuz"));
      await copyFile(guest.initrd, join(tftp, "initrd.gz"));
      const script = `#!ipxe\nkernel tftp://\${next-server}/vmlinuz initrd=initrd.gz ${guest.cmdline} guest.host=pxe\ninitrd tftp://\${next-server}/initrd.gz\nboot\n`;
      writeFileSync(join(tftp, "boot.ipxe"), script, { mode: 0o644 });
      const hosts = `<host mac='${MAC}' ip='${ADDRESS}'/><bootp file='boot.ipxe'/>`;
      const ipv6 = "<ip family='ipv6' address='fd00:150::1' prefix='64'/>";
      await isolatedNetwork("boot", 150, hosts, "<tftp root='/var/lib/libvirt/tftp'/>", ipv6);
      const domain = await client.domainDefine(guestXml({ name: "pxe", network: "boot", boot: "network" }));
      const before = Date.now();
      const started = await client.domainStart(domain);
      expect(await marker(await client.domainConsole(started))).toContain(`pxe ${ADDRESS}/24`);
      // Without the IPv6 address iPXE stands still for 23 s; what the rest takes depends on what else the machine does.
      expect(Date.now() - before).toBeLessThan(18_000 + 2 * directMs);
    });

    async function isolatedNetwork(name: string, subnet: number, hosts: string, tftp = "", more = "") {
      const network = await client.networkDefine(`<network><name>${name}</name>
      <bridge name='lp${subnet}' stp='off' delay='0'/>
      <ip address='192.168.${subnet}.1' netmask='255.255.255.0'>${tftp}
        <dhcp><range start='192.168.${subnet}.100' end='192.168.${subnet}.200'/>${hosts}</dhcp>
      </ip>${more}</network>`);
      await client.networkStart(network);
      return network;
    }

    function guestXml(options: {
      name: string;
      network: string;
      cmdline?: string;
      devices?: string;
      boot?: "network";
    }): string {
      const { name, network, cmdline = "", devices = "", boot } = options;
      const start = boot
        ? `<boot dev='${boot}'/>`
        : `<kernel>${guest.kernel}</kernel><initrd>${guest.initrd}</initrd><cmdline>${guest.cmdline} ${cmdline}</cmdline>`;
      // The network boot holds the initrd twice while it unpacks it.
      return `<domain type='qemu'><name>${name}</name>
      <memory unit='MiB'>${boot ? 256 : guest.memoryMiB}</memory><vcpu>1</vcpu>
      <os><type arch='x86_64' machine='q35'>hvm</type>${start}</os>
      <cpu mode='maximum'/><features><acpi/></features>
      <devices>
        <interface type='network'><source network='${network}'/><mac address='${MAC}'/><model type='virtio'/></interface>
        <serial type='pty'/><memballoon model='none'/>${devices}
      </devices></domain>`;
    }

    /** What a command printed; logs in until it is let in. */
    async function login(hostKey: string, command: string, tries = 30): Promise<string> {
      const knownHosts = join(folder, "known_hosts");
      writeFileSync(knownHosts, `${ADDRESS} ${hostKey}\n`);
      const options = {
        UserKnownHostsFile: knownHosts,
        StrictHostKeyChecking: "yes",
        ConnectTimeout: "5",
        BatchMode: "yes",
      };
      const words = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
      for (let attempt = 1; ; attempt++) {
        const ran = await daemon.nsenter([
          "ssh",
          "-F",
          "none",
          "-i",
          guest.identityFile,
          ...words,
          `root@${ADDRESS}`,
          command,
        ]);
        if (ran.code === 0) return ran.stdout;
        if (attempt >= tries || /verification failed/.test(ran.stderr)) throw new Error(ran.stderr);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }

    it("leave nothing of libvirt's on this machine", () => {
      expect(existsSync(join(daemon.stateDir, "sock", "libvirt-sock"))).toBe(true);
      expect(existsSync("/sys/class/net/lp150")).toBe(false);
    });
  },
);

/** The line of the console that says that the guest is up; the console is let go then. */
async function marker(console: Readable, deadlineMs = 90_000): Promise<string> {
  let text = "";
  const timer = setTimeout(
    () => console.destroy(new Error(`no "${GUEST_UP}" in: ${text.slice(-2_000)}`)),
    deadlineMs,
  );
  try {
    for await (const chunk of console) {
      text += chunk;
      const line = new RegExp(`${GUEST_UP} [^\\r\\n]*\\r?\\n`).exec(text);
      if (line) return line[0].trim();
    }
    throw new Error(`the console ended: ${text.slice(-2_000)}`);
  } finally {
    clearTimeout(timer);
  }
}
