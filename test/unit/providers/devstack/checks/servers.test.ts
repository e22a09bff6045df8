import { beforeEach, describe, expect, test } from "vitest";
import { MARK_KEY, removeLeftovers } from "../../../../../providers/devstack/checks/leftovers";
import { bootServers, type Reach } from "../../../../../providers/devstack/checks/servers";
import { newTrace, runOn } from "../../../../contract/libvirt-handlers.run";
import { CloudDouble, Hurry, hurried } from "../cloud-double";

const HOSTS = ["hv1", "hv2", "hv3"];
const answers: Reach = async () => undefined;

describe("one server on each hypervisor", () => {
  let cloud: CloudDouble;
  let clock: Hurry;
  let trace = newTrace();
  let stop = new AbortController();
  beforeEach(() => {
    cloud = new CloudDouble();
    clock = new Hurry();
    trace = newTrace();
    stop = new AbortController();
  });

  const run = () => ({
    ...runOn({ kind: "embedded" }, { name: "lab", trace }),
    signal: stop.signal,
    now: () => new Date(clock.ms),
  });
  const boot = (reach: Reach | undefined = answers, hosts = HOSTS) =>
    bootServers(
      hosts,
      { api: cloud.api, lasting: cloud.api, boot: { timeoutS: 60 }, reach, patience: hurried(clock) },
      run(),
      "4/5 servers",
    );
  const wrongs = (booted: Map<string, { wrong?: string }>) =>
    [...booted.values()].flatMap(({ wrong }) => wrong ?? []);

  test("is booted, reached and deleted, with progress; nothing is wrong", async () => {
    const pinged: string[] = [];
    const booted = await boot(async (host, { network, address }) => {
      pinged.push(`${host} ${network} ${address}`);
      return undefined;
    });
    expect(wrongs(booted)).toEqual([]);
    expect(HOSTS.map((host) => booted.get(host)?.server?.reached)).toEqual([true, true, true]);
    expect(pinged).toHaveLength(3);
    expect(pinged[0]).toMatch(/^hv\d n1 10\.0\.0\.\d$/);
    expect(cloud.servers).toEqual([]);
    expect(trace.progress.at(-1)).toBe("[4/5 servers] 3 of 3");
  });

  test("trap openstack#15: one in ERROR is told with nova's reason, deleted as well, and says nothing of the others", async () => {
    cloud.fates.set("hv2", "ERROR");
    const booted = await boot();
    expect(wrongs(booted)).toEqual(["server on hv2: ERROR: No valid host was found."]);
    expect(booted.get("hv2")?.server?.reached).toBe(false);
    expect(booted.get("hv3")?.server?.reached).toBe(true);
    expect(cloud.servers).toEqual([]);
  });

  test("one that stays in BUILD, one that nova refuses, one that does not answer: each by its name", async () => {
    cloud.fates.set("hv1", "BUILD").set("hv2", "refused");
    const booted = await boot(async () => "no answer to a ping");
    expect(wrongs(booted).sort()).toEqual([
      "server on hv1: still BUILD after 60 s",
      "server on hv2: Quota exceeded for instances",
      "server on hv3: not reached within 60 s: no answer to a ping",
    ]);
    expect(cloud.servers).toEqual([]);
  });

  test("an API that is away for a moment is asked again", async () => {
    let turns = 0;
    const get = cloud.get.bind(cloud);
    cloud.get = async <T>(...[service, path]: Parameters<typeof get>): Promise<T> => {
      if (path.startsWith("/servers/") && ++turns === 2) cloud.faults.set(`GET ${path}`, 503);
      else cloud.faults.clear();
      return get<T>(service, path);
    };
    expect(wrongs(await boot(answers, ["hv1"]))).toEqual([]);
    expect(turns).toBeGreaterThan(2);
  });

  test("stays below the ten servers of a default quota", async () => {
    const hosts = Array.from({ length: 30 }, (_, index) => `hv${index + 1}`);
    await boot(answers, hosts);
    expect(cloud.most).toBeLessThan(10);
    expect(cloud.most).toBeGreaterThan(1);
  });

  test("a run that is stopped deletes what it has booted, and throws", async () => {
    const reach: Reach = async () => {
      stop.abort(new Error("the engine went away"));
      return "no answer";
    };
    await expect(boot(reach, ["hv1"])).rejects.toThrow("the engine went away");
    expect(cloud.servers).toEqual([]);
  });

  test("what a killed run left is deleted by its mark; somebody else's of the same name is not touched", async () => {
    const left = (metadata: Record<string, string>) =>
      cloud.post("compute", "/servers", { server: { name: "labplan-verify-hv1", host: "hv1", metadata } });
    await left({ [MARK_KEY]: "ct8handl/test/lab" });
    await left({ [MARK_KEY]: "otherlab/test/lab" });
    await left({});
    cloud.groups.push(
      { id: "a", name: "labplan-verify-ct8handl-test-lab", description: "labplan ct8handl/test/lab" },
      { id: "b", name: "labplan-verify-ct8handl-test-lab", description: "mine" },
    );
    expect(await removeLeftovers(cloud.api, run(), hurried(clock))).toBe(1);
    expect(cloud.servers.map(({ metadata }) => metadata)).toEqual([{ [MARK_KEY]: "otherlab/test/lab" }, {}]);
    expect(cloud.groups.map(({ id }) => id)).toEqual(["b"]);
  });

  test("a server that does not go is told with what to do", async () => {
    cloud.fates.set("hv1", "sticky");
    await boot(answers, ["hv1"]);
    await expect(removeLeftovers(cloud.api, run(), hurried(clock))).rejects.toThrow(
      /labplan-verify-hv1 \(s2\) is still ACTIVE 10 s after it was deleted.*openstack server/,
    );
  });
});
