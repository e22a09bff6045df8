import { spawn } from "node:child_process";
import * as http2 from "node:http2";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { afterEach, expect, test } from "vitest";

const ROOT = path.resolve(__dirname, "../../../..");
const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Anything that accepts HTTP/2 is an engine as far as the channel's state goes. */
async function engine(): Promise<{ address: string; die: () => void }> {
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on("session", (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const die = () => {
    for (const session of sessions) session.destroy();
    server.close();
  };
  closers.push(die);
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, die };
}

test("trap pulumi-dynamic#26: a provider that served nothing yet ends within a second of its engine's death", async () => {
  const { address, die } = await engine();
  const code = `
    process.argv[2] = "${address}";
    require("./providers/host.cjs");
    setInterval(() => {}, 1000); // busy with something that never ends
    setTimeout(() => console.log("watching"), 700);
  `;
  const child = spawn(process.execPath, ["-e", code, "x"], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
  });
  closers.push(() => child.kill("SIGKILL"));
  await new Promise((resolve) => child.stdout.once("data", resolve));
  expect(child.exitCode).toBeNull();
  const died = Date.now();
  die();
  await new Promise((resolve) => child.once("exit", resolve));
  expect(Date.now() - died).toBeLessThan(1_000);
}, 15_000);

test("trap pulumi-dynamic#21: the passphrase is gone from the environment that children get", async () => {
  const code = `require("./providers/host.cjs"); console.log(process.env.PULUMI_CONFIG_PASSPHRASE ?? "none")`;
  const env = { ...process.env, PULUMI_CONFIG_PASSPHRASE: "canary" };
  const child = spawn(process.execPath, ["-e", code], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const printed = await new Promise<string>((resolve) =>
    child.stdout.once("data", (data) => resolve(String(data))),
  );
  expect(printed.trim()).toBe("none");
});
