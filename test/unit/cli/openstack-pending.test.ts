import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findInClouds, outcome, waitsFor } from "../../../cli/openstack-pending";
import { type ExportedStack, type StateResource, takeInPendingCreates } from "../../../cli/pending";
import { OpenStackClient } from "../../../providers/openstack/client";
import { wordOf } from "../../../providers/openstack/made";
import { type CloudDouble, PASSWORD, startCloudDouble } from "../providers/openstack/keystone-double";

const MARK = "k3v9q2x7/t/n1";
const PROVIDER = "urn:pulumi:t::labplan::pulumi:providers:openstack::openstack-cloud";
const WAITS = { settledMs: 0, builtMs: 5_000, pauseMs: 10 };

const resource = (module: string, type: string, name: string, inputs: object): StateResource => {
  const token = `openstack:${module}/${type[0]?.toLowerCase()}${type.slice(1)}:${type}`;
  return {
    urn: `urn:pulumi:t::labplan::${token}::${name}`,
    type: token,
    provider: `${PROVIDER}::p0`,
    inputs: { __defaults: [], ...inputs },
  };
};
const description = `labplan ${MARK}`;
const server = resource("compute", "Instance", "n1", {
  metadata: { labplan: MARK },
  networks: [{ __defaults: [], port: "p-1" }],
  userData: "#cloud-config\n",
});
const port = resource("networking", "Port", "n1/0", { description: `${description}/0` });
const rule = resource("networking", "SecGroupRule", "n1/80", { description: `${description}/80` });
const keypair = resource("compute", "Keypair", "cloud/abc", { name: "k3v9q2x7-t-abc" });
const joined = resource("networking", "RouterInterface", "admin", { routerId: "r1", subnetId: "sub1" });

const provider = (inputs: object = {}): StateResource => ({
  urn: PROVIDER,
  type: "pulumi:providers:openstack",
  id: "p0",
  inputs: { authUrl: `${cloud.url}/v3`, tenantId: "p1", ...inputs },
});

const stackOf = (pending: StateResource[], resources = [provider()]): ExportedStack => ({
  deployment: {
    resources,
    pending_operations: pending.map((one) => ({ type: "creating", resource: one })),
  },
});

let cloud: CloudDouble;
/** What each list of the cloud says, by its key; one of several answers is taken from its front. */
let lists: Record<string, object[] | object[][]>;

beforeEach(async () => {
  lists = {};
  cloud = await startCloudDouble((what) => {
    const key = /\/([a-z-]+)(\/detail)?(\?|$)/.exec(what)?.[1]?.replace("os-keypairs", "keypairs") ?? "";
    const said = lists[key] ?? [];
    const body = Array.isArray(said[0]) ? ((said.length > 1 ? said.shift() : said[0]) as object[]) : said;
    return { body: { [key.replaceAll("-", "_")]: body } };
  });
});
afterEach(() => cloud.close());

const ask =
  (password = PASSWORD) =>
  () =>
    new OpenStackClient(
      {
        name: "lab",
        authUrl: `${cloud.url}/v3`,
        auth: { kind: "password", user: { name: "ann", domain: { id: "default" } }, password },
        interface: "public",
        verify: true,
      },
      { pausesMs: [] },
    );

const look = (stack: ExportedStack, waits = WAITS) => findInClouds(stack, waits, ask());
const active = (id: string, parts: object = {}) => ({
  id,
  status: "ACTIVE",
  metadata: { labplan: MARK },
  ...parts,
});

