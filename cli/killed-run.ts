import * as fs from "node:fs";
import { canSeeProcesses, waitForOrphans } from "./orphans";
import {
  type ExportedStack,
  isPlugins,
  pendingCreates,
  type StateResource,
  takeInPendingCreates,
} from "./pending";
import { backendUrl, type StackState, stackState } from "./stack-state";
import { deadLocks } from "./stale-lock";

/** How to look for what the plugin was making. */
export interface Search {
  /** As the cloud has it, by URN. */
  find(state: ExportedStack, isOver: boolean): Promise<Map<string, StateResource>>;
  /** It was seen that nothing of the killed run is at work any more. A lock says on which host it was. */
  isOver: boolean;
}

/**
 * After a run that was killed: wait for what it left running on this host, take its lock away, take in what it was
 * making. Returns the state from before that, or undefined without one.
 */
export async function carryOn(stack: string): Promise<ExportedStack | undefined> {
  const diedHere = await unlock(stack);
  return takeIn(stack, stackState(stack), { find: foundInClouds, isOver: diedHere && canSeeProcesses() });
}

/**
 * Take the lock of a run away that died on this host, and say whether there was one. Just its own: another run may
 * have begun while we waited.
 */
async function unlock(stack: string): Promise<boolean> {
  const locks = deadLocks(backendUrl(), stack);
  const [dead] = locks;
  if (!dead) return false;
  console.error(
    `labplan: a run of ${dead.timestamp} (pid ${dead.pid}) died and left stack "${stack}" locked; carrying on from there.`,
  );
  await noneLeft();
  for (const { file } of locks) fs.rmSync(file, { force: true });
  return true;
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
export async function takeIn(
  stack: string,
  at: StackState,
  { find, isOver }: Search,
): Promise<ExportedStack | undefined> {
  const before = await at.exported();
  if (before === undefined) return undefined;
  const state = JSON.parse(before) as ExportedStack;
  if (at.isLocked()) return state;
  const found = await find(state, isOver);
  const taken = takeInPendingCreates(state, found);
  if (!taken) return state;
  if (at.isLocked() || (await at.exported()) !== before)
    throw new Error(
      `another run is at work on stack "${stack}", or was in the meantime: nothing was taken in. Run this again when it has ended`,
    );
  await at.import(taken);
  tell(state, found, isOver);
  return state;
}

/** Only the cloud knows what the plugin has made, and by which id. */
const foundInClouds: Search["find"] = async (state, isOver) => {
  const pending = pendingCreates(state).filter(isPlugins);
  if (pending.length === 0) return new Map();
  await noneLeft();
  const { called, findInClouds, waitsFor } = clouds();
  console.error(`labplan: a killed run was making ${pending.map(called).join(", ")}; looking for it …`);
  return findInClouds(state, waitsFor(isOver));
};

function tell(state: ExportedStack, found: ReadonlyMap<string, StateResource>, isOver: boolean): void {
  const pending = pendingCreates(state).filter(isPlugins);
  if (pending.length > 0) console.error(`labplan: ${clouds().outcome(pending, found, isOver)}`);
}

/** Most runs need none of it. */
const clouds = () => require("./openstack-pending") as typeof import("./openstack-pending");
