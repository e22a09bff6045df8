import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DevstackApi, startDevstackApi } from "../../../../embedded/devstack/api";
import type { Cloud } from "../../../../embedded/devstack/cloud";
import type { FaultRule } from "../../../../embedded/faults";

/** The control plane of a stand-in: asked over real HTTP, as a controller's would be. */
describe("the API answers of devstack's stand-in", () => {
  let api: DevstackApi;
  /** Where the clock of the answers stands still, in ms. */
  let stopped: number | undefined;
  let cloud: Cloud;
  let headers: Record<string, string> = {};
  let rule: FaultRule | undefined;
  const asked: string[] = [];

  const tell = async (
    call: string,
    ...fields: [string, string][]
  ): Promise<{ status: number; text: string }> => {
    const body = new URLSearchParams(fields);
    const answer = await fetch(`${api.url}/stand-in/${call}`, { method: "POST", body });
    return { status: answer.status, text: await answer.text() };
  };
  const start = (service: string, host: string, cell = "1") =>
    tell(
      "start",
      ["cloud", "10.0.0.1"],
      ["host", host],
      ["address", `10.0.0.${host.length}`],
      ["service", service],
      ["cell", cell],
    );
  const manage = async (...words: string[]) => {
    const { text } = await tell(
      "nova-manage",
      ["cloud", "10.0.0.1"],
      ...words.map((word): [string, string] => ["word", word]),
    );
    const code = text.slice(text.lastIndexOf("\n") + 1);
    return { code: Number(code), text: text.slice(0, text.length - code.length) };
  };
  async function call(method: string, path: string, body?: object, more: Record<string, string> = {}) {
    const answer = await fetch(`${api.url}/10.0.0.1/${path}`, {
      method,
      headers: { ...headers, ...more },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      // biome-ignore lint/suspicious/noExplicitAny: looked at with toMatchObject only
      body: (text.startsWith("{") ? JSON.parse(text) : text) as any,
    };
  }
  const logIn = (password: string) =>
    call("POST", "identity/v3/auth/tokens", {
      auth: {
        identity: {
          methods: ["password"],
          password: { user: { name: "admin", domain: { id: "default" }, password } },
        },
        scope: { project: { name: "admin", domain: { id: "default" } } },
      },
    });
  const services = async () => (await call("GET", "compute/v2.1/os-services")).body.services;
  const until = async (look: () => Promise<boolean> | boolean) => {
    for (let at = 0; at < 200; at++) {
      if (await look()) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error("not in time");
  };
  const compute = async (host: string, cell = "1") => {
    await start("n-cpu", host, cell);
    await until(() => cloud.hypervisors.some((one) => one.host === host));
  };

  beforeEach(async () => {
    headers = {};
    rule = undefined;
    asked.length = 0;
    const next = (name: string) => {
      asked.push(name);
      return rule;
    };
    const now = () => new Date(stopped ?? Date.now());
    stopped = undefined;
    api = await startDevstackApi({ bootMs: 5, registerMs: 300, faults: { next }, now });
    const { text } = await tell(
      "cloud",
      ["cloud", "10.0.0.1"],
      ["host", "ctl"],
      ["address", "10.0.0.1"],
      ["cells", "2"],
      ["admin_password", "canary"],
    );
    expect(text).toBe(`${api.url}/10.0.0.1/identity`);
    const found = api.clouds.get("10.0.0.1");
    if (!found) throw new Error("no cloud");
    cloud = found;
    const token = await logIn("canary");
    headers = {
      "x-auth-token": token.headers.get("x-subject-token") ?? "",
      "openstack-api-version": "compute 2.74",
    };
  });
  afterEach(() => api.close());

  it("logs in by password, and says where its services are by the name that it was called by", async () => {
    expect((await logIn("wrong")).status).toBe(401);
    const { status, body } = await logIn("canary");
    expect(status).toBe(201);
    const { catalog, project, roles } = body.token;
    expect(project.name).toBe("admin");
    expect(roles.map(({ name }: { name: string }) => name)).toContain("admin");
    const urls = catalog.map((one: { type: string; endpoints: { url: string }[] }) => [
      one.type,
      one.endpoints[0]?.url,
    ]);
    expect(Object.fromEntries(urls)).toEqual({
      identity: `${api.url}/10.0.0.1/identity`,
      compute: `${api.url}/10.0.0.1/compute/v2.1`,
      placement: `${api.url}/10.0.0.1/placement`,
      image: `${api.url}/10.0.0.1/image`,
      network: `${api.url}/10.0.0.1/networking`,
    });
    expect((await call("GET", "compute/v2.1/servers", undefined, { "x-auth-token": "made-up" })).status).toBe(
      401,
    );
  });

  it("trap openstack#19: hears of a compute a moment later, and shows its hypervisor once it is mapped", async () => {
    await start("n-sch", "ctl");
    await start("n-cpu", "hv1");
    expect(await services()).toMatchObject([{ binary: "nova-scheduler", host: "ctl", state: "up" }]);
    await until(async () => (await services()).length === 2);
    expect((await call("GET", "compute/v2.1/os-hypervisors")).body.hypervisors).toEqual([]);
    const said = await manage("cell_v2", "discover_hosts", "--verbose");
    expect(said.text).toContain("Creating host mapping for compute host 'hv1'");
    const { body } = await call("GET", "compute/v2.1/os-hypervisors/detail");
    expect(body.hypervisors).toMatchObject([
      { hypervisor_hostname: "hv1", state: "up", status: "enabled", service: { host: "hv1" } },
    ]);
    expect((await manage("cell_v2", "discover_hosts", "--strict")).code).toBe(1);
  });

  it("keeps cells apart: list_hosts says whose a host is, delete_host wants the right one", async () => {
    await compute("hv1", "1");
    await compute("hv22", "2");
    await manage("cell_v2", "discover_hosts");
    const { text } = await manage("cell_v2", "list_hosts");
    const rows = text.split("\n").filter((line) => line.includes("hv"));
    expect(rows.map((row) => row.split("|").map((cell) => cell.trim())[1])).toEqual(["cell1", "cell2"]);
    const [one = "", two = ""] = ["cell1", "cell2"].map((cell) => cloud.cells.get(cell) ?? "");
    expect((await manage("cell_v2", "delete_host", "--cell_uuid", "x", "--host", "hv1")).code).toBe(1);
    expect((await manage("cell_v2", "delete_host", "--cell_uuid", one, "--host", "none")).code).toBe(2);
    expect((await manage("cell_v2", "delete_host", "--cell_uuid", two, "--host", "hv1")).code).toBe(3);
    expect((await manage("cell_v2", "delete_host", "--cell_uuid", one, "--host", "hv1")).code).toBe(0);
    expect((await manage("cell_v2", "list_hosts")).text).not.toContain("hv1 ");
  });

  const boot = async (more: object = {}) => {
    const { body, status } = await call("POST", "compute/v2.1/servers", {
      server: { name: "probe", imageRef: cloud.images[0]?.id, flavorRef: "42", networks: "auto", ...more },
    });
    return { status, id: body.server?.id as string, body };
  };
  const seen = async (id: string) => (await call("GET", `compute/v2.1/servers/${id}`)).body.server;

  it("boots a server on the hypervisor that was asked for, by either way to ask", async () => {
    await compute("hv1");
    await compute("hv22");
    await manage("cell_v2", "discover_hosts");
    stopped = Date.now();
    const { id, status } = await boot({ host: "hv22" });
    expect(status).toBe(202);
    expect(await seen(id)).toMatchObject({ status: "BUILD", "OS-EXT-SRV-ATTR:host": "hv22", addresses: {} });
    stopped = undefined;
    await until(async () => (await seen(id)).status === "ACTIVE");
    expect((await seen(id)).addresses.private[0].addr).toMatch(/^10\.0\.0\.\d+$/);
    const other = await boot({ availability_zone: "nova:hv1" });
    expect(cloud.serversOn("hv1").map((one) => one.id)).toEqual([other.id]);
    expect((await boot({ host: "nobody" })).status).toBe(400);
    expect((await boot({ imageRef: "nothing" })).status).toBe(400);
  });

  it("schedules nothing to a disabled compute, and refuses to forget one that has servers", async () => {
    await compute("hv1");
    await manage("cell_v2", "discover_hosts");
    const { id } = await boot();
    const [{ id: service }] = (await call("GET", "compute/v2.1/os-services?binary=nova-compute")).body
      .services;
    const change = await call("PUT", `compute/v2.1/os-services/${service}`, {
      status: "disabled",
      disabled_reason: "leaving",
    });
    expect(change.body.service).toMatchObject({ status: "disabled", disabled_reason: "leaving" });
    const second = await boot();
    await until(async () => (await seen(second.id)).status === "ERROR");
    expect((await seen(second.id)).fault.message).toContain("No valid host");
    expect((await call("DELETE", `compute/v2.1/os-services/${service}`)).status).toBe(409);
    expect((await call("DELETE", `compute/v2.1/servers/${id}`)).status).toBe(204);
    expect((await call("DELETE", `compute/v2.1/os-services/${service}`)).status).toBe(204);
    expect((await call("GET", "compute/v2.1/os-hypervisors")).body.hypervisors).toEqual([]);
    expect((await call("GET", "placement/resource_providers")).body.resource_providers).toEqual([]);
    expect((await manage("cell_v2", "list_hosts")).text).not.toContain("hv1");
  });

  it("has a resource provider of each compute, with what there is of it", async () => {
    await compute("hv1");
    const [provider] = (await call("GET", "placement/resource_providers?name=hv1")).body.resource_providers;
    expect(provider).toMatchObject({ name: "hv1", uuid: cloud.hypervisors[0]?.id });
    const { body } = await call("GET", `placement/resource_providers/${provider.uuid}/inventories`);
    expect(body.inventories.VCPU).toMatchObject({ total: 8, reserved: 0 });
    expect((await call("GET", "placement/resource_providers/none")).body.errors[0].status).toBe(404);
  });

  it("keeps security groups with their description, and gives none away that is in use", async () => {
    const made = await call("POST", "networking/v2.0/security-groups", {
      security_group: { name: "probe", description: "of labplan" },
    });
    const { id } = made.body.security_group;
    const rule = { security_group_rule: { security_group_id: id, direction: "ingress", protocol: "icmp" } };
    expect((await call("POST", "networking/v2.0/security-group-rules", rule)).status).toBe(201);
    expect((await call("POST", "networking/v2.0/security-group-rules", rule)).status).toBe(409);
    const { body } = await call("GET", "networking/v2.0/security-groups?name=probe");
    expect(body.security_groups).toMatchObject([
      { description: "of labplan", security_group_rules: [{ protocol: "icmp" }] },
    ]);
    const { id: server } = await boot({ security_groups: [{ name: id }] });
    expect((await call("DELETE", `networking/v2.0/security-groups/${id}`)).status).toBe(409);
    await call("DELETE", `compute/v2.1/servers/${server}`);
    expect((await call("DELETE", `networking/v2.0/security-groups/${id}`)).status).toBe(204);
  });

  it("is asked in versions: numbers before 2.53, UUIDs since, and none that it does not have", async () => {
    await start("n-sch", "ctl");
    const old = await call("GET", "compute/v2.1/os-services", undefined, {
      "openstack-api-version": "compute 2.1",
    });
    expect(old.body.services[0]).toMatchObject({ id: 1 });
    expect(old.headers.get("openstack-api-version")).toBe("compute 2.1");
    expect((await services())[0].id).toMatch(/^[0-9a-f-]{36}$/);
    const newer = await call("GET", "compute/v2.1/os-services", undefined, {
      "openstack-api-version": "compute 2.999",
    });
    expect(newer.status).toBe(406);
  });

  it("has each trouble that Verify must find", async () => {
    await compute("hv1");
    await compute("hv22");
    expect((await tell("trouble", ["cloud", "10.0.0.1"], ["add", "made-up:hv1"])).status).toBe(400);
    await tell("trouble", ["cloud", "10.0.0.1"], ["add", "unmapped:hv22"], ["add", "hypervisor-down:hv1"]);
    await manage("cell_v2", "discover_hosts");
    expect((await call("GET", "compute/v2.1/os-hypervisors")).body.hypervisors).toMatchObject([
      { hypervisor_hostname: "hv1", state: "down" },
    ]);
    await tell(
      "trouble",
      ["cloud", "10.0.0.1"],
      ["remove", "unmapped:hv22"],
      ["remove", "hypervisor-down:hv1"],
    );
    await manage("cell_v2", "discover_hosts");
    cloud.trouble.add("server-error:hv1").add("server-stuck:hv22");
    const [bad, stuck] = [await boot({ host: "hv1" }), await boot({ host: "hv22" })];
    await until(async () => (await seen(bad.id)).status === "ERROR");
    expect((await seen(stuck.id)).status).toBe("BUILD");
    cloud.trouble.add("service-down:nova-compute@hv22");
    const down = (await services()).filter(({ state }: { state: string }) => state === "down");
    expect(down).toMatchObject([{ host: "hv22" }]);
    cloud.trouble.add("no-register:hv333");
    await start("n-cpu", "hv333");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(cloud.computeOf("hv333")).toBeUndefined();
  });

  it("goes down when the compute stops, stays in the records, and is up again with it", async () => {
    await compute("hv1");
    await tell("stop", ["cloud", "10.0.0.1"], ["host", "hv1"], ["address", "10.0.0.3"], ["service", "n-cpu"]);
    expect(await services()).toMatchObject([{ host: "hv1", state: "down", status: "enabled" }]);
    await compute("hv1");
    await until(async () => (await services())[0].state === "up");
    expect((await services()).length).toBe(1);
  });

  it("says whether another node's database, queue or keystone is there", async () => {
    const needs = (service: string) =>
      tell("needs", ["cloud", "10.0.0.1"], ["address", "10.0.0.2"], ["service", service]);
    expect((await needs("mysql")).status).toBe(404);
    await start("mysql", "db");
    expect((await needs("mysql")).status).toBe(200);
    const key = [
      ["cloud", "10.0.0.1"],
      ["address", "10.0.0.1"],
      ["service", "key"],
    ] as [string, string][];
    expect((await tell("needs", ...key)).status).toBe(200);
    await tell("gone", ["cloud", "10.0.0.1"]);
    expect((await tell("needs", ...key)).status).toBe(404);
    expect((await logIn("canary")).status).toBe(404);
  });

  it("fails as it is told to, and names what is asked without ids", async () => {
    rule = { procedure: "*", do: "error", code: 503, message: "too busy" };
    expect(await call("GET", `compute/v2.1/servers/${cloud.id("x")}`)).toMatchObject({
      status: 503,
      body: { computeFault: { message: "too busy" } },
    });
    expect(asked.at(-1)).toBe("devstack:GET compute/v2.1/servers/N");
    rule = { procedure: "*", do: "close" };
    await expect(call("GET", "compute/v2.1/servers")).rejects.toThrow("fetch failed");
  });
});
