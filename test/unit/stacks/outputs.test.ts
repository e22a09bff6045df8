import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import type { LabResource } from "../../../providers/core/resource";
import { outputsOf } from "../../../stacks/outputs";
import { resourceKey } from "../../../stacks/plan/types";
import { devstackLab } from "./plan/devstack-lab";
import { planned } from "./plan/lab";
import { guest, host, metalLab } from "./plan/metal";

/** What the engine would give for each resource of the plan. */
function declaredFor(keys: string[]): Map<string, LabResource> {
  const seen = {
    address: pulumi.output("192.0.2.7"),
    sshPort: pulumi.output(22),
    sshHostKey: pulumi.output("ssh-ed25519 AAAA"),
    generatedPassword: pulumi.secret("swordfish"),
  };
  return new Map(keys.map((key) => [key, seen as unknown as LabResource]));
}

const settle = <T>(value: T): Promise<unknown> =>
  new Promise((resolve) => pulumi.output(value as object).apply(resolve));

test("a host's outputs say how to get in, as whom, and with which password, which is secret", async () => {
  const config = metalLab({
    node1: host({ access: { user: "ops" } }),
    node2: host({ power: { kind: "none" }, access: { password: "none" } }),
    w1: guest(),
  });
  const plan = planned(config);
  const outputs = outputsOf(
    plan,
    declaredFor(plan.resources.map(({ kind, name }) => resourceKey(kind, name))),
  );
  const machines = outputs.machines as Record<string, { credentials?: { password?: unknown } }>;
  expect(await pulumi.isSecret(pulumi.output(machines.node1?.credentials?.password))).toBe(true);
  const at = { address: "192.0.2.7", sshPort: 22, sshHostKey: "ssh-ed25519 AAAA" };
  expect(await settle(machines)).toEqual({
    node1: { ...at, login: "ssh ops@192.0.2.7", credentials: { user: "ops", password: "swordfish" } },
    node2: { ...at, login: "ssh root@192.0.2.7", credentials: { user: "root" } },
    w1: { ...at, login: "ssh labplan@192.0.2.50" },
  });
});

test("a devstack's outputs say where its dashboard and API are, how to log in to each node, and what was verified", async () => {
  const plan = planned(devstackLab(1));
  const declared = declaredFor(plan.resources.map(({ kind, name }) => resourceKey(kind, name)));
  const matrix = [{ from: "ctl", to: "hv1", address: "172.24.4.2", reached: true, fullSize: true }];
  declared.set("devstack:Verify devstack", {
    verifiedAt: pulumi.output("2026-11-21T12:00:00Z"),
    matrix: pulumi.output(matrix),
  } as unknown as LabResource);
  const login = (address: string) => `ssh -J root@rack1.example labplan@${address}`;
  expect(await settle(outputsOf(plan, declared).devstack)).toEqual({
    horizon: "http://10.20.0.2/dashboard",
    keystone: "http://10.20.0.2/identity",
    nodes: {
      ctl: { role: "controller", login: login("10.20.0.2"), overlay: "172.24.4.1" },
      hv1: { role: "compute", login: login("10.20.0.3"), overlay: "172.24.4.2" },
    },
    verifiedAt: "2026-11-21T12:00:00Z",
    matrix,
  });
});

test("a devstack with tls-proxy has them behind https", async () => {
  const plan = planned(devstackLab(1, { devstack: { shared: { services: { "tls-proxy": true } } } }));
  const declared = declaredFor(plan.resources.map(({ kind, name }) => resourceKey(kind, name)));
  expect(await settle(outputsOf(plan, declared).devstack)).toMatchObject({
    horizon: "https://10.20.0.2/dashboard",
    keystone: "https://10.20.0.2/identity",
  });
});

test("a lab without a devstack has no such output", () => {
  const { devstack: _, ...config } = devstackLab(1);
  const plan = planned(config);
  const declared = declaredFor(plan.resources.map(({ kind, name }) => resourceKey(kind, name)));
  expect(outputsOf(plan, declared)).not.toHaveProperty("devstack");
});
