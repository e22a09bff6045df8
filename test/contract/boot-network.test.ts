import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { commandLine, configUrl } from "../../kickstart/cmdline";
import { fillPlaceholders } from "../../kickstart/placeholders";
import { renderKickstart } from "../../kickstart/render";
import type { Host } from "../../kickstart/server/hosts";
import { BootLog } from "../../kickstart/server/log";
import type { StrangerSeen } from "../../kickstart/server/progress";
import { Registry } from "../../kickstart/server/registry";
import type { BootEvent, Registration } from "../../kickstart/server/types";
import { kickstartVariables } from "../../kickstart/variables";
import { type MiniInstaller, miniAvailable, miniInstaller } from "../systems/pxe/mini";
import { available, debianInstaller, type Lan, type NetworkGuest, startLan } from "../systems/pxe/start";

const reason = available() ?? miniAvailable();
const HTTP = 8069;
const URL = `http://192.0.2.1:${HTTP}`;
const HOST_KEY = `ssh-ed25519 ${Buffer.concat([Buffer.from("0000000b7373682d6564323535313900000020", "hex"), Buffer.alloc(32, 7)]).toString("base64")}`;

const HOSTS = [
  { name: "by-http", mac: "08:00:27:aa:bb:01", ip: "192.0.2.11", via: "ipxe" },
  { name: "by-tftp", mac: "08:00:27:aa:bb:02", ip: "192.0.2.12", via: "tftp" },
  { name: "liar", mac: "08:00:27:aa:bb:03", ip: "192.0.2.13", via: "ipxe" },
  { name: "debian", mac: "08:00:27:aa:bb:06", ip: "192.0.2.16", via: "ipxe" },
] as const;
const DEADLINE_MS = 150_000;
const NIGHTLY_MS = 420_000;
const UNKNOWN_HTTP = "08:00:27:aa:bb:04";
const UNKNOWN_TFTP = { name: "unknown", mac: "08:00:27:aa:bb:05", ip: "192.0.2.15", via: "tftp" } as const;

