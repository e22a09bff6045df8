import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { isOffline } from "../providers/core/settings";
import { declare } from "./declare";
import { lockPath } from "./lock-path";
import { isPluginKind } from "./openstack/declare";
import { outputsOf } from "./outputs";
import { renderLock } from "./plan/lock-file";
import type { LabPlan } from "./plan/types";
import { type ReadLab, readLab } from "./read-stack";

export = async () => {
  const plan = await settled(readLab());
  for (const note of plan.notes) await pulumi.log.warn(note);
  for (const fact of plan.newFacts) await pulumi.log.info(`new in ${lockPath(plan.stack)}: ${fact}`);
  if (isOffline(process.env) && !pulumi.runtime.isDryRun())
    throw new pulumi.RunError(
      "offline (LABPLAN_OFFLINE, or a pull request's job): only a preview can be made; LABPLAN_OFFLINE=0 lets it",
    );
  if (isOffline(process.env))
    await pulumi.log.info(
      "offline preview: no backend was contacted and no secret resolved. Not checked: what exists now, foreign objects of the same names, credentials, drift.",
    );
  if (!pulumi.runtime.isDryRun()) writeLock(plan);
  return outputsOf(plan, declare(plan));
};

/** With what only its clouds know, before the engine is told of anything; an offline preview asks none. */
async function settled({ plan, refuse }: ReadLab): Promise<LabPlan> {
  if (isOffline(process.env) || !plan.resources.some(({ kind }) => isPluginKind(kind))) return plan;
  // Loaded where there is a cloud.
  const { askClouds } = require("./openstack/ask") as typeof import("./openstack/ask");
  const asked = await askClouds(plan);
  return asked.plan ?? refuse(asked.problems);
}

/** Before the first resource is made: an address must never be used that the lock does not know. */
function writeLock(plan: LabPlan): void {
  const file = lockPath(plan.stack);
  const text = renderLock(plan.lock);
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) return;
  const partial = `${file}.${process.pid}.part`;
  fs.writeFileSync(partial, text);
  fs.renameSync(partial, file);
}
