import * as pulumi from "@pulumi/pulumi";
import { afterEach, beforeAll, describe, expect, test } from "vitest";
import { isPluginKind, optionsOf, PluginDeclarer } from "../../../../stacks/openstack/declare";
import { type PlannedResource, resourceKey } from "../../../../stacks/plan/types";

const sdkIsLoaded = (): boolean =>
  Object.keys(require.cache).some((file) => file.includes("@pulumi/openstack/"));

const made: pulumi.runtime.MockResourceArgs[] = [];

beforeAll(async () => {
  await pulumi.runtime.setMocks(
    {
      newResource: (args) => {
        made.push(args);
        return { id: `${args.name}-id`, state: args.inputs };
      },
      call: () => ({}),
    },
    "labplan",
    "dev",
    true,
  );
});

const planned = (kind: string, name: string, inputs: Record<string, unknown>): PlannedResource => ({
  kind,
  name,
  inputs: { backend: "cloud", ...inputs },
  dependsOn: [],
  recreateWith: [],
  backend: { kind: "openstack", cloud: "devcloud" },
});

/** Declare them in order; what the engine is told, by name. */
async function declared(...resources: PlannedResource[]) {
  made.length = 0;
  const plugin = new PluginDeclarer();
  const byKey = new Map<string, pulumi.CustomResource>();
  for (const one of resources)
    byKey.set(
      resourceKey(one.kind, one.name),
      plugin.declare(one, [], (key) => byKey.get(key) as pulumi.CustomResource),
    );
  await Promise.all([...byKey.values()].map((one) => new Promise((done) => one.id.apply(done))));
  return new Map(made.map((args) => [`${args.type} ${args.name}`, args.inputs]));
}

const NETWORK = planned("openstack:networking/Network", "admin", { name: "admin" });
const SUBNET = planned("openstack:networking/Subnet", "admin", {
  networkId: { ref: "openstack:networking/Network admin", output: "id" },
  cidr: "10.20.0.0/24",
});

describe("the plugin's resources", () => {
  const before = { ...process.env };
  afterEach(() => {
    process.env = { ...before };
  });

  test("our own kind is none of them, and nothing is loaded before the first one", () => {
    expect(isPluginKind("openstack:networking/Port")).toBe(true);
    expect(isPluginKind("openstack:Server")).toBe(false);
    new PluginDeclarer();
    expect(sdkIsLoaded()).toBe(false);
  });

  test("have one provider for each cloud, which holds no password", async () => {
    process.env.OS_PASSWORD = "canary-5";
    process.env.OS_APPLICATION_CREDENTIAL_SECRET = "canary-6";
    const told = await declared(NETWORK, SUBNET);
    const providers = [...told].filter(([key]) => key.startsWith("pulumi:providers:openstack"));
    expect(providers).toHaveLength(1);
    expect(providers[0]?.[1]).toMatchObject({ cloud: "devcloud" });
    expect(JSON.stringify([...told])).not.toContain("canary");
  });

  test("have the cloud's address and project with the provider, as they were found", async () => {
    const pluginSettings = { authUrl: "https://a/v3", tenantId: "p1", endpointType: "internal" };
    const told = await declared({ ...NETWORK, backend: { kind: "openstack" }, pluginSettings });
    expect(told.get("pulumi:providers:openstack openstack-cloud")).toMatchObject(pluginSettings);
  });

  test("are tied to each other by their outputs", async () => {
    const told = await declared(NETWORK, SUBNET);
    expect(told.get("openstack:networking/subnet:Subnet admin")).toMatchObject({
      networkId: "admin-id",
      cidr: "10.20.0.0/24",
    });
    expect(sdkIsLoaded()).toBe(true);
  });

  test("have the image of the lock file, where no cloud was asked", async () => {
    const imageId = { imageNamed: "Debian 12", known: "image-1" };
    const told = await declared(planned("openstack:compute/Instance", "w1", { imageId }));
    expect(told.get("openstack:compute/instance:Instance w1")).toMatchObject({ imageId: "image-1" });
  });

  test("a class that the SDK does not have is our mistake", async () => {
    await expect(declared(planned("openstack:networking/Potr", "p", {}))).rejects.toThrow(
      "plan: @pulumi/openstack has no networking.Potr",
    );
  });
});

describe("what a resource is made anew with", () => {
  const edges = async (resource: PlannedResource) => {
    const told = await declared(NETWORK, SUBNET, resource);
    return told.get("openstack:networking/port:Port w1/admin")?.networkId;
  };
  const port = planned("openstack:networking/Port", "w1/admin", {
    networkId: { ref: "openstack:networking/Network admin", output: "id" },
  });

  test("is carried by an input that does it, whose value stays as it is", async () => {
    expect(await edges({ ...port, recreateWith: [resourceKey(SUBNET.kind, "admin")] })).toBe("admin-id");
  });

  test("of a kind that has none is our mistake", async () => {
    const router = planned("openstack:networking/Router", "admin", {});
    await expect(
      declared(NETWORK, { ...router, recreateWith: [resourceKey(NETWORK.kind, "admin")] }),
    ).rejects.toThrow("plan: no input of openstack:networking/Router can make it anew with another resource");
  });
});

describe("how they are changed", () => {
  const instance = optionsOf("openstack:compute/Instance");

  test("trap openstack#10: another image makes another server, and does not rebuild this one", () => {
    expect(instance.replaceOnChanges).toEqual(["imageId"]);
  });

  test("trap openstack#11: the old one goes first, because it has the port, the name and the address", () => {
    for (const kind of ["compute/Instance", "networking/Port", "compute/Keypair", "networking/SecGroupRule"])
      expect(optionsOf(`openstack:${kind}`).deleteBeforeReplace).toBe(true);
  });

  test("nothing that a user sets is ignored", () => {
    expect(instance.ignoreChanges).toEqual(["tags", "accessIpV4", "accessIpV6", "securityGroups"]);
  });
});