describe.skipIf(reason && !process.env.CI)(`network boots${reason ? ` (not run: ${reason})` : ""}`, () => {
  const folder = mkdtempSync(join(tmpdir(), "labplan-boot-test-"));
  const registry = new Registry(folder);
  const log = new BootLog(folder);
  const guests: NetworkGuest[] = [];
  let lan: Lan;
  let mini: MiniInstaller;
  let serverLog: () => string;

  beforeAll(async () => {
    mini = await miniInstaller();
    lan = await startLan({ hosts: [...HOSTS, UNKNOWN_TFTP], httpPort: HTTP });
    const server = lan.spawn(
      "boot-server",
      [
        ...[process.execPath, "--require", "tsx/cjs", "cli/main.ts", "lab", "boot-server"],
        ...["--address", lan.address, "--http-port", `${HTTP}`, "--tftp-port", "69"],
      ],
      { LABPLAN_BOOT_HOME: folder },
    );
    serverLog = server.output;
  });
  afterAll(async () => {
    for (const guest of guests) await guest.stop();
    await lan?.stop();
    mini?.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  function register(host: { name: string; mac: string }, words: string): Registration {
    return registry.begin({
      machine: host.name,
      mac: host.mac,
      purpose: "install",
      expiresInS: 600,
      install: ({ token }) => ({
        installer: "kickstart",
        text: `# url: ${URL}\n# token: ${token}\n# host key: ${HOST_KEY}\n`,
        kernel: mini.kernel,
        initrd: mini.initrd,
        cmdline: `inst.ks=${URL}/config/${token}/ks.cfg ip=dhcp console=ttyS0 quiet panic=-1 mitigations=off ${words}`,
      }),
    });
  }

  const boot = (host: { name: string; mac: string }, memoryMiB = 256): NetworkGuest => {
    const guest = lan.boot({ ...host, memoryMiB });
    guests.push(guest);
    return guest;
  };

  /** What `npm run lab -- hosts --json` says. */
  async function hostsCommand(): Promise<{ machines: Host[]; strangers: StrangerSeen[] }> {
    const env = { ...process.env, LABPLAN_BOOT_HOME: folder };
    const argv = ["--require", "tsx/cjs", "cli/main.ts", "lab", "hosts", "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, argv, { env });
    return JSON.parse(stdout);
  }

  const eventsOf = (mac: string): BootEvent[] => log.read().filter((event) => event.mac === mac);

  it("trap kickstart-pxe#27, kickstart-pxe#35, kickstart-pxe#36: installs what is registered, refuses a wrong token, and gives an unknown machine nothing", async () => {
    const [byHttp, byTftp, liar] = HOSTS;
    const good = [
      register(byHttp, "mini.stages=pre,installed,booted"),
      register(byTftp, "mini.stages=pre,installed,booted"),
    ];
    register(HOSTS[3], "");
    register(liar, `mini.stages=pre,booted mini.token=${"0".repeat(32)} mini.steal=${HOSTS[3].mac}`);
    const machines = [byHttp, byTftp, liar].map((host) => boot(host));
    const unknown = [boot({ name: "unknown", mac: UNKNOWN_HTTP }), boot(UNKNOWN_TFTP)];

    await Promise.race([Promise.all(machines.map(({ ended }) => ended)), sleep(DEADLINE_MS)]);
    for (const [index, host] of [byHttp, byTftp].entries()) {
      const events = eventsOf(host.mac);
      const stages = ["pxe", "config", "pre", "installed", "booted"];
      // The loader may ask for its file twice: for the size, and for what is in it.
      const seen = events.map(({ stage }) => stage).filter((stage, i, all) => stage !== all[i - 1]);
      expect(seen, machines[index]?.console()).toEqual(stages);
      expect(events.at(-1)).toMatchObject({
        machine: host.name,
        build: good[index]?.build,
        address: host.ip,
        hostName: host.name,
        sshHostKey: HOST_KEY,
      });
    }

    expect(machines[2]?.console()).toContain("MINI-EVENT booted 1");
    expect(machines[2]?.console()).toContain("MINI-STOLEN 1");
    expect(eventsOf(liar.mac).map(({ stage }) => stage)).toEqual([
      "pxe",
      "refused",
      "config",
      "refused",
      "refused",
    ]);
    for (const guest of unknown) expect(guest.console()).not.toContain("vmlinuz");
    await expect
      .poll(() => unknown[1]?.console(), { timeout: 30_000, interval: 500 })
      .toContain("Unable to locate configuration file");

    const { machines: hosts, strangers } = await hostsCommand();
    expect(hosts).toMatchObject([
      { machine: "by-http", stage: "booted" },
      { machine: "by-tftp", stage: "booted" },
      { machine: "debian", stage: "waiting" },
      { machine: "liar", stage: "config" },
    ]);
    expect(strangers.map(({ mac }) => mac).sort()).toEqual([liar.mac, UNKNOWN_HTTP, UNKNOWN_TFTP.mac]);
    expect(strangers.find(({ mac }) => mac === liar.mac)?.wanted).toBe('sent "booted" with an unknown token');

    // Nothing that anybody wrote down has a token in it.
    const written = [readFileSync(log.file, "utf8"), serverLog(), JSON.stringify([hosts, strangers])].join(
      "\n",
    );
    for (const { token } of registry.list()) expect(written).not.toContain(token);
    // Installed is installed: the same machine, booted from the network again, gets nothing.
    expect(registry.serving(byHttp.mac)).toBeUndefined();
  }, 200_000);

  const debian = debianInstaller();
  const notNow =
    process.env.LABPLAN_NIGHTLY === "1"
      ? typeof debian === "string" && debian
      : "three minutes: only with LABPLAN_NIGHTLY=1";

  it.skipIf(notNow)(
    `Debian's own installer reads its preseed, and calls home from its early command${notNow ? ` (not run: ${notNow})` : ""}`,
    async () => {
      if (typeof debian === "string") throw new Error(debian);
      const host = HOSTS[3];
      const variables = kickstartVariables(
        { backend: "none", family: "debian", release: "12", mirror: "http://192.0.2.1/debian" },
        { name: "debian", purpose: "image", nics: [{ mac: host.mac }], disk: "vda" },
      );
      const { text, problems } = renderKickstart(variables);
      expect(problems).toEqual([]);
      const { build } = registry.begin({
        machine: host.name,
        mac: host.mac,
        purpose: "install",
        expiresInS: 900,
        install: ({ token }) => {
          const config = configUrl("preseed", URL, token);
          const fill = (raw: string) =>
            fillPlaceholders(raw, { boot: { url: URL, token, config }, secret: () => "" });
          return {
            installer: "preseed",
            text: fill(text),
            ...debian,
            cmdline: `${fill(commandLine(variables))} console=ttyS0 mitigations=off`,
          };
        },
      });
      const guest = boot(host, 1_024);
      for (const end = Date.now() + NIGHTLY_MS; Date.now() < end; await sleep(500))
        if (eventsOf(host.mac).some(({ stage }) => stage === "pre")) break;
      const told = eventsOf(host.mac).find(({ stage }) => stage === "pre");
      expect(told, guest.console().slice(-2_000)).toMatchObject({
        machine: "debian",
        build,
        address: host.ip,
        hostName: "debian",
      });
      expect(eventsOf(host.mac).map(({ stage }) => stage)).toContain("config");
      await guest.stop();
    },
    NIGHTLY_MS + 30_000,
  );
});
