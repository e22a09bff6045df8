import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { type Ask, ask } from "../systems/openstack/ask";
import type { OpenStack } from "../systems/openstack/start";
import { TestLab } from "./harness";
import { killTree } from "./kill-tree";
import { labCli, startLabCli } from "./lab-cli";
import { KEY } from "./lab-config";

const LONG_MS = 600_000;
const GO = ["--yes", "--skip-preview"];

const machine = (parts: object = {}) => ({
  backend: "cloud",
  image: "cirros",
  cpus: 1,
  memory: "128 MiB",
  networks: ["admin"],
  sshKeys: [KEY],
  wait: "none",
  ...parts,
});

const config = (more: object = {}) => ({
  backends: { cloud: { kind: "openstack", cloud: "lab" } },
  networks: { admin: { backend: "cloud", cidr: "10.20.0.0/24" } },
  images: { cirros: { glance: { name: "cirros-a", user: "cirros" } } },
  machines: {
    n1: machine({ floatingIp: true, openPorts: [80] }),
    n2: machine({ cloudInit: { userData: { packages: ["tcpdump"] } } }),
    ...more,
  },
});

/** How many of each there are, in words that fail legibly. */
async function census(api: Ask): Promise<Record<string, number>> {
  const { body: compute } = await api("compute", "/servers/detail");
  const counts: Record<string, number> = {
    keypairs: (await api("compute", "/os-keypairs")).body.keypairs.length,
  };
  for (const { name } of compute.servers as { name: string }[])
    counts[`server ${name}`] = (counts[`server ${name}`] ?? 0) + 1;
  for (const thing of ["networks", "subnets", "routers", "ports", "floatingips"])
    counts[thing] = (await api("network", `/${thing}?project_id=${api.projectId}`)).body[thing].length;
  const groups = (await api("network", `/security-groups?project_id=${api.projectId}`)).body.security_groups;
  counts.groups = groups.filter(({ name }: { name: string }) => name !== "default").length;
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

/** The runs of a lab on a cloud are killed in the middle of what the plugin makes there. */
export function testKilledRuns(planeOf: () => OpenStack): void {
  test("trap openstack#33: up is killed while the plugin makes networks, and then servers: each is there once", {
    timeout: LONG_MS,
  }, async () => {
    const api = await ask(planeOf(), "lab");
    const there = async (thing: string) => (await census(api))[thing] ?? 0;
    const lab = await TestLab.create(config());
    lab.env = { OS_CLIENT_CONFIG_FILE: planeOf().cloudsYaml };
    try {
      // The engine alone: the plugin lives on.
      const first = lab.start(["up", ...GO]);
      await until(first.done, async () => (await there("networks")) > 0);
      first.child.kill("SIGKILL");
      await first.done;

      // All of it, as when the power goes.
      const second = startLabCli(lab, "up", ...GO);
      await until(second.done, async () => (await there("server n1")) + (await there("server n2")) > 0);
      killTree(second.child.pid ?? 0);
      await second.done;

      const text = await labCli(lab, "up", ...GO);
      expect(text).toMatch(/was making .*server n1.*in the cloud, and now in the state: .*server n/s);
      // Of the ports one is the router's, and one leads from it to the external network.
      expect(await census(api)).toEqual({
        ...{ "server n1": 1, "server n2": 1, keypairs: 1, networks: 1, subnets: 1, routers: 1 },
        ...{ ports: 3, floatingips: 1, groups: 2 },
      });
      expect(JSON.parse(await lab.state()).deployment.pending_operations ?? []).toEqual([]);
      const preview = await labCli(lab, "preview", "--expect-no-changes");
      expect(preview).toMatch(/unchanged/);

      // And one that is taken away again, while it is made.
      lab.write(config({ n3: machine({ floatingIp: true }) }));
      const third = lab.start(["up", ...GO]);
      await until(third.done, async () => (await there("server n3")) > 0);
      third.child.kill("SIGKILL");
      await third.done;
      await labCli(lab, "destroy", ...GO);
      expect(await census(api)).toEqual({});
    } finally {
      await lab.close();
    }
  });
}

async function until(run: Promise<{ text: string }>, condition: () => Promise<boolean>): Promise<void> {
  let ended: string | undefined;
  void run.then(({ text }) => {
    ended = text;
  });
  while (!(await condition())) {
    if (ended !== undefined) throw new Error(`the run ended before it could be killed:\n${ended}`);
    await sleep(100);
  }
}
