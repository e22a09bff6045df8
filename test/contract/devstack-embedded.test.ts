import "tsx/cjs"; // the embedded lab and the SSH client are loaded by require()
import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { ensureEmbedded } from "../../embedded/start";
import type { OnMachine } from "../../providers/core/definition";
import type {
  HostInputs,
  HostState,
  MeshState,
  NodeInputs,
  NodeLogin,
  NodeState,
} from "../../providers/devstack/types";
import type { LibvirtClient } from "../../providers/libvirt/client";
import { hostDefinition, meshDefinition, nodeDefinition } from "./devstack-nodes.lab";
import {
  addressOf,
  connectTo,
  defineMachine,
  hasNamespaces,
  itInNamespaces,
  keyPair,
  type Login,
  login,
  makeHome,
} from "./embedded.fixtures";
import { Killed, newTrace, type RunOptions, runOn, up } from "./libvirt-handlers.run";

/** A layout of two in sandboxes, by the same handlers: the matrix of crashes. */

const NAMES = ["ctl", "hv1"] as const;
type Name = (typeof NAMES)[number];
const MACS: Record<Name, string> = { ctl: "52:54:00:00:00:05", hv1: "52:54:00:00:00:06" };
const SECRETS = { devstackPassword: "canary-7h1s" };
const BACKEND = { kind: "embedded" } as const;
const STEPS = [
  ...["1/8 undo", "2/8 clone", "3/8 patches", "4/8 extras", "5/8 local.conf", "6/8 stack.sh"],
  ...["7/8 checks", "8/8 record"],
];

