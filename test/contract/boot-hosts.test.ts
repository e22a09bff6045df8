import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Host } from "../../kickstart/server/hosts";
import { BootLog } from "../../kickstart/server/log";
import type { StrangerSeen } from "../../kickstart/server/progress";
import { Registry } from "../../kickstart/server/registry";
import { available, type Sshd, startSshd } from "../systems/ssh/start";

const reason = available();
const run = promisify(execFile);
const LAB = ["--require", "tsx/cjs", "cli/main.ts", "lab"];

describe("npm run lab -- boot-server and hosts", () => {
  const folder = mkdtempSync(join(tmpdir(), "labplan-hosts-"));
  const env = { ...process.env, LABPLAN_BOOT_HOME: join(folder, "boot") };
  const registry = new Registry(env.LABPLAN_BOOT_HOME);
  let server: ChildProcess;
  let said = "";
  let url = "";

  const lab = async (...args: string[]) => (await run(process.execPath, [...LAB, ...args], { env })).stdout;
  const listed = async (...flags: string[]): Promise<{ machines: Host[]; strangers: StrangerSeen[] }> =>
    JSON.parse(await lab("hosts", "--json", ...flags));
  const tell = async (token: string, fields: Record<string, string>) =>
    (
      await fetch(`${url}/events/booted`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
        body: new URLSearchParams(fields),
      })
    ).status;
  const until = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const found = pattern.exec(said);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };

  beforeAll(async () => {
    registry.begin({ machine: "early", mac: "08:00:27:aa:bb:09", purpose: "record", expiresInS: 600 });
    const port = 30_000 + (process.pid % 20_000);
    server = spawn(process.execPath, [...LAB, "boot-server", "--http-port", `${port}`, "--tftp-port", "0"], {
      env,
    });
    server.stdout?.on("data", (bytes) => {
      said += bytes;
    });
    server.stderr?.on("data", (bytes) => {
      said += bytes;
    });
    await until(/HTTP on port (\d+), no TFTP/);
    url = `http://127.0.0.1:${port}`;
  });
  afterAll(async () => {
    server?.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  it("says what it serves, to whom only, and who is registered", async () => {
    await until(/only this machine can reach it/);
    expect(said).toMatch(/early \(08:00:27:aa:bb:09\) is registered: record/);
  });

  it.skipIf(reason && !process.env.CI)(
    `asks machines over SSH by the key that they told, and never a stranger${reason ? ` (not run: ${reason})` : ""}`,
    async () => {
      const sshd: Sshd = await startSshd();
      const other: Sshd = await startSshd();
      try {
        const ssh = ({ port }: Sshd) => ({ host: "127.0.0.1", port });
        const w1 = registry.begin({
          machine: "w1",
          mac: "08:00:27:aa:bb:01",
          purpose: "record",
          expiresInS: 600,
          ssh: ssh(sshd),
        });
        const w2 = registry.begin({
          machine: "w2",
          mac: "08:00:27:aa:bb:02",
          purpose: "record",
          expiresInS: 600,
          ssh: ssh(other),
        });
        expect(await tell(w1.token, { mac: w1.mac, host: "w1", hostKey: sshd.hostKey })).toBe(204);
        // Another machine answers at its port.
        expect(await tell(w2.token, { mac: w2.mac, host: "w2", hostKey: sshd.hostKey })).toBe(204);
        expect(
          await tell("f".repeat(32), { mac: "de:ad:be:ef:00:01", host: "w3", hostKey: other.hostKey }),
        ).toBe(404);
        const { machines, strangers } = await listed("--filter");
        expect(machines).toMatchObject([
          { machine: "early", stage: "waiting", answers: false },
          { machine: "w1", stage: "booted", hostName: "w1", answers: true },
          {
            machine: "w2",
            stage: "booted",
            answers: false,
            why: expect.stringContaining("the host key CHANGED"),
          },
        ]);
        expect(strangers).toMatchObject([{ mac: "de:ad:be:ef:00:01", address: "127.0.0.1" }]);
        // Nobody asked where the stranger said that it is.
        expect(await other.log()).not.toContain("w3");
        const text = await lab("hosts", "--filter");
        expect(text).toMatch(/^machine +host name +MAC +address +stage +last seen +answers$/m);
        expect(text).toMatch(/^strangers: refused, and never a target$/m);
        const secrets = [readFileSync(new BootLog(env.LABPLAN_BOOT_HOME).file, "utf8"), said, text].join(
          "\n",
        );
        for (const { token } of registry.list()) expect(secrets).not.toContain(token);
      } finally {
        await sshd.stop();
        await other.stop();
      }
    },
  );

  it("ends in good order when it is told to", async () => {
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGTERM");
    expect(await ended).toBe(0);
    expect(said).toMatch(/ends with SIGTERM/);
  });

  it("refuses what is no port, and a port that is taken", async () => {
    await expect(lab("boot-server", "--http-port", "http")).rejects.toThrow("--http-port http is no port");
    await expect(lab("boot-server", "--tftp-port", "0", "--address", "192.0.2.200")).rejects.toThrow(
      "this machine has no such address",
    );
  });
});
