import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { embeddedMachines } from "../../embedded/start";
import { BootLog } from "../../kickstart/server/log";
import type { Run } from "../../providers/core/definition";
import { findAddress } from "../../providers/fog/address";
import { proveUp, waitUntilUp } from "../../providers/fog/arrival";
import type { FogClient, FogHost } from "../../providers/fog/client";
import { hostDefinition } from "../../providers/fog/host.handlers";
import { adoptHost } from "../../providers/fog/host-adoption";
import type { ImagedHostInputs, ImagedHostState } from "../../providers/fog/imaged-host";
import { imagedHostDefinition } from "../../providers/fog/imaged-host.handlers";
import type { FogBackend } from "../../stacks/config/types";
import { BMC, type Metal, startMetal } from "./fog-handlers.embedded";
import { host, imaged, LIMITS, MAC } from "./fog-handlers.lab";
import { newTrace, runOn, type Trace, up } from "./libvirt-handlers.run";

const NAME = "pod1-node1";

describe("a host of a FOG server that came up", () => {
  let metal: Metal;
  let client: FogClient;
  let record: FogHost;
  let backend: FogBackend;
  let folder: string;
  let ssh: { address: string; sshPort: number; hostKey: string };
  const home = process.env.HOME;

  beforeAll(async () => {
    metal = await startMetal();
    folder = mkdtempSync(join(tmpdir(), "labplan-arrival-"));
    mkdirSync(join(folder, ".ssh"));
    process.env.HOME = folder;
    client = await metal.client();
    await up(hostDefinition, host(), runOn(metal.backend, { name: NAME }));
    await up(imagedHostDefinition, imaged({ power: BMC }), runOn(metal.backend, { name: NAME }));
    record = (await client.hostByName(NAME)) as FogHost;
    const machine = (await embeddedMachines())[0];
    ssh = {
      address: machine?.address ?? "",
      sshPort: machine?.sshPort ?? 0,
      hostKey: machine?.hostKey ?? "",
    };
    // The same server, as one that knows nothing of sandboxes.
    backend = { kind: "fog", url: metal.lab.fogUrl, identityFile: metal.lab.fogIdentityFile };
  });
  afterAll(async () => {
    process.env.HOME = home;
    rmSync(folder, { recursive: true, force: true });
    await metal.stop();
  });
  beforeEach(async () => {
    rmSync(process.env.LABPLAN_BOOT_HOME ?? "", { recursive: true, force: true });
    rmSync(join(folder, ".ssh", "known_hosts"), { force: true });
    await setIp("");
  });

  /** What a machine's own client writes into the record. */
  const setIp = (ip: string) => metal.edit(record.id, { ip });
  const run = (more: Partial<FogBackend> = {}, trace?: Trace): Run<ImagedHostState> =>
    runOn({ ...backend, ...more }, { name: NAME, ...(trace ? { trace } : {}) });
  const look = async (planned?: string, more: Partial<FogBackend> = {}) =>
    findAddress(client, record, planned, run(more));
  const inputs = (more: Partial<ImagedHostInputs> = {}): ImagedHostInputs =>
    imaged({ imaging: { ...LIMITS, bootS: 2 }, proof: { osRelease: { ID: "rocky" } }, ...more });
  const log = (text: string): NonNullable<FogBackend["dhcpLog"]> => {
    const path = join(folder, "dhcpd.log");
    writeFileSync(path, text);
    return { path };
  };

  describe("is looked for", () => {
    it("in the plan, the DHCP log, the boot log and the server's record, in that order", async () => {
      const nobody = await look();
      expect(nobody.found).toBeUndefined();
      expect(nobody.misses).toEqual([
        "the boot log: it never called",
        "the FOG server's record: it has no address",
      ]);
      await setIp("10.0.0.4");
      expect((await look()).found).toEqual({
        address: "10.0.0.4",
        sshPort: 22,
        source: "the FOG server's record",
      });
      const boot = new BootLog(process.env.LABPLAN_BOOT_HOME ?? "");
      await boot.append({ stage: "refused", mac: MAC, address: "10.0.0.9" });
      expect((await look()).found?.address).toBe("10.0.0.4");
      await boot.append({ stage: "booted", mac: MAC, address: "10.0.0.3" });
      expect((await look()).found).toEqual({ address: "10.0.0.3", sshPort: 22, source: "the boot log" });
      const dhcpLog = log(`DHCPACK on 10.0.0.2 to ${MAC.toUpperCase()} via eth1\n`);
      expect((await look(undefined, { dhcpLog })).found).toMatchObject({
        address: "10.0.0.2",
        source: `the DHCP server's ${dhcpLog.path}`,
      });
      expect((await look("10.0.0.1", { dhcpLog })).found).toMatchObject({
        address: "10.0.0.1",
        source: "the plan",
      });
    });

    it("trap seeds#11: elsewhere when the log has nothing of it, or cannot be read, and says so", async () => {
      await setIp("10.0.0.4");
      const empty = await look(undefined, {
        dhcpLog: log("DHCPACK on 10.0.0.2 to 52:54:00:99:99:99 via eth1\n"),
      });
      expect(empty.found?.address).toBe("10.0.0.4");
      expect(empty.misses[0]).toContain(`nothing of ${MAC} in it`);
      const gone = await look(undefined, { dhcpLog: { path: join(folder, "nowhere.log") } });
      expect(gone.found?.address).toBe("10.0.0.4");
      expect(gone.misses[0]).toMatch(/nowhere\.log: it cannot be read: ENOENT/);
    });

    it("in a log at another host, over SSH with its key pinned", async () => {
      await metal.on(MAC, "sh", "-c", `echo 'DHCPACK on 10.0.0.7 to ${MAC} via eth1' > /var/dhcpd.log`);
      const at = { path: "/var/dhcpd.log", host: `ssh://root@${ssh.address}:${ssh.sshPort}` };
      const { identityFile } = backend as { identityFile: string };
      const found = await look(undefined, { dhcpLog: { ...at, hostKey: ssh.hostKey, identityFile } });
      expect(found.found).toMatchObject({
        address: "10.0.0.7",
        source: expect.stringContaining(":/var/dhcpd.log"),
      });
      const blind = await look(undefined, { dhcpLog: { ...at, identityFile } });
      expect(blind.found).toBeUndefined();
      expect(blind.misses[0]).toContain("the host key is not known");
      const wrong = await look(undefined, {
        dhcpLog: { ...at, path: "/nowhere", hostKey: ssh.hostKey, identityFile },
      });
      expect(wrong.misses[0]).toMatch(/it cannot be read: .*No such file/);
    });
  });

  describe("trap seeds#12: is let in only by a host key", () => {
    const wait = async (more: Partial<ImagedHostInputs> = {}) => {
      await setIp(`${ssh.address}:${ssh.sshPort}`);
      return waitUntilUp(client, record, inputs(more), run());
    };

    it("that the config pins", async () => {
      const other = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEcRa2iQzf1+3zL3rKGFyuRn3rvrnqDQYFh3llq6sAbr";
      expect(await wait({ hostKeys: [other, ssh.hostKey] })).toEqual({
        address: ssh.address,
        sshPort: ssh.sshPort,
        sshHostKey: ssh.hostKey,
      });
      // The address may be of the machine that had it before: it is looked for again, and believed by no other key.
      await expect(wait({ hostKeys: [other] })).rejects.toThrow(
        /did not come up within 2 s.*the host key CHANGED/s,
      );
    });

    it("that known_hosts has", async () => {
      writeFileSync(join(folder, ".ssh", "known_hosts"), `[${ssh.address}]:${ssh.sshPort} ${ssh.hostKey}\n`);
      expect((await wait()).sshHostKey).toBe(ssh.hostKey);
    });

    it("and one that nobody knows is shown, with the line to paste, and not believed", async () => {
      const failure = await wait().then(
        () => "",
        (error: Error) => error.message,
      );
      expect(failure).toMatch(/the host key is not known: ssh-ed25519 SHA256:/);
      expect(failure).toContain(`hostKey: ${ssh.hostKey}`);
    });
  });

  it("and does not let us log in is told with what was offered, in time", async () => {
    await setIp(`${ssh.address}:${ssh.sshPort}`);
    const failure = waitUntilUp(client, record, inputs({ user: "nobody", hostKeys: [ssh.hostKey] }), run());
    await expect(failure).rejects.toThrow(
      /did not come up within 2 s; at 127\..*login of user "nobody" refused/s,
    );
  });

  it("where it is not: told with all places that were asked", async () => {
    await expect(waitUntilUp(client, record, inputs(), run())).rejects.toThrow(
      /nobody knows its address \(the boot log: it never called; the FOG server's record: it has no address\)/,
    );
  });

  it("trap fog#8: and runs since before its task ended is not the new system", async () => {
    const found = { address: ssh.address, sshPort: ssh.sshPort, sshHostKey: ssh.hostKey };
    await new Promise((resolve) => setTimeout(resolve, 100));
    // Fifteen seconds of slack: the clocks are not one.
    await expect(proveUp(found, inputs(), { before: [], sinceS: -3600 }, run())).rejects.toThrow(
      "found an older one",
    );
    await proveUp(found, inputs(), { before: [], sinceS: 3600 }, run());
  });

  it("as an adopted one whose key nobody knows is taken at the server's word, with the key to check", async () => {
    await setIp(`${ssh.address}:${ssh.sshPort}`);
    const trace = newTrace();
    const state = await adoptHost(
      client,
      { ...record, deployed: "2026-11-21 10:00:00" },
      inputs({ adopt: true }),
      run({}, trace),
    );
    expect(state.sshHostKey).toBeUndefined();
    expect(trace.said.join("\n")).toContain(`hostKey: ${ssh.hostKey}`);
    const known = await adoptHost(
      client,
      { ...record, deployed: "2026-11-21 10:00:00" },
      inputs({ hostKeys: [ssh.hostKey] }),
      run(),
    );
    expect(known).toMatchObject({
      sshHostKey: ssh.hostKey,
      bootId: expect.any(String),
      imagedAt: "2026-11-21T10:00:00",
    });
  });
});