describe("devstack's nodes in the embedded lab", { timeout: 300_000 }, () => {
  const { home, remove } = makeHome();
  const key = keyPair();
  const on = {} as Record<Name, OnMachine & { address: string }>;
  const shells = {} as Record<Name, Login>;
  let client: LibvirtClient;
  let gitBase = "";
  const cwd = process.cwd();
  let from: NodeLogin;

  beforeAll(async () => {
    ({ gitBase } = await ensureEmbedded({ home }));
    if (!(await hasNamespaces(home))) return;
    client = await connectTo(home);
    const identityFile = path.join(path.dirname(home), "key");
    fs.writeFileSync(identityFile, key.privateKey, { mode: 0o600 });
    // Logs of failures are kept below it.
    process.chdir(path.dirname(home));
    from = { user: "root", identityFile };
    for (const name of NAMES) {
      await client.domainStart(
        await defineMachine(client, {
          ...{ name, mac: MACS[name], publicKey: key.publicKey },
          // Goes on with the list of users that it begins.
          userData: `- name: root
  ssh_authorized_keys:
  - ${key.publicKey}
`,
        }),
      );
      const at = await addressOf(home, name);
      on[name] = { address: at.address, sshPort: at.sshPort, sshHostKey: at.hostKey };
      shells[name] = await login(at, key);
    }
  });
  afterAll(async () => {
    process.chdir(cwd);
    for (const shell of Object.values(shells)) shell.end();
    await client?.close();
    await remove();
  });

  const test = itInNamespaces(home);
  const run = <S>(name: Name, options: RunOptions = {}) => {
    const trace = options.trace ?? newTrace();
    return {
      ...runOn<S>(BACKEND, { secrets: SECRETS, name, ...options, trace }),
      on: on[name],
      peers: on,
      trace,
    };
  };
  const host = (name: Name): HostInputs => ({
    ...{ name, backend: "b", login: from, hostName: name, user: "stack", uid: 1234, home: "/opt/stack" },
    packages: ["git", "gawk"],
  });
  const devstack = (name: Name, more: Partial<NodeInputs> = {}): NodeInputs =>
    ({
      ...{ name, backend: "b", login: from, role: name === "ctl" ? "controller" : "compute" },
      ...{ user: "stack", home: "/opt/stack", repo: `${gitBase}/openstack/devstack.git` },
      ...{ branch: "stable/2026.1", patches: {}, extras: {}, generation: 1, checks: ["true"] },
      localConf: [
        "[[local|localrc]]",
        `HOST_IP=${on[name].address}`,
        `SERVICE_HOST=${on.ctl.address}`,
        ...["ADMIN", "DATABASE", "RABBIT", "SERVICE"].map(
          (one) => `${one}_PASSWORD='{{secret:devstackPassword}}'`,
        ),
        name === "ctl" ? "disable_service n-cpu" : "ENABLED_SERVICES=n-cpu,placement-client",
        "",
      ].join("\n"),
      ...{ secrets: { devstackPassword: { secret: "devstackPassword" } }, timeoutS: 90, silenceS: 60 },
      ...more,
    }) as NodeInputs;
  const sh = async (name: Name, text: string): Promise<string> => {
    const { out, code } = await shells[name].run(text);
    if (code !== 0) throw new Error(`${name}: ${text}: ${out}`);
    return out;
  };
  const runs = async (name: Name) =>
    (await sh(name, "cut -d ' ' -f 1,2 /opt/stack/stand-in/runs 2>/dev/null || :")).trim().split("\n");
  /** What is there, without what is of one run. */
  const look = (name: Name) =>
    sh(
      name,
      "hostname; cat /etc/hosts /etc/passwd; cd /opt/stack; cat devstack/local.conf; find . /var/lib/labplan -not -path '*/.git/*' -not -path './logs/*' -not -path './stand-in*' | sort; systemctl is-active 'devstack@n-cpu' || :",
    );
  const make = (name: Name, options: RunOptions = {}, known?: NodeState) =>
    up(nodeDefinition, devstack(name), run<NodeState>(name, options), known);

  test("hosts and their mesh are made, seen, and made again without a change", async () => {
    for (const name of NAMES) {
      const state = await up(hostDefinition, host(name), run<HostState>(name));
      expect(state).toMatchObject({ ...host(name), intact: true });
      expect(await hostDefinition.observe(state, run<HostState>(name), state)).toEqual(state);
    }
    const nodes = Object.fromEntries(
      NAMES.map((name) => [name, { backend: "b", login: from, hostName: name, address: on[name].address }]),
    );
    const mesh = { name: "lab", user: "stack", home: "/opt/stack", nodes };
    const state = await up(meshDefinition, mesh, run<MeshState>("ctl"));
    expect(await meshDefinition.observe(state, run<MeshState>("ctl"), state)).toEqual(state);
    expect(await sh("hv1", "cat /opt/stack/.ssh/authorized_keys /etc/hosts")).toMatch(
      /stack@ctl[\s\S]* ctl\n# labplan end/,
    );
  });

  for (const name of NAMES)
    test(`${name}: killed at each step and repeated, it is as after a clean run, and stacked once`, async () => {
      const clean = await make(name);
      const there = await look(name);
      expect(await runs(name)).toEqual(["stack begin", "stack done"]);
      expect(await nodeDefinition.observe(clean, run<NodeState>(name), clean)).toEqual(clean);
      for (const dieAt of STEPS) {
        await nodeDefinition.remove(clean, run<NodeState>(name));
        await sh(name, "rm -rf /opt/stack/stand-in");
        await expect(make(name, { dieAt }), dieAt).rejects.toThrow(Killed);
        const again = await make(name);
        expect({ ...again, stackedAt: "" }, dieAt).toEqual({ ...clean, stackedAt: "" });
        expect(await runs(name), dieAt).toEqual(["stack begin", "stack done"]);
        expect(await look(name), dieAt).toBe(there);
      }
    });

  test("a stack.sh that hangs or dies in a sandbox is told, undone and stacked by the next", async () => {
    await make("ctl");
    const state = await make("hv1");
    await sh("hv1", "rm -f /opt/stack/stand-in/runs; echo 'hang extra once' > /opt/stack/stand-in/fault");
    const edited = devstack("hv1", { generation: 2, silenceS: 8 });
    const error = await up(nodeDefinition, edited, run<NodeState>("hv1"), state).catch((one: Error) => one);
    expect(`${error}`).toMatch(/hangs in phase extra/);
    await up(nodeDefinition, edited, run<NodeState>("hv1"), state);
    const undone = ["unstack begin", "unstack done"];
    expect(await runs("hv1")).toEqual([...undone, "stack begin", ...undone, "stack begin", "stack done"]);
  });
});
