import * as net from "node:net";
import { Duplex } from "node:stream";
import { afterEach, describe, expect, test } from "vitest";
import { OpenStackClient } from "../../../../providers/openstack/client";
import type { Cloud } from "../../../../providers/openstack/clouds";
import { type CloudDouble, PASSWORD, type Respond, startCloudDouble } from "./keystone-double";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function double(respond?: Respond, options?: { expiresInS?: number }): Promise<CloudDouble> {
  const made = await startCloudDouble(respond, options);
  open.push(made);
  return made;
}

const cloudAt = (url: string, password = PASSWORD): Cloud => ({
  name: "devcloud",
  authUrl: `${url}/v3`,
  auth: {
    kind: "password",
    user: { name: "ann", domain: { id: "default" } },
    password,
    project: { name: "lab", domain: { id: "default" } },
  },
  interface: "public",
  verify: true,
});

function client(
  cloud: Cloud,
  options: ConstructorParameters<typeof OpenStackClient>[1] = {},
): OpenStackClient {
  const made = new OpenStackClient(cloud, options);
  open.push(made);
  return made;
}

describe("calls of a cloud's APIs", () => {
  test("log in once, and find the service by the catalog", async () => {
    const server = await double((what) => ({ body: { what } }));
    const api = client(cloudAt(server.url));
    const [a, b] = await Promise.all([
      api.get("compute", "/flavors", { microversion: "2.53" }),
      api.get("network", "/networks"),
    ]);
    expect(a).toEqual({ what: "GET /compute/v2.1/flavors" });
    expect(b).toEqual({ what: "GET /network/v2.0/networks" });
    expect(server.logins).toHaveLength(1);
    expect(server.asked[0]?.headers).toMatchObject({
      "x-auth-token": "token-1",
      "openstack-api-version": "compute 2.53",
    });
    expect(await api.projectId()).toBe("p1");
  });

  test("follow the pages of a list", async () => {
    const server = await double((what) =>
      what.includes("marker=s2")
        ? { body: { servers: [{ id: "s3" }] } }
        : {
            body: {
              servers: [{ id: "s1" }, { id: "s2" }],
              servers_links: [{ rel: "next", href: "http://elsewhere/v2.1/servers?marker=s2" }],
            },
          },
    );
    expect(await client(cloudAt(server.url)).list("compute", "/servers", "servers")).toEqual([
      { id: "s1" },
      { id: "s2" },
      { id: "s3" },
    ]);
  });

  test("log in again when the token ends, or was taken back", async () => {
    const ending = await double(() => ({ body: {} }), { expiresInS: 60 });
    const api = client(cloudAt(ending.url));
    await api.get("image", "/images");
    await api.get("image", "/images");
    expect(ending.logins).toHaveLength(2);
    let refusals = 1;
    const taken = await double(() => (refusals-- > 0 ? { status: 401 } : { body: { ok: true } }));
    expect(await client(cloudAt(taken.url)).get("image", "/images")).toEqual({ ok: true });
    expect(taken.logins).toHaveLength(2);
  });

  test("are repeated two times when they fail in passing, if they only ask", async () => {
    let failures = 2;
    const server = await double(() => (failures-- > 0 ? { status: 503 } : { body: { ok: true } }));
    const api = client(cloudAt(server.url), { pausesMs: [1, 1] });
    expect(await api.get("compute", "/servers")).toEqual({ ok: true });
    expect(server.asked).toHaveLength(3);
    failures = 3;
    await expect(api.get("compute", "/servers")).rejects.toMatchObject({ status: 503 });
    failures = 1;
    await expect(api.post("compute", "/servers", {})).rejects.toMatchObject({ status: 503 });
    const refusing = await double(() => ({ status: 403 }));
    await expect(client(cloudAt(refusing.url)).get("compute", "/servers")).rejects.toMatchObject({
      status: 403,
    });
    expect(refusing.asked).toHaveLength(1);
  });

  test("go through another way than this machine's sockets", async () => {
    const server = await double(() => ({ body: { through: true } }));
    const dialled: string[] = [];
    const api = client(cloudAt("http://controller.inside:5000"), {
      dial: async (host, port) => {
        dialled.push(`${host}:${port}`);
        // No socket to http: a stream, as an SSH channel is.
        const socket = net.connect(server.port, "127.0.0.1");
        return Duplex.from({ readable: socket, writable: socket });
      },
    });
    expect(await api.projectId()).toBe("p1");
    expect(dialled).toEqual(["controller.inside:5000"]);
  });
});

describe("what goes wrong says who and what next", () => {
  test("a refused login names the user, never the password", async () => {
    const server = await double();
    const failure = await client(cloudAt(server.url, "wrong-canary"))
      .get("compute", "/servers")
      .catch((error: Error) => error);
    expect(failure).toMatchObject({ name: "OpenStackError", status: 401 });
    expect((failure as Error).message).toBe(
      'cloud "devcloud": keystone refuses the login of "ann". Check user, password and project in clouds.yaml or the OS_* variables.',
    );
  });

  test("a refusal has the cloud's own words and the status", async () => {
    const server = await double(() => ({
      status: 403,
      body: { forbidden: { code: 403, message: "Quota exceeded for instances" } },
    }));
    await expect(client(cloudAt(server.url)).post("compute", "/servers", {})).rejects.toMatchObject({
      status: 403,
      what: "Quota exceeded for instances",
      message: 'cloud "devcloud": POST compute /servers was refused (403, "Quota exceeded for instances").',
    });
  });

  test("a service that the catalog does not have, a closed port, and silence", async () => {
    const server = await double();
    await expect(
      client({ ...cloudAt(server.url), region: "Elsewhere" }).get("compute", "/servers"),
    ).rejects.toThrow(/has no compute service \(public in region "Elsewhere"\)/);
    await expect(client(cloudAt("http://127.0.0.1:1")).projectId()).rejects.toThrow(
      /it cannot be reached \(ECONNREFUSED\)/,
    );
    const silent = net.createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    open.push(silent);
    const { port } = silent.address() as net.AddressInfo;
    await expect(
      client(cloudAt(`http://127.0.0.1:${port}`), { deadlineMs: 100 }).projectId(),
    ).rejects.toThrow(/no answer within 0\.1 s/);
  });
});
