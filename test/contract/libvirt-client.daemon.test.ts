import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { connectLibvirt } from "../../providers/libvirt/connect";
import { available, type Libvirtd, startLibvirtd } from "../systems/libvirt/start";
import { domainXml, fresh, networkXml, volumeXml } from "./libvirt-client.fixtures";

const reason = available();

describe.skipIf(reason && !process.env.CI)(
  `the private libvirtd${reason ? ` (not run: ${reason})` : ""}`,
  () => {
    let daemon: Libvirtd;
    let client: LibvirtClient;
    beforeAll(async () => {
      daemon = await startLibvirtd();
      client = await connectLibvirt(daemon.uri);
    });
    afterAll(async () => {
      await client?.close();
      await daemon?.stop();
    });

    it("trap libvirt#1: is not the first process of its namespace, so that its dead children are reaped", async () => {
      expect((await daemon.nsenter(["cat", "/proc/1/comm"])).stdout.trim()).toBe("bash");
      const before = Date.now();
      expect(await client.capabilities()).toContain("<guest>");
      expect(Date.now() - before).toBeLessThan(20_000);
    });

    it("trap libvirt#2: lets QEMU open its display", async () => {
      const graphics = "<graphics type='spice' autoport='yes'/><graphics type='vnc' autoport='yes'/>";
      const domain = await client.domainDefine(domainXml({ devices: graphics }));
      expect((await client.domainStart(domain)).id).toBeGreaterThan(0);
    });

    it("trap libvirt#3, libvirt#4, libvirt#8: starts a domain with a serial file, without virtlogd or cgroups, whatever its log says", async () => {
      const devices =
        "<serial type='file'><source path='/var/log/libvirt/serial.log'/><target port='1'/></serial>";
      const domain = await client.domainDefine(domainXml({ devices }));
      expect((await client.domainStart(domain)).id).toBeGreaterThan(0);
      expect(existsSync(join(daemon.stateDir, "log", "serial.log"))).toBe(true);
      const processes = (await daemon.nsenter(["sh", "-c", "cat /proc/[0-9]*/comm"])).stdout;
      expect(processes).toContain("libvirtd");
      expect(processes).not.toContain("virtlogd");
      // It does complain; a test that took that for a failure would never pass.
      expect(readFileSync(join(daemon.stateDir, "log", "libvirtd.log"), "utf8")).toMatch(/: error : /);
    });

    it("trap libvirt#5: runs beside another one with the same subnet and bridge", async () => {
      const other = await startLibvirtd();
      try {
        const second = await connectLibvirt(other.uri);
        for (const each of [client, second]) {
          const network = await each.networkDefine(networkXml({ subnet: 160 }));
          await each.networkStart(network);
          expect(await each.networkIsActive(network)).toBe(true);
        }
        await second.close();
      } finally {
        await other.stop();
      }
    });

    it("trap libvirt#7: has a qemu.conf with settings in it", async () => {
      const { stdout } = await daemon.nsenter(["grep", "-c", "^[a-z_]* = ", "/etc/libvirt/qemu.conf"]);
      expect(Number(stdout)).toBeGreaterThan(5);
    });

    it("NATs with rules of its own namespace", async () => {
      const network = await client.networkDefine(
        networkXml({ subnet: 161 }).replace("<bridge", "<forward mode='nat'/><bridge"),
      );
      await client.networkStart(network);
      const rules = await daemon.nsenter(["iptables", "-t", "nat", "-S"]);
      expect(rules.stdout).toMatch(/192\.168\.161\.0\/24.* -j MASQUERADE/);
    });

    it("trap libvirt#43: removes ten networks at once", async () => {
      const networks = await Promise.all(
        Array.from({ length: 10 }, async (_, index) => {
          const network = await client.networkDefine(
            networkXml({ name: fresh("many"), subnet: 170 + index }),
          );
          await client.networkStart(network);
          return network;
        }),
      );
      await Promise.all(networks.map((network) => client.networkDestroy(network)));
      await Promise.all(networks.map((network) => client.networkUndefine(network)));
      const left = (await client.networks()).map(({ name }) => name);
      expect(left.filter((name) => networks.some((network) => network.name === name))).toEqual([]);
    });

    it("trap libvirt#26: removes the nvram of a domain, which a plain undefine refuses to", async () => {
      const efi = domainXml({ memoryMiB: 64 }).replace("<os>", "<os firmware='efi'>");
      const domain = await client.domainDefine(efi);
      const started = await client.domainStart(domain);
      const path = /<nvram[^>]*>([^<]+)<\/nvram>/.exec(await client.domainXml(started))?.[1] ?? "none";
      await client.domainDestroy(started);
      const plain = await daemon.nsenter(["virsh", "-c", daemon.uri, "undefine", domain.name]);
      expect(plain.stderr).toContain("nvram");
      expect((await daemon.nsenter(["test", "-e", path])).code).toBe(0);
      await client.domainUndefine(domain);
      expect(await client.domainByName(domain.name)).toBeUndefined();
      expect((await daemon.nsenter(["test", "-e", path])).code).toBe(1);
    });

    it("stops with all that it started, and leaves no folder and no mount", async () => {
      const own = await startLibvirtd();
      const second = await connectLibvirt(own.uri);
      await second.domainStart(await second.domainDefine(domainXml()));
      await second.networkStart(await second.networkDefine(networkXml({ subnet: 162 })));
      const children = () => processesWith(own.stateDir);
      expect(children().length).toBeGreaterThan(0);
      await own.stop();
      expect(children()).toEqual([]);
      expect(existsSync(own.stateDir)).toBe(false);
      expect(readFileSync("/proc/self/mounts", "utf8")).not.toContain(own.stateDir);
      await expect(second.hostName()).rejects.toThrow(/connection broke/);
    });

    it("dies with a test run that is killed, whose folder the next start sweeps", async () => {
      const code = `require("tsx/cjs"); require(${JSON.stringify(join(__dirname, "../systems/libvirt/start.ts"))})
      .startLibvirtd().then((d) => { console.log(d.stateDir); setInterval(() => {}, 1000); });`;
      const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", "pipe", "inherit"] });
      const stateDir = await new Promise<string>((resolve) => {
        child.stdout.once("data", (line: Buffer) => resolve(`${line}`.trim()));
      });
      expect(stateDir.startsWith(tmpdir())).toBe(true);
      expect(processesWith(stateDir).length).toBeGreaterThan(0);
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await exited;
      await expect.poll(() => processesWith(stateDir), { timeout: 10_000 }).toEqual([]);
      expect(existsSync(stateDir)).toBe(true);
      await (await startLibvirtd()).stop();
      expect(existsSync(stateDir)).toBe(false);
    });

    describe("as a test driver", () => {
      const connectTest = () => connectLibvirt(`test+unix:///default?socket=${daemon.socket}`);

      it("trap libvirt#16: keeps its state as long as one connection is open, and not longer", async () => {
        const [first, second] = [await connectTest(), await connectTest()];
        expect((await first.domains()).map(({ name }) => name)).toEqual(["test"]);
        const xml =
          "<domain type='test'><name>kept</name><memory>1024</memory><os><type>hvm</type></os></domain>";
        await first.domainDefine(xml);
        await first.close();
        expect(await second.domainByName("kept")).toBeDefined();
        await second.close();
        await sleep(100);
        const third = await connectTest();
        expect(await third.domainByName("kept")).toBeUndefined();
        await third.close();
      });

      it("trap libvirt#17: does what it can, and says code 3 to uploads, leases and devices", async () => {
        const test = await connectTest();
        const domain = await test.domainByName("test");
        const network = await test.networkByName("default");
        const pool = await test.poolByName("default-pool");
        if (!domain || !network || !pool) throw new Error("the test driver has no defaults");
        const unsupported = { code: 3 };
        await expect(test.networkLeases(network)).rejects.toMatchObject(unsupported);
        await expect(test.domainAttach(domain, "<interface type='user'/>", "config")).rejects.toMatchObject(
          unsupported,
        );
        const volume = await test.volumeCreate(pool, volumeXml(fresh("volume"), 1024));
        const { Readable } = await import("node:stream");
        const upload = test.volumeUpload(volume, Readable.from([Buffer.alloc(1024)]), 1024);
        await expect(upload).rejects.toMatchObject(unsupported);
        await test.domainDestroy(domain);
        await test.domainUndefine(domain);
        expect(await test.domainByName("test")).toBeUndefined();
        await test.close();
      });
    });
  },
);

/** Processes, as seen from here, that have `text` among their words. */
function processesWith(text: string): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(text);
    } catch {
      return false; // it has just ended
    }
  });
}