test("each is found by what tells it from all else, and has its id in the state", async () => {
  lists = {
    servers: [
      active("s0", { metadata: { labplan: "k3v9q2x7/t/n2" } }),
      active("s1"),
      active("s2", { metadata: {} }),
    ],
    // Neutron is asked twice, for ports of ours and for those of a router.
    ports: [
      { id: "p0", description: `${description}/1`, fixed_ips: [{ subnet_id: "sub2" }] },
      { id: "p1", description: `${description}/0`, fixed_ips: [{ subnet_id: "sub1" }] },
    ],
    "security-group-rules": [{ id: "r1", description: `${description}/80` }],
    keypairs: [{ keypair: { name: "other" } }, { keypair: { name: "k3v9q2x7-t-abc" } }],
  };
  const found = await look(stackOf([server, port, rule, keypair, joined]));
  expect([...found].map(([urn, { id }]) => [urn.split("::").at(-1), id])).toEqual([
    ["n1", "s1"],
    ["n1/0", "p1"],
    ["n1/80", "r1"],
    ["cloud/abc", "k3v9q2x7-t-abc"],
    ["admin", "p1"],
  ]);
  expect(cloud.asked.map(({ what }) => what)).toContain(
    "GET /network/v2.0/ports?device_id=r1&fields=id&fields=device_owner&fields=fixed_ips",
  );
  expect(cloud.asked.some(({ what }) => what.includes("/security-group-rules?project_id=p1&"))).toBe(true);
});

test("of the two ports of a distributed router on a subnet, the interface is the one that the plugin knows", async () => {
  const fixed_ips = [{ subnet_id: "sub1" }];
  lists.ports = [
    { id: "p2", device_owner: "network:router_centralized_snat", fixed_ips },
    { id: "p1", device_owner: "network:router_interface_distributed", fixed_ips },
  ];
  expect([...(await look(stackOf([joined]))).values()].map(({ id }) => id)).toEqual(["p1"]);
});

test("a floating IP that leads to the port has the id of the floating IP, which the state has already", async () => {
  const floatingIp = resource("networking", "FloatingIp", "n1", {});
  const joins = resource("networking", "FloatingIpAssociate", "n1", {
    floatingIp: "203.0.113.7",
    portId: "p1",
  });
  const there = (port_id: string | null) => [{ id: "f1", floating_ip_address: "203.0.113.7", port_id }];
  const stack = stackOf([joins], [provider(), { ...floatingIp, id: "f1" }]);
  lists.floatingips = there("p1");
  expect([...(await look(stack)).values()].map(({ id }) => id)).toEqual(["f1"]);
  lists.floatingips = there(null);
  expect(await look(stack)).toEqual(new Map());
});

test("what is found is in the state as the plugin writes it, and what is not is forgotten", async () => {
  lists.servers = [active("s1")];
  const stack = stackOf([server, port]);
  const { deployment } = takeInPendingCreates(stack, await look(stack)) ?? stack;
  expect(deployment.pending_operations).toEqual([]);
  expect(deployment.resources?.slice(1)).toEqual([
    {
      ...server,
      id: "s1",
      outputs: {
        metadata: { labplan: MARK },
        networks: [{ port: "p-1" }],
        userData: createHash("sha1").update("#cloud-config\n").digest("hex"),
      },
    },
  ]);
});

test("a request that was on its way when the run died is waited for", async () => {
  lists.servers = [[], [], [active("s1")]];
  const found = await look(stackOf([server]), { ...WAITS, settledMs: 5_000 });
  expect([...found.values()].map(({ id }) => id)).toEqual(["s1"]);
});

test("a server that is being built is waited for: the plugin cannot read it", async () => {
  lists.servers = [[active("s1", { status: "BUILD" })], [active("s1", { status: "BUILD" })], [active("s1")]];
  expect((await look(stackOf([server]))).size).toBe(1);
  expect(cloud.asked).toHaveLength(3);
  lists.servers = [active("s1", { status: "BUILD" })];
  await expect(look(stackOf([server]), { ...WAITS, builtMs: 30 })).rejects.toThrow(
    /still building server n1 \(s1\).*nothing is forgotten.*openstack server delete.*--clear-pending-creates/,
  );
});

