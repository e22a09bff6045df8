import { afterEach, describe, expect, it } from "vitest";
import { about, clientFor, closeServers } from "../../../../../providers/fog/clients";
import { FogError } from "../../../../../providers/fog/errors";
import type { BackendConfig, SecretRef } from "../../../../../stacks/config/types";
import { json, serverPark, TOKENS } from "./scripted";

const park = serverPark();
afterEach(() => {
  closeServers();
  park.closeAll();
});

const runOn = (backend: BackendConfig, secrets: Record<string, string>, says: string[] = []) => ({
  backend,
  signal: new AbortController().signal,
  secret: (ref: SecretRef) => secrets[(ref as { secret: string }).secret] ?? "",
  say: (line: string, severity?: string) => says.push(`${severity}: ${line}`),
});

const SECRETS = { api: TOKENS.apiToken, user: TOKENS.userToken };
const backendAt = (url: string): BackendConfig => ({
  kind: "fog",
  url,
  apiToken: { secret: "api" },
  userToken: { secret: "user" },
});

describe("the client of a backend", () => {
  it("trap fog#15: a real server is polled no faster than every 5 s", async () => {
    const client = await clientFor(runOn(backendAt("http://fog.example/fog"), SECRETS));
    expect(client.pollMs).toBeGreaterThanOrEqual(5_000);
    expect(client.server).toBe("the FOG server http://fog.example");
  });

  it("its tokens are read at each run, so that rotated ones are used at once", async () => {
    const fog = await park.start(() => json({ count: 0, hosts: [] }));
    const secrets = { ...SECRETS };
    await (await clientFor(runOn(backendAt(fog.url), secrets))).hosts();
    secrets.api = "cm90YXRlZA==";
    await (await clientFor(runOn(backendAt(fog.url), secrets))).hosts();
    expect(fog.asked.map(({ headers }) => headers["fog-api-token"])).toEqual([
      TOKENS.apiToken,
      "cm90YXRlZA==",
    ]);
  });

  it("runs of one backend share four places", async () => {
    let now = 0;
    let most = 0;
    const fog = await park.start(async () => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, 15));
      now--;
      return json({ count: 0, hosts: [] });
    });
    await Promise.all(
      [...Array(12)].map(async () => (await clientFor(runOn(backendAt(fog.url), SECRETS))).hosts()),
    );
    expect(most).toBe(4);
  });

  it("a backend without tokens, or of another kind, is refused with what to do", async () => {
    const bare: BackendConfig = { kind: "fog", url: "http://fog.example/fog" };
    await expect(clientFor(runOn(bare, {}))).rejects.toThrow("needs apiToken: { secret: … }");
    await expect(clientFor(runOn({ kind: "libvirt", uri: "qemu:///system" }, {}))).rejects.toThrow(
      "a backend of kind libvirt has no FOG hosts or images",
    );
    await expect(
      clientFor(runOn(backendAt("http://fog.example/fog"), { api: "", user: "" })),
    ).rejects.toThrow("its apiToken is empty");
  });

  it("says two tasks of one host on the run's own row", async () => {
    const task = (id: number) => ({ id, hostID: 1, typeID: 1, stateID: 1, name: "ours - h1" });
    const fog = await park.start(() => json({ count: 2, tasks: [task(5), task(4)] }));
    const says: string[] = [];
    const client = await clientFor(runOn(backendAt(fog.url), SECRETS, says));
    const host = { id: 1, name: "h1", description: "", macs: [], imageId: 1, kernelArgs: "" };
    expect((await client.startTask(host, 1, "ours")).id).toBe(4);
    expect(says).toEqual([expect.stringMatching(/^warning: host "h1" has 2 tasks .*: 4 is followed$/)]);
  });

  it("a run that has ended calls no server", async () => {
    const fog = await park.start(() => json({ count: 0, hosts: [] }));
    const run = { ...runOn(backendAt(fog.url), SECRETS), signal: AbortSignal.abort(new Error("gone")) };
    await expect((await clientFor(run)).hosts()).rejects.toThrow("gone");
    expect(fog.asked).toEqual([]);
  });

  it("an error of FOG's gets the name of what it is about, others stay", async () => {
    const fail = (error: Error) => () => Promise.reject(error);
    await expect(about("w2", fail(new FogError("server", "it failed")))).rejects.toThrow("w2: it failed");
    await expect(about("w2", fail(new Error("other")))).rejects.toThrow(/^other$/);
  });
});
