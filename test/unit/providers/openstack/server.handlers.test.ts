import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Run } from "../../../../providers/core/definition";
import { FRESH_MS } from "../../../../providers/openstack/clients";
import type { ServerInputs, ServerState } from "../../../../providers/openstack/server";
import { serverDefinition } from "../../../../providers/openstack/server.handlers";
import { type CloudDouble, PASSWORD, startCloudDouble } from "./keystone-double";

const HOST_KEY = `ssh-ed25519 ${"A".repeat(68)}`;
const CONSOLE = `-----BEGIN SSH HOST KEY KEYS-----\n${HOST_KEY} root@w1\n-----END SSH HOST KEY KEYS-----\n`;

let cloud: CloudDouble;
let servers: object[];
let floatingIps: object[];
let consoleLog: string;
/** Answers of the console before it shows its log. */
let refusals: number[];
let regions = 0;
let region = "";

const server = (parts: object = {}) => ({
  id: "s1",
  name: "w1",
  status: "ACTIVE",
  metadata: { labplan: "k3v9q2x7/dev/w1" },
  addresses: {},
  ...parts,
});

const inputs = (parts: Partial<ServerInputs> = {}): ServerInputs => ({
  name: "w1",
  backend: "cloud",
  serverName: "w1",
  fixedAddress: "10.20.0.2",
  floatingIp: false,
  user: "debian",
  running: true,
  wait: { for: "none" },
  ...parts,
});

const run = (): Run<ServerState> => ({
  signal: new AbortController().signal,
  // A cloud of its own for each test: lists are shared by all who ask the same one.
  backend: { kind: "openstack", region },
  mark: { lab: "k3v9q2x7", stack: "dev", name: "w1" },
  dryRun: false,
  secret: () => "",
  progress: () => {},
  say: () => {},
  step: (_title, work) => work(),
  checkpoint: () => {},
  now: () => new Date(),
  random: () => Buffer.alloc(0),
});

beforeEach(async () => {
  servers = [server()];
  floatingIps = [];
  consoleLog = CONSOLE;
  refusals = [];
  region = `Region${regions++}`;
  cloud = await startCloudDouble(
    (what) => {
      if (what.startsWith("GET /compute/v2.1/servers/detail")) return { body: { servers } };
      if (what.startsWith("GET /network/v2.0/floatingips")) return { body: { floatingips: floatingIps } };
      if (what === "POST /compute/v2.1/servers/s1/action") {
        const status = refusals.shift();
        return status === undefined ? { body: { output: consoleLog } } : { status, body: {} };
      }
      return undefined;
    },
    { region },
  );
  process.env.OS_AUTH_URL = cloud.url;
  process.env.OS_USERNAME = "ann";
  process.env.OS_PASSWORD = PASSWORD;
  process.env.OS_PROJECT_NAME = "lab";
});

afterEach(async () => {
  for (const name of ["OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME"])
    delete process.env[name];
  await cloud.close();
});

