import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DevstackApi, startDevstackApi } from "../../embedded/devstack/api";
import { type Ask, ask } from "../systems/openstack/ask";
import { available, type OpenStack, startOpenStack } from "../systems/openstack/start";

/** The same calls to the real services and to the stand-in: the same statuses, and no field that the real ones lack. */
describe.skipIf(available())("what the stand-in's APIs answer is what the real ones do", () => {
  let plane: OpenStack;
  let api: DevstackApi;
  let real: Ask;
  let standIn: Ask;

  beforeAll(async () => {
    plane = await startOpenStack();
    api = await startDevstackApi({ registerMs: 0 });
    const tell = (call: string, fields: Record<string, string>) =>
      fetch(`${api.url}/stand-in/${call}`, { method: "POST", body: new URLSearchParams(fields) });
    const cloud = "10.0.0.1";
    await tell("cloud", {
      cloud,
      host: "ctl",
      address: cloud,
      admin_password: plane.admin.OS_PASSWORD ?? "",
    });
    await tell("start", { cloud, host: "ctl", address: cloud, service: "n-sch" });
    await tell("start", { cloud, host: "hv1", address: "10.0.0.2", service: "n-cpu" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await tell("nova-manage", { cloud, word: "cell_v2" });
    api.clouds.get(cloud)?.discover();
    real = await ask(plane);
    standIn = await askStandIn(`${api.url}/${cloud}`, plane.admin.OS_PASSWORD ?? "");
  }, 600_000);
  afterAll(async () => {
    await api?.close();
    await plane?.stop();
  }, 60_000);

  type Options = Parameters<Ask>[2];
  const both = async (
    service: Parameters<Ask>[0],
    path: string | ((which: "real" | "standIn") => string),
    options?: Options | ((which: "real" | "standIn") => Options),
  ) => {
    const call = (which: "real" | "standIn") =>
      (which === "real" ? real : standIn)(
        service,
        typeof path === "string" ? path : path(which),
        typeof options === "function" ? options(which) : options,
      );
    const answers = { real: await call("real"), standIn: await call("standIn") };
    expect.soft({ path, status: answers.standIn.status }).toEqual({ path, status: answers.real.status });
    expect.soft(surplus(answers.standIn.body, answers.real.body)).toEqual([]);
    return answers;
  };

  it("about tokens, services, hypervisors, flavors, images, networks and providers", async () => {
    const v = (microversion: string) => ({ microversion });
    for (const version of ["2.1", "2.53", "2.74", "2.88"]) {
      await both("compute", "/os-services", v(version));
      await both("compute", "/os-hypervisors/detail", v(version));
      await both("compute", "/os-hypervisors", v(version));
    }
    await both("compute", "/flavors/detail", v("2.74"));
    await both("compute", "/servers", v("2.999"));
    await both("image", "/images");
    await both("network", "/networks?name=public");
    await both("network", "/security-groups?name=default");
    await both("network", "/floatingips");
    const { real: there, standIn: ours } = await both("placement", "/resource_providers", v("1.20"));
    const uuids = {
      real: there.body.resource_providers[0].uuid,
      standIn: ours.body.resource_providers[0].uuid,
    };
    await both("placement", (which) => `/resource_providers?uuid=${uuids[which]}`, v("1.20"));
    await both("placement", (which) => `/resource_providers/${uuids[which]}/inventories`, v("1.20"));
    await both("placement", (which) => `/resource_providers/${uuids[which]}/usages`, v("1.20"));
    await both("placement", `/resource_providers/${NOBODY}`, v("1.20"));
  });

  it("about a server's life, and a compute that has one", async () => {
    const versioned = { microversion: "2.74" };
    const hosts = {
      real: (await real("compute", "/os-hypervisors/detail", versioned)).body.hypervisors[0].service
        .host as string,
      standIn: "hv1",
    };
    const images = await both("image", "/images");
    const flavors = await both("compute", "/flavors", versioned);
    const server = (which: "real" | "standIn", more: object = {}) => ({
      ...versioned,
      method: "POST",
      body: {
        server: {
          name: "probe",
          imageRef: images[which].body.images[0].id,
          flavorRef: flavors[which].body.flavors[0].id,
          host: hosts[which],
          networks: "none",
          metadata: { labplan_verify: "truth" },
          ...more,
        },
      },
    });
    await both("compute", "/servers", (which) => server(which, { host: "nobody" }));
    await both("compute", "/servers", (which) => server(which, { imageRef: NOBODY }));
    await both("compute", "/servers", (which) => server(which, { flavorRef: "nothing" }));
    const made = await both("compute", "/servers", (which) => server(which));
    const at = (which: "real" | "standIn") => `/servers/${made[which].body.server.id}`;
    for (const [which, look] of [
      ["real", real],
      ["standIn", standIn],
    ] as const) {
      const status = async () => (await look("compute", at(which), versioned)).body.server.status;
      for (let tries = 0; tries < 300 && (await status()) === "BUILD"; tries++)
        await new Promise((resolve) => setTimeout(resolve, 200));
    }
    const running = await both("compute", at, versioned);
    expect(running.real.body.server).toMatchObject({
      status: "ACTIVE",
      metadata: { labplan_verify: "truth" },
    });
    expect(running.standIn.body.server).toMatchObject({
      status: "ACTIVE",
      metadata: { labplan_verify: "truth" },
    });
    await both("compute", "/servers/detail?all_tenants=1", versioned);

    const services = await both("compute", "/os-services?binary=nova-compute", versioned);
    const service = (which: "real" | "standIn") => `/os-services/${services[which].body.services[0].id}`;
    await both("compute", service, { ...versioned, method: "DELETE" });
    await both("compute", service, {
      ...versioned,
      method: "PUT",
      body: { status: "disabled", disabled_reason: "why" },
    });
    await both("compute", service, { ...versioned, method: "PUT", body: { status: "enabled" } });
    await both("compute", `/os-services/${NOBODY}`, { ...versioned, method: "DELETE" });
    await both("compute", at, { ...versioned, method: "DELETE" });
    await both("compute", `/servers/${NOBODY}`, versioned);
  });

  it("about security groups and their rules", async () => {
    const body = { security_group: { name: "truth", description: "of labplan" } };
    const made = await both("network", "/security-groups", { method: "POST", body });
    const id = (which: "real" | "standIn") => made[which].body.security_group.id as string;
    const rule = (which: "real" | "standIn") => ({
      method: "POST",
      body: { security_group_rule: { security_group_id: id(which), direction: "ingress", protocol: "icmp" } },
    });
    await both("network", "/security-group-rules", rule);
    await both("network", "/security-group-rules", rule);
    await both("network", "/security-groups?name=truth");
    await both("network", (which) => `/security-groups/${id(which)}`, { method: "DELETE" });
    await both("network", (which) => `/security-groups/${id(which)}`, { method: "DELETE" });
  });
});

const NOBODY = "11111111-2222-4333-8444-555555555555";

async function askStandIn(base: string, password: string): Promise<Ask> {
  const auth = {
    identity: {
      methods: ["password"],
      password: { user: { name: "admin", password, domain: { name: "Default" } } },
    },
    scope: { project: { name: "admin", domain: { name: "Default" } } },
  };
  const answer = await fetch(`${base}/identity/v3/auth/tokens`, {
    method: "POST",
    body: JSON.stringify({ auth }),
  });
  const token = answer.headers.get("x-subject-token") ?? "";
  const endpoints = {
    compute: "compute/v2.1",
    network: "networking/v2.0",
    image: "image/v2",
    identity: "identity/v3",
    placement: "placement",
  };
  const request = async (
    service: keyof typeof endpoints,
    path: string,
    { method = "GET", body, microversion }: { method?: string; body?: object; microversion?: string } = {},
  ) => {
    const headers: Record<string, string> = { "x-auth-token": token };
    if (microversion) headers["openstack-api-version"] = `${service} ${microversion}`;
    const asked = await fetch(`${base}/${endpoints[service]}${path}`, {
      method,
      headers,
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await asked.text();
    return { status: asked.status, body: text ? JSON.parse(text) : undefined };
  };
  return Object.assign(request, { projectId: "" }) as Ask;
}

/** Where the stand-in has what the real one has not: a field, or another type. Names that are data are passed over. */
function surplus(ours: unknown, theirs: unknown, at = ""): string[] {
  if (ours === null || theirs === null || ours === undefined) return [];
  if (typeof ours !== typeof theirs || Array.isArray(ours) !== Array.isArray(theirs))
    return [`${at}: ${typeof ours} instead of ${typeof theirs}`];
  if (Array.isArray(ours)) {
    const [one, other] = [ours[0], (theirs as unknown[])[0]];
    return one === undefined || other === undefined ? [] : surplus(one, other, `${at}[]`);
  }
  if (typeof ours !== "object") return [];
  if (/\.(metadata|addresses|extra_specs|cpu_info)$/.test(at)) return [];
  return Object.entries(ours).flatMap(([name, value]) =>
    name in (theirs as object)
      ? surplus(value, (theirs as Record<string, unknown>)[name], `${at}.${name}`)
      : [`${at}.${name}: not there`],
  );
}
