import * as fs from "node:fs";
import { kinds } from "../../../providers/registry";
import { declare } from "../../../stacks/declare";
import type { LabPlan, PlannedResource } from "../../../stacks/plan/types";
import { testKinds } from "./kinds";
import type { Wish } from "./wish";

/** Declares the machine and what is on it, as `wish.json` says. */
export = async () => {
  Object.assign(kinds, testKinds);
  const { machine, things }: Wish = JSON.parse(fs.readFileSync("wish.json", "utf8"));
  const backend = { kind: "embedded" } as const;
  const common = { dependsOn: [] as string[], recreateWith: [], backend };
  const key = "test:Machine host";
  const resources: PlannedResource[] = [
    { ...common, kind: "test:Machine", name: "host", inputs: { backend: "b", ...machine } },
    ...things.map(({ name, deletedWith }) => ({
      ...common,
      kind: "test:Thing",
      name,
      inputs: { backend: "b", name },
      dependsOn: [key],
      on: { key, deletedWith, edition: `${machine.name} ${machine.image}` },
    })),
    { ...common, kind: "lab:Null", name: "else", inputs: { backend: "b" } },
  ];
  const plan: Pick<LabPlan, "lab" | "stack" | "resources"> = { lab: "testlab1", stack: "t", resources };
  declare(plan as LabPlan);
};