test("one that fails is there all the same; one that is deleted is not", async () => {
  lists.servers = [
    active("s1", { status: "ERROR" }),
    active("s2", { status: "DELETED" }),
    active("s3", { "OS-EXT-STS:task_state": "deleting" }),
  ];
  expect([...(await look(stackOf([server]))).values()].map(({ id }) => id)).toEqual(["s1"]);
});

test("two with the mark are told with their ids and the commands, and nothing is forgotten", async () => {
  lists.servers = [active("s1"), active("s2")];
  await expect(look(stackOf([server, port]))).rejects.toThrow(
    /Nothing was changed, and nothing is forgotten\.[\s\S]*server n1: s1, s2 \("openstack server show <id>", "openstack server delete <id>"\)[\s\S]*npx pulumi refresh --clear-pending-creates/,
  );
});

test("one that the state has already is not the pending one", async () => {
  lists.servers = [active("s1"), active("s2")];
  const old = { ...server, id: "s1", pendingReplacement: true };
  const found = await look(stackOf([server], [provider(), old]));
  expect([...found.values()].map(({ id }) => id)).toEqual(["s2"]);
});

test("without a login all of it is told by kind and name, with how to look for it", async () => {
  const failed = findInClouds(stackOf([server, port]), WAITS, ask("wrong"));
  await expect(failed).rejects.toThrow(
    /making server n1, port n1\/0, and it cannot be looked for: .*keystone refuses the login.*nothing is forgotten.*"openstack server list", "openstack port list"/,
  );
});

test("the login of another project finds nothing, and is no answer", async () => {
  const elsewhere = [provider({ tenantId: "p2" })];
  await expect(look(stackOf([server], elsewhere))).rejects.toThrow(
    /made in project p2 of .* login is for p1/,
  );
  const { tenantId: _, ...inputs } = provider().inputs as Record<string, string>;
  const network = { ...resource("networking", "Network", "a", {}), id: "n", outputs: { tenantId: "p3" } };
  const stack = stackOf([server], [{ ...provider(), inputs }, network]);
  await expect(look(stack)).rejects.toThrow(/made in project p3/);
});

test("a state without its provider, and a type that nobody knows, are told", async () => {
  await expect(look(stackOf([server], []))).rejects.toThrow("does not say in which cloud");
  const volume = resource("blockstorage", "Volume", "v", {});
  await expect(look(stackOf([volume]))).rejects.toThrow("nobody knows how to look for");
});

test("what is not there is never made only where it was seen that nothing is at work on it any more", () => {
  const found = new Map([[server.urn, server]]);
  const begin = "in the cloud, and now in the state: server n1.";
  expect(outcome([server, port], found, true)).toBe(`${begin} Never made: port n1/0.`);
  expect(outcome([server], found, false)).toBe(`${begin} Never made: nothing.`);
  const unsure = outcome([server, port, keypair, joined], found, false);
  expect(unsure).not.toContain("Never made");
  expect(unsure).toContain(
    'forgotten: port n1/0 (mark "labplan k3v9q2x7/t/n1/0"), keypair cloud/abc (mark "k3v9q2x7-t-abc"), port admin.',
  );
  expect(unsure).toContain('"openstack port list", "openstack keypair list".');
  expect(waitsFor(false).settledMs).toBeGreaterThan(waitsFor(true).settledMs);
});

test("every kind that the plan makes by the plugin can be looked for", () => {
  const folder = path.resolve(__dirname, "../../../stacks/plan");
  const files = fs
    .readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(".ts"));
  const text = files.map((name) => fs.readFileSync(path.join(folder, name), "utf8"));
  const kinds = new Set(text.join().match(/openstack:[a-z]+\/[A-Z]\w+/g));
  expect(kinds.size).toBeGreaterThan(8);
  for (const kind of kinds) {
    const [module = "", type = ""] = kind.slice("openstack:".length).split("/");
    expect(wordOf(resource(module, type, "x", {}).type), kind).toBeDefined();
  }
});
