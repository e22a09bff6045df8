import * as fs from "node:fs";
import { waitForOrphans } from "./orphans";
import {
  type ExportedStack,
  isPlugins,
  pendingCreates,
  type StateResource,
  takeInPendingCreates,
} from "./pending";
import { backendUrl, type StackState, stackState } from "./stack-state";
import { deadLocks } from "./stale-lock";

/** What the plugin was making, as the cloud has it, by URN. */
type Find = (state: ExportedStack) => Promise<Map<string, StateResource>>;

/**
 * After a run that was killed: wait for what it left running on this host, take its lock away, take in what it was
 * making. Returns the state from before that, or undefined without one.
 */
export async function carryOn(stack: string): Promise<ExportedStack | undefined> {
  await unlock(stack);
  return takeIn(stack, stackState(stack), foundInClouds);
}

/** Take the lock of a dead run away. Just its own: another run may have begun while we waited. */
async function unlock(stack: string): Promise<void> {
  const locks = deadLocks(backendUrl(), stack);
  const [dead] = locks;
  if (!dead) return;
  console.error(
    `labplan: a run of ${dead.timestamp} (pid ${dead.pid}) died and left stack "${stack}" locked; carrying on from there.`,
  );
  await noneLeft();
  for (const { file } of locks) fs.rmSync(file, { force: true });
}

async function noneLeft(): Promise<void> {
  const left = await waitForOrphans(process.cwd());
  if (left.length > 0)
    throw new Error(
      `provider process ${left.join(", ")} of this folder works on without an engine, a dead run's or one started by hand; end it, then run this again`,
    );
}

/**
 * What a killed run was making is ours by its mark: in the state, a destroy finds it as well. What a run that lives is
 * making is its own: with its lock there nothing is taken in (the engine says who has it). Nor is anything where the
 * state is not what it was before we looked: what was written meanwhile would be lost.
 */
export async function takeIn(stack: string, at: StackState, find: Find): Promise<ExportedStack | undefined> {
  const before = await at.exported();
  if (before === undefined) return undefined;
  const state = JSON.parse(before) as ExportedStack;
  if (at.isLocked()) return state;
  const found = await find(state);
  const taken = takeInPendingCreates(state, found);
  if (!taken) return state;
  if (at.isLocked() || (await at.exported()) !== before)
    throw new Error(
      `another run is at work on stack "${stack}", or was in the meantime: nothing was taken in. Run this again when it has ended`,
    );
  await at.import(taken);
  tell(state, found);
  return state;
}

/** Only the cloud knows what the plugin has made, and by which id. */
const foundInClouds: Find = async (state) => {
  const pending = pendingCreates(state).filter(isPlugins);
  if (pending.length === 0) return new Map();
  await noneLeft();
  const { called, findInClouds } = clouds();
  console.error(`labplan: a killed run was making ${pending.map(called).join(", ")}; looking for it …`);
  return findInClouds(state);
};

function tell(state: ExportedStack, found: ReadonlyMap<string, StateResource>): void {
  const pending = pendingCreates(state).filter(isPlugins);
  if (pending.length === 0) return;
  const list = (isThere: boolean) =>
    pending
      .filter(({ urn }) => found.has(urn) === isThere)
      .map(clouds().called)
      .join(", ") || "nothing";
  console.error(`labplan: in the cloud, and now in the state: ${list(true)}. Never made: ${list(false)}.`);
}

/** Most runs need none of it. */
const clouds = () => require("./openstack-pending") as typeof import("./openstack-pending");
