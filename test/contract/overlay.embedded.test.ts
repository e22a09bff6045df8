import "tsx/cjs"; // the embedded lab and the SSH client are loaded by require()
import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { ensureEmbedded } from "../../embedded/start";
import { pairProblems } from "../../providers/overlay/matrix";
import type { EndpointInputs, EndpointState } from "../../providers/overlay/types";
import { connectSsh } from "../../providers/ssh/client";
import {
  addressOf,
  connectTo,
  defineMachine,
  hasNamespaces,
  itInNamespaces,
  keyPair,
  login,
  makeHome,
} from "./embedded.fixtures";
import { Killed, runOn, up } from "./libvirt-handlers.run";
import { endpointDefinition, measurePairs } from "./overlay.lab";

const NODES = {
  ctl: { mac: "52:54:00:00:00:05", overlay: "172.24.4.3" },
  hv1: { mac: "52:54:00:00:00:06", overlay: "172.24.4.4" },
} as const;
type Name = keyof typeof NODES;
const NAMES = ["ctl", "hv1"] as const;

/** The same handlers, on machines whose network devices are the embedded lab's own answers. */
describe("the overlay in the embedded lab", () => {
  const { home, remove } = makeHome();
  const key = keyPair();
  const on = {} as Record<Name, { address: string; sshPort: number; sshHostKey: string }>;
  const underlay = {} as Record<Name, string>;
  const identityFile = path.join(path.dirname(home), "key");
  const test = itInNamespaces(home);

  beforeAll(async () => {
    await ensureEmbedded({ home });
    if (!(await hasNamespaces(home))) return;
    fs.writeFileSync(identityFile, key.privateKey, { mode: 0o600 });
    const client = await connectTo(home);
    for (const name of NAMES) {
      const { mac } = NODES[name];
      await client.domainStart(await defineMachine(client, { name, mac, publicKey: key.publicKey }));
      const { address, sshPort, hostKey } = await addressOf(home, name);
      on[name] = { address, sshPort, sshHostKey: hostKey };
      const session = await login({ address, sshPort }, key);
      underlay[name] = /inet (10[\d.]+)/.exec((await session.run("ip addr show dev eth0")).out)?.[1] ?? "";
      session.end();
    }
    await client.close();
  });
  afterAll(remove);

  const inputs = (name: Name, more: Partial<EndpointInputs> = {}): EndpointInputs => {
    const peer = name === "ctl" ? "hv1" : "ctl";
    return {
      ...{
        name,
        backend: "b",
        login: { user: "labplan", identityFile },
        bridge: "linux",
        device: "br-overlay",
      },
      ...{ vni: 109490, port: 4789, mtu: 1450, local: underlay[name] },
      address: `${NODES[name].overlay}/23`,
      peers: { [peer]: { underlay: underlay[peer], overlay: NODES[peer].overlay } },
      ...more,
    };
  };
  const run = (name: Name, dieAt?: string) => ({
    ...runOn<EndpointState>({ kind: "embedded" }, { name, ...(dieAt ? { dieAt } : {}) }),
    on: on[name],
  });
  const make = (name: Name, more: Partial<EndpointInputs> = {}, dieAt?: string) =>
    up(endpointDefinition, inputs(name, more), run(name, dieAt));
  const look = (state: EndpointInputs) => endpointDefinition.observe(state, run(state.name as Name));
  const nodes = () =>
    Object.fromEntries(
      NAMES.map((name) => {
        const { address: host, sshPort: port, sshHostKey: hostKey } = on[name];
        const target = { host, port, hostKey, user: "labplan", identityFile, agent: false as const };
        return [name, { overlay: NODES[name].overlay, connect: () => connectSsh(target) }];
      }),
    );
  const measure = (mtu = 1450) =>
    measurePairs(
      nodes(),
      [
        ["ctl", "hv1"],
        ["hv1", "ctl"],
      ],
      { mtu },
    );

  test("made from wherever it was stopped, measured, edited, removed", async () => {
    expect(await endpointDefinition.precheck?.(inputs("ctl"), run("ctl"))).toEqual([]);
    for (const dieAt of ["3/5 script", "4/5 devices", "5/5 unit"])
      await expect(make("ctl", {}, dieAt)).rejects.toThrow(Killed);
    const states = [await make("ctl"), await make("hv1")];
    for (const state of states) {
      expect(state.active).toBe(true);
      expect(await look(state)).toEqual(state);
    }
    expect(pairProblems(await measure())).toEqual([]);
    expect(await measure(1451)).toMatchObject([
      { reached: true, fullSize: false },
      { reached: true, fullSize: false },
    ]);
    const moved = await make("ctl", { vni: 7, mtu: 1400 });
    expect(await look(moved)).toEqual(moved);
    expect(pairProblems(await measure())).toHaveLength(2);
    await make("hv1", { vni: 7, mtu: 1400 });
    expect(pairProblems(await measure(1400))).toEqual([]);
    for (const name of NAMES) {
      const state = { ...inputs(name, { vni: 7, mtu: 1400 }), active: true };
      await endpointDefinition.remove(state, run(name));
      expect(await look(state)).toBeUndefined();
    }
    expect((await measure()).every(({ reached }) => !reached)).toBe(true);
  });
});
