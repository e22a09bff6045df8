import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ask, ask } from "../systems/openstack/ask";
import { available, type OpenStack, startOpenStack } from "../systems/openstack/start";

const LOOP = join(__dirname, "..", "..", "bench", "openstack-loop.py");
const run = promisify(execFile);

/** The control plane that the OpenStack tests stand on is what they take it for. */
describe.skipIf(available())("OpenStack's APIs on loopback", () => {
  let plane: OpenStack;
  let admin: Ask;
  let lab: Ask;
  const folder = mkdtempSync(join(tmpdir(), "labplan-apis-"));
  const before = { OS_CLOUD: process.env.OS_CLOUD, PATH: process.env.PATH };

  beforeAll(async () => {
    // A user's own shell: a cloud is chosen, and python3 is not the distribution's.
    process.env.OS_CLOUD = "elsewhere";
    process.env.PATH = `${folder}:${process.env.PATH}`;
    writeFileSync(join(folder, "python3"), "#!/bin/sh\nexit 1\n");
    chmodSync(join(folder, "python3"), 0o755);
    plane = await startOpenStack({ quotas: "default" });
    [admin, lab] = await Promise.all([ask(plane), ask(plane, "lab")]);
  }, 600_000);

  afterAll(async () => {
    Object.assign(process.env, before);
    if (before.OS_CLOUD === undefined) delete process.env.OS_CLOUD;
    rmSync(folder, { recursive: true, force: true });
    await plane?.stop();
  }, 60_000);

  /** A server on a port of its own, as far as nova takes it; waits until it is built or refused. */
  async function boot(name: string, more: object = {}) {
    const [network] = (await admin("network", "/networks?name=inner")).body.networks;
    const port = (
      await admin("network", "/ports", { method: "POST", body: { port: { network_id: network.id } } })
    ).body.port;
    const image = (await admin("image", "/images?name=cirros-a")).body.images[0].id;
    const flavors = (await admin("compute", "/flavors")).body.flavors as { id: string; name: string }[];
    const flavorRef = flavors.find((flavor) => flavor.name === "m1.tiny")?.id;
    const server = { name, imageRef: image, flavorRef, networks: [{ port: port.id }], ...more };
    const made = await admin("compute", "/servers", { method: "POST", body: { server } });
    if (made.status !== 202) return { refused: made.status, port, server: undefined };
    for (let tries = 0; tries < 300; tries++) {
      const { server: seen } = (await admin("compute", `/servers/${made.body.server.id}`)).body;
      if (seen.status !== "BUILD") return { refused: undefined, port, server: seen };
      await sleep(200);
    }
    throw new Error(`${name} is still being built`);
  }

  test("every service is up, and the fake hypervisor is mapped to its cell", async () => {
    const { services } = (await admin("compute", "/os-services")).body;
    expect(services.map((service: { binary: string }) => service.binary).sort()).toEqual([
      "nova-compute",
      "nova-conductor",
      "nova-scheduler",
    ]);
    for (const service of services)
      expect(service).toMatchObject({ host: "lab", state: "up", status: "enabled" });
    const { hypervisors } = (await admin("compute", "/os-hypervisors/detail")).body;
    expect(hypervisors).toHaveLength(1);
    expect(hypervisors[0]).toMatchObject({
      hypervisor_type: "fake",
      hypervisor_hostname: "lab",
      state: "up",
    });
    expect(await plane.novaManage("cell_v2", "list_hosts")).toMatch(/cell1 .*\blab\b/);
    const { resource_providers: providers } = (await admin("placement", "/resource_providers")).body;
    expect(providers.map(({ name }: { name: string }) => name)).toEqual(["lab"]);
  });

  test("a plain member finds the images, flavors and external network, and may not look at the services", async () => {
    const names = async (service: "image" | "compute" | "network", path: string, key: string) =>
      (await lab(service, path)).body[key].map(({ name }: { name: string }) => name).sort();
    expect(await names("image", "/images", "images")).toEqual(["cirros-a", "cirros-b"]);
    expect(await names("compute", "/flavors", "flavors")).toEqual(["m1.small", "m1.tiny"]);
    expect(await names("network", "/networks?router:external=true", "networks")).toEqual(["public"]);
    expect((await lab("compute", "/os-services")).status).toBe(403);
  });

  test("trap openstack#5: without an agent a port is bound all the same, and its server becomes ACTIVE", async () => {
    const network = (
      await admin("network", "/networks", { method: "POST", body: { network: { name: "inner" } } })
    ).body.network;
    const subnet = { network_id: network.id, ip_version: 4, cidr: "10.77.0.0/24" };
    await admin("network", "/subnets", { method: "POST", body: { subnet } });
    const { server, port } = await boot("bound");
    expect(server.status).toBe("ACTIVE");
    const seen = (await admin("network", `/ports/${port.id}`)).body.port;
    expect(seen).toMatchObject({ status: "ACTIVE", "binding:vif_type": "ovs", "binding:host_id": "lab" });
    expect((await admin("network", "/agents")).body.agents).toEqual([]);
  });

  test("trap openstack#6: a compute registers itself, and takes no server until discover_hosts has mapped it", async () => {
    const compute = await plane.addCompute("node2");
    try {
      const states = async () =>
        (await admin("compute", "/os-services?binary=nova-compute")).body.services.map(
          ({ host, state }: { host: string; state: string }) => `${host} ${state}`,
        );
      for (let tries = 0; tries < 300 && !(await states()).includes("node2 up"); tries++) await sleep(200);
      expect(await states()).toContain("node2 up");
      // Its node and inventory come a moment after the service.
      for (let tries = 0; tries < 300; tries++) {
        const found = (await admin("placement", "/resource_providers?name=node2")).body.resource_providers;
        if (found.length > 0) break;
        await sleep(200);
      }
      expect(await plane.novaManage("cell_v2", "list_hosts")).not.toContain("node2");
      const there = { availability_zone: "nova:node2" };
      const early = await boot("early", there);
      expect(early.refused ?? early.server.status).not.toBe("ACTIVE");

      await plane.novaManage("cell_v2", "discover_hosts");
      expect(await plane.novaManage("cell_v2", "list_hosts")).toContain("node2");
      const late = await boot("late", there);
      expect(late.server).toMatchObject({ status: "ACTIVE", "OS-EXT-SRV-ATTR:host": "node2" });
    } finally {
      // Else servers are still given to it for a minute.
      const body = { host: "node2", binary: "nova-compute" };
      await admin("compute", "/os-services/disable", { method: "PUT", body });
      await compute.stop();
    }
  }, 180_000);

  test("trap openstack#7: neither the user's OS_CLOUD nor another python3 leads the start elsewhere", async () => {
    expect(process.env.OS_CLOUD).toBe("elsewhere");
    const images = await plane.openstack<{ Name: string }[]>("image", "list");
    expect(images.map(({ Name }) => Name).sort()).toEqual(["cirros-a", "cirros-b"]);
  });

  test("trap openstack#16: a project's limits are small unless an administrator raised them", async () => {
    const nova = (await lab("compute", `/os-quota-sets/${lab.projectId}`)).body.quota_set;
    expect(nova).toMatchObject({ instances: 10, cores: 20, ram: 51_200 });
    const neutron = (await lab("network", `/quotas/${lab.projectId}`)).body.quota;
    expect(neutron).toMatchObject({
      network: 100,
      port: 500,
      router: 10,
      floatingip: 50,
      security_group: 10,
    });
    expect(neutron.security_group_rule).toBe(100);
    const [image] = (await lab("image", "/images")).body.images;
    const [flavor] = (await lab("compute", "/flavors")).body.flavors;
    const many = (count: number) => {
      const server = { name: "many", imageRef: image.id, flavorRef: flavor.id, networks: "none" };
      const body = { server: { ...server, min_count: count, max_count: count } };
      return lab("compute", "/servers", { method: "POST", body, microversion: "2.37" });
    };
    const { status, body } = await many(11);
    expect(status).toBe(403);
    expect(body.forbidden.message).toContain("Quota exceeded for instances");
  });

  test("trap openstack#30: a flavor without a disk is refused to who starts from an image, but for administrators", async () => {
    const flavor = { name: "v1.tiny", ram: 128, vcpus: 1, disk: 0 };
    const { id } = (await admin("compute", "/flavors", { method: "POST", body: { flavor } })).body.flavor;
    const [image] = (await lab("image", "/images")).body.images;
    const server = { name: "bare", imageRef: image.id, flavorRef: id, networks: "none" };
    const request = { method: "POST", body: { server }, microversion: "2.37" };
    const { status, body } = await lab("compute", "/servers", request);
    expect(status).toBe(403);
    expect(body.forbidden.message).toBe("Only volume-backed servers are allowed for flavors with zero disk.");
    const made = await admin("compute", "/servers", request);
    expect(made.status).toBe(202);
    await admin("compute", `/servers/${made.body.server.id}`, { method: "DELETE" });
    await admin("compute", `/flavors/${id}`, { method: "DELETE" });
  });

  test("trap openstack#17: the bench's peer can create all first and then wait, and leaves nothing", async () => {
    const env = { PATH: "/usr/bin:/bin", HOME: folder, ...plane.admin };
    const servers = async () =>
      (await admin("compute", "/servers")).body.servers.map(({ id }: { id: string }) => id).sort();
    // Those of the tests before.
    const others = await servers();
    const { stdout } = await run("/usr/bin/python3", [LOOP, "2", "together"], { env });
    expect(JSON.parse(stdout)).toEqual({ create: expect.any(Number), destroy: expect.any(Number) });
    expect(await servers()).toEqual(others);
    expect((await admin("network", "/floatingips")).body.floatingips).toEqual([]);
  }, 240_000);

  test("what it prints and logs has no password of a user", async () => {
    const logs = await plane
      .inside(["grep", "-rlE", "(admin|lab)-password-canary", "/mnt/log"])
      .catch(() => "");
    expect(logs).toBe("");
  });

  test("stopping leaves no process and no folder", async () => {
    await plane.stop();
    expect(existsSync(plane.stateDir)).toBe(false);
    for (const port of Object.values(plane.ports))
      await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  }, 60_000);
});
