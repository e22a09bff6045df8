import { randomBytes, randomUUID } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FaultRule } from "../../../../embedded/faults";
import type { NetworkBoot } from "../../../../embedded/libvirt/store/guests";
import { callHome } from "../../../../embedded/sandbox/call-home";
import { networkBoot } from "../../../../embedded/sandbox/netboot";
import { BootLog } from "../../../../kickstart/server/log";
import { pxelinuxConfig } from "../../../../kickstart/server/pxelinux";
import { Registry } from "../../../../kickstart/server/registry";
import { type BootServer, startBootServer } from "../../../../kickstart/server/server";
import { makeHostKey } from "../../../../providers/seed/host-key";

const MAC = "08:00:27:00:00:01";
const GATEWAY = "10.20.0.1";
const KEY = makeHostKey(randomBytes, "test").publicKey.split(" ").slice(0, 2).join(" ");

/** The machine's side against the real boot server: nothing in between is a double. */
describe("a machine that boots from the network", () => {
  let folder = "";
  let server: BootServer;
  let registry: Registry;
  let said: string[];
  let installs: number;
  let off: AbortController;
  beforeEach(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "labplan-netboot-"));
    server = await startBootServer({ folder, bind: "127.0.0.1", httpPort: 0, tftpPort: 0 });
    registry = new Registry(folder);
    said = [];
    installs = 0;
    off = new AbortController();
  });
  afterEach(async () => {
    off.abort();
    await server.close();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  const url = () => `http://${GATEWAY}:${server.httpPort}`;
  const register = (text = (token: string) => `labplan_token=${token}\nlabplan_url=${url()}\npoweroff\n`) => {
    for (const name of ["k", "i"]) fs.writeFileSync(path.join(folder, name), "an installer");
    return registry.begin({
      machine: "img",
      mac: MAC,
      purpose: "install",
      expiresInS: 60,
      install: ({ token }) => ({
        installer: "kickstart",
        text: text(token),
        kernel: path.join(folder, "k"),
        initrd: path.join(folder, "i"),
        cmdline: `inst.ks=${url()}/config/${token}/ks.cfg`,
      }),
    });
  };
  const boot = (
    faults: Record<string, FaultRule["do"]> = {},
    source: NetworkBoot = { mac: MAC, via: "ipxe", url: `${url()}/boot.ipxe` },
    isHost: (address: string) => boolean = (address) => address === GATEWAY,
  ) =>
    networkBoot({
      hostName: "img",
      source,
      disk: { isBlank: () => installs === 0, install: () => installs++ },
      link: { isHost, signal: off.signal },
      say: (line) => said.push(line),
      fault: (stage) => faults[stage] && { procedure: "x", do: faults[stage], message: "No space left" },
    });
  const events = () => new BootLog(folder).read();
  const stages = () => events().map(({ stage }) => stage);

  it("takes its script, kernel, initrd and kickstart, installs, tells each stage, and switches itself off", async () => {
    register();
    expect(await boot()).toBe("poweroff");
    expect(stages()).toEqual(["pxe", "config", "pre", "installed"]);
    expect(events()[2]).toMatchObject({ machine: "img", mac: MAC, hostName: "img" });
    expect(installs).toBe(1);
  });

  it("goes on to its next boot device when the server has nothing for it", async () => {
    expect(await boot()).toBe("next");
    expect(stages()).not.toContain("pxe");
    expect(said.join("\n")).toMatch(/HTTP 404/);
    expect(installs).toBe(0);
  });

  it("goes on, too, when there is no server", async () => {
    const { httpPort } = server;
    await server.close();
    const source = { mac: MAC, via: "ipxe", url: `http://${GATEWAY}:${httpPort}/boot.ipxe` } as const;
    expect(await boot({}, source)).toBe("next");
  });

  it("reaches nothing but its host: no other address, whoever listens there", async () => {
    register();
    expect(await boot({}, undefined, () => false)).toBe("next");
    expect(said.join("\n")).toMatch(/no route to 10\.20\.0\.1/);
    expect(stages()).toEqual([]);
  });

  it("sends a failure with the end of its log, and stands still", async () => {
    register();
    expect(await boot({ installed: "error" })).toBe("stuck");
    expect(stages()).toEqual(["pxe", "config", "pre", "failed"]);
    expect(events()[3]?.detail).toMatch(/No space left/);
    expect(installs).toBe(0);
  });

  it("hangs before a stage by script", async () => {
    register();
    expect(await boot({ pre: "hang" })).toBe("stuck");
    expect(stages()).toEqual(["pxe", "config"]);
  });

  it("with a wrong token by script is refused, as a stranger", async () => {
    register();
    expect(await boot({ pre: "lie" })).toBe("stuck");
    await vi.waitFor(() => expect(stages()).toContain("refused"));
    expect(stages()).not.toContain("pre");
  });

  it("never writes a token to its console", async () => {
    const { token } = register();
    await boot();
    expect(said.length).toBeGreaterThan(3);
    expect(said.join("\n")).not.toContain(token);
  });

  it("stops at once when it is switched off", async () => {
    register();
    const end = boot({ config: "hang" });
    setTimeout(() => off.abort(), 50);
    expect(await end).toBe("stuck");
  });

  it("installs without a word from a kickstart that calls nobody", async () => {
    register(() => "reboot\n");
    expect(await boot()).toBe("reboot");
    expect(stages()).toEqual(["pxe", "config"]);
    expect(installs).toBe(1);
  });

  describe("by VirtualBox's TFTP", () => {
    const source = (): NetworkBoot => ({
      mac: MAC,
      via: "tftp",
      prefix: path.join(folder, "tftp"),
      bootFile: "pxelinux.0",
    });
    const put = (file: string, text: string) => {
      const at = path.join(folder, "tftp", file);
      fs.mkdirSync(path.dirname(at), { recursive: true });
      fs.writeFileSync(at, text);
    };
    const config = () => {
      const made = register();
      if (made.install)
        put("pxelinux.cfg/01-08-00-27-00-00-01", pxelinuxConfig({ ...made, install: made.install }));
    };

    it("reads pxelinux's files from the folder, and the rest over HTTP", async () => {
      config();
      for (const name of ["pxelinux.0", "08-00-27-00-00-01/vmlinuz", "08-00-27-00-00-01/initrd"])
        put(name, "x");
      expect(await boot({}, source())).toBe("poweroff");
      expect(stages()).toEqual(["config", "pre", "installed"]);
    });

    it("goes on when a file is missing, and never reads one outside the folder", async () => {
      config();
      put("pxelinux.0", "x");
      expect(await boot({}, source())).toBe("next");
      put("pxelinux.cfg/01-08-00-27-00-00-01", "DEFAULT a\nLABEL a\n KERNEL ../k\n");
      expect(await boot({}, source())).toBe("next");
      expect(said.join("\n")).toMatch(/\.\.\/k: not found/);
    });
  });

  describe("once it is installed", () => {
    const record = () => registry.begin({ machine: "w1", mac: MAC, purpose: "record", expiresInS: 60 });
    const call = (token: string, faults: Record<string, FaultRule["do"]> = {}) => {
      const file = path.join(folder, "boot.env");
      fs.writeFileSync(file, `LABPLAN_BOOT_URL=${url()}\nLABPLAN_BOOT_TOKEN=${token}\n`);
      return callHome({
        file,
        macs: [MAC, "08:00:27:00:00:02"],
        hostName: "w1",
        hostKey: KEY,
        bootId: randomUUID(),
        link: { isHost: (address) => address === GATEWAY, signal: off.signal },
        say: (line) => said.push(line),
        fault: (stage) => faults[stage] && { procedure: "x", do: faults[stage] },
      });
    };

    it("tells its boot id and its host key at each boot, another boot id each time", async () => {
      const { token } = record();
      await call(token);
      await call(token);
      const [first, second] = events();
      expect(first).toMatchObject({ stage: "booted", machine: "w1", hostName: "w1", sshHostKey: KEY });
      expect(first?.bootId).toMatch(/^[0-9a-f-]{36}$/);
      expect(second?.bootId).not.toBe(first?.bootId);
    });

    it("tries again until the server is there", async () => {
      const { httpPort } = server;
      const { token } = record();
      await server.close();
      const told = call(token);
      await new Promise((resolve) => setTimeout(resolve, 150));
      server = await startBootServer({ folder, bind: "127.0.0.1", httpPort, tftpPort: 0 });
      await told;
      expect(stages()).toEqual(["booted"]);
    });

    it("lies about its token by script, and is never taken for the machine", async () => {
      const { token } = record();
      const told = call(token, { booted: "lie" });
      setTimeout(() => off.abort(), 100);
      await told;
      await vi.waitFor(() => expect(stages()).toContain("refused"));
      expect(stages()).not.toContain("booted");
    });

    it("without the file calls nobody", async () => {
      await callHome({
        file: path.join(folder, "none"),
        macs: [MAC],
        hostName: "w1",
        hostKey: KEY,
        bootId: randomUUID(),
        link: { isHost: () => true, signal: off.signal },
        say: () => {},
        fault: () => undefined,
      });
      expect(stages()).toEqual([]);
    });
  });
});