describe("the machine of a server", () => {
  test("is known by our mark: another server of the same name is none of ours", async () => {
    servers = [server({ id: "s0", metadata: { labplan: "otherlab/dev/w1" } })];
    expect(await serverDefinition.observe(inputs(), run())).toBeUndefined();
  });

  test("has the planned address, and the host key that its console shows", async () => {
    expect(await serverDefinition.reconcile(inputs(), undefined, run())).toEqual({
      ...inputs(),
      serverId: "s1",
      status: "ACTIVE",
      projectId: "p1",
      keystone: `${cloud.url}/v3`,
      failed: false,
      address: "10.20.0.2",
      sshPort: 22,
      sshHostKey: HOST_KEY,
    });
  });

  test("has the config's host key, where its console shows none", async () => {
    consoleLog = "FAKE CONSOLE OUTPUT";
    const given = `ssh-ed25519 ${"D".repeat(68)}`;
    expect(await serverDefinition.reconcile(inputs({ hostKey: given }), undefined, run())).toMatchObject({
      sshHostKey: given,
    });
    expect(await serverDefinition.reconcile(inputs(), undefined, run())).not.toHaveProperty("sshHostKey");
  });

  test("is not made to fail by a console that nobody waits for", async () => {
    for (const status of [403, 404, 409, 501, 503]) {
      refusals = [status];
      const found = await serverDefinition.reconcile(inputs(), undefined, run());
      expect(found).toMatchObject({ serverId: "s1" });
      expect(found).not.toHaveProperty("sshHostKey");
    }
  });

  test("waits for a console that is not there yet, and says at once that a cloud shows none", async () => {
    consoleLog = "";
    const waiting = inputs({ wait: { for: "ssh", timeoutS: 60 } });
    // A minute goes by with each look at the clock.
    let minutes = 0;
    const hurried = () => ({ ...run(), now: () => new Date(minutes++ * 60_000) });
    for (const status of [404, 409, 503]) {
      refusals = [status];
      await expect(serverDefinition.reconcile(waiting, undefined, hurried())).rejects.toThrow(
        /its console log shows no SSH host key within/,
      );
    }
    for (const status of [403, 501]) {
      refusals = [status];
      await expect(serverDefinition.reconcile(waiting, undefined, hurried())).rejects.toThrow(
        /w1: this cloud shows no console \((403|501)\).*Give the key: `hostKey:/,
      );
    }
  });

  test("has the floating IP that carries its mark", async () => {
    floatingIps = [
      { floating_ip_address: "203.0.113.8", description: "labplan k3v9q2x7/dev/w2" },
      { floating_ip_address: "203.0.113.9", description: "labplan k3v9q2x7/dev/w1" },
    ];
    expect(await serverDefinition.reconcile(inputs({ floatingIp: true }), undefined, run())).toMatchObject({
      address: "203.0.113.9",
    });
  });

  test("looks again for a floating IP that is not there, and then says so", async () => {
    await expect(serverDefinition.reconcile(inputs({ floatingIp: true }), undefined, run())).rejects.toThrow(
      /no floating IP of the cloud carries our mark/,
    );
  });

  test("loses what was learned when its server is another one", async () => {
    const known = { ...inputs(), serverId: "s0", sshHostKey: HOST_KEY } as ServerState;
    expect(await serverDefinition.observe(inputs(), run(), known)).not.toHaveProperty("sshHostKey");
    expect(await serverDefinition.observe(inputs(), run(), { ...known, serverId: "s1" })).toMatchObject({
      sshHostKey: HOST_KEY,
    });
  });

  test("trap openstack#29: is not gone, where the login is for another project than it was made in", async () => {
    servers = [];
    const known = { ...inputs(), serverId: "s1", projectId: "p0", keystone: "https://a/v3" } as ServerState;
    await expect(serverDefinition.observe(inputs(), run(), known)).rejects.toThrow(
      /w1: this is another project than it was made in: it is in p0 of https:\/\/a\/v3, and the login is for p1/,
    );
    expect(await serverDefinition.observe(inputs(), run(), { ...known, projectId: "p1" })).toBeUndefined();
  });

  test("trap openstack#15: whose server is in ERROR fails with nova's own words, however often it is tried", async () => {
    const fault = { code: 500, message: "No valid host was found." };
    servers = [server({ status: "ERROR", fault, "OS-SRV-USG:launched_at": null })];
    const failure =
      /w1: its server is in state ERROR: No valid host was found \(500\)\..*openstack server delete s1/;
    await expect(serverDefinition.reconcile(inputs(), undefined, run())).rejects.toThrow(failure);
    await expect(serverDefinition.reconcile(inputs(), undefined, run())).rejects.toThrow(failure);
    expect(await serverDefinition.observe(inputs(), run())).toMatchObject({ failed: true });
    expect(serverDefinition.expects?.failed?.value).toBe(false);
  });

  test("in ERROR that ran has a disk, and is not to be deleted lightly", async () => {
    servers = [server({ status: "ERROR", "OS-SRV-USG:launched_at": "2026-11-01T10:00:00.000000" })];
    await expect(serverDefinition.reconcile(inputs(), undefined, run())).rejects.toThrow(
      /openstack server reboot --hard s1".*set --state active s1.*Deleting it loses its disk/,
    );
  });
});

test("a hundred that look at once ask the cloud once", async () => {
  await Promise.all(Array.from({ length: 100 }, () => serverDefinition.observe(inputs(), run())));
  expect(cloud.asked).toHaveLength(1);
  expect(cloud.logins).toHaveLength(1);
});

test("a refresh asks the cloud once, however long it takes; what is being made is looked at anew", async () => {
  const known = { ...inputs(), serverId: "s1" } as ServerState;
  await serverDefinition.observe(inputs(), run(), known);
  await sleep(FRESH_MS + 100);
  await serverDefinition.observe(inputs(), run(), known);
  expect(cloud.asked).toHaveLength(1);
  await serverDefinition.observe(inputs(), run());
  expect(cloud.asked).toHaveLength(2);
});
