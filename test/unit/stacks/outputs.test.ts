import * as pulumi from "@pulumi/pulumi";
import { expect, test } from "vitest";
import type { LabResource } from "../../../providers/core/resource";
import { outputsOf } from "../../../stacks/outputs";
import { resourceKey } from "../../../stacks/plan/types";
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
