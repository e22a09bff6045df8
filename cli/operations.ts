import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { isOffline } from "../providers/core/settings";
import { lockPath } from "../stacks/lock-path";
import { isFileBackend, statesIn } from "./file-backend";
import { forgetDestroyed, isEmptied } from "./forget-destroyed";
import { ensurePluginFor, someStackDeclares } from "./openstack-plugin";
import { waitForOrphans } from "./orphans";
import {
  type ExportedStack,
  isPlugins,
  pendingCreates,
  type StateResource,
  takeInPendingCreates,
} from "./pending";
import { pulumi, pulumiOutput } from "./pulumi";
import { deadLocks, isLocked } from "./stale-lock";
import { ensureWorkspace, HOME, pulumiEnv } from "./workspace";

/** Long waits are our own and each backend has its own limit, so the engine may start many at once. */
const PARALLEL = ["--parallel", "32"];

/** Our own flags, taken out of pulumi's. */
function split(args: string[], own: Record<string, { type: "boolean" }>) {
  const { tokens } = parseArgs({ args, options: own, strict: false, tokens: true });
  const mine = new Set(tokens.filter((t) => t.kind === "option" && t.name in own).map((t) => t.index));
  const flags = tokens.flatMap((t) => (t.kind === "option" && t.name in own ? [t.name] : []));
  return { flags: new Set(flags), rest: args.filter((_, index) => !mine.has(index)) };
}

export async function preview(args: string[]): Promise<number> {
  ensureWorkspace();
  const { flags, rest } = split(args, { offline: { type: "boolean" } });
  const offline = flags.has("offline") || isOffline(process.env);
  await preparePreview(rest, offline);
  return pulumi(
    // Ours look at nothing then; a plugin's resources would be looked at by the engine's own refresh.
    ["preview", ...(offline ? ["--refresh=false"] : []), ...rest],
    flags.has("offline") ? { LABPLAN_OFFLINE: "1" } : {},
  );
}

export async function up(args: string[]): Promise<number> {
  ensureWorkspace();
  const { flags, rest } = split(args, { "allow-removals": { type: "boolean" } });
  await prepare(rest);
  return pulumi(
    ["up", ...PARALLEL, ...rest],
    flags.has("allow-removals") ? { LABPLAN_ALLOW_REMOVALS: "1" } : {},
  );
}

export async function destroy(args: string[]): Promise<number> {
  ensureWorkspace();
  await prepare(args);
  const code = await pulumi(["destroy", ...PARALLEL, ...args]);
  const stack = await stackOf(args);
  if (code === 0 && stack && (await isEmpty(stack))) forgetDestroyed(lockPath(stack));
  return code;
}

async function isEmpty(stack: string): Promise<boolean> {
  const state = await exported(stack);
  return state !== undefined && isEmptied(state);
}

async function exported(stack: string): Promise<ExportedStack | undefined> {
  const { code, stdout } = await pulumiOutput(["stack", "export", "--stack", stack]);
  return code === 0 ? (JSON.parse(stdout) as ExportedStack) : undefined;
}

export async function refresh(args: string[]): Promise<number> {
  ensureWorkspace();
  await prepare(args);
  return pulumi(["refresh", ...args]);
}

/**
 * After a run that was killed on this host: wait for what it left running, take its lock away, take in what it was
 * making. Then get what this run needs.
 */
async function prepare(args: string[]): Promise<void> {
  const stack = await stackOf(args);
  if (!stack) return;
  await unlock(stack);
  const state = await exported(stack);
  if (state) await takeIn(stack, state);
  await ensurePluginFor(stack, state);
}

/** A preview takes in the same, where it is sure that no run is at work. It asks only where there may be need. */
async function preparePreview(args: string[], offline: boolean): Promise<void> {
  const url = backendUrl();
  const mayNeed = (text: string) => text.includes('"pending_operations"') || text.includes('"openstack:');
  if (!someStackDeclares() && !(isFileBackend(url) && statesIn(url).some(mayNeed))) return;
  const stack = await stackOf(args);
  if (!stack) return;
  const state = await exported(stack);
  if (state && pendingCreates(state).length > 0 && !offline && isFileBackend(url)) {
    await unlock(stack);
    if (!isLocked(url, stack)) await takeIn(stack, state);
  }
  await ensurePluginFor(stack, state);
}

const backendUrl = (): string => pulumiEnv().PULUMI_BACKEND_URL ?? process.env.PULUMI_BACKEND_URL ?? "";

/** Take the lock of a dead run away. */
async function unlock(stack: string): Promise<void> {
  const [dead] = deadLocks(backendUrl(), stack);
  if (!dead) return;
  console.error(
    `labplan: a run of ${dead.timestamp} (pid ${dead.pid}) died and left stack "${stack}" locked; carrying on from there.`,
  );
  await noneLeft();
  const quiet = ["--stack", stack, "--color", "never"];
  if (await pulumi(["cancel", "--yes", ...quiet]))
    throw new Error(`"pulumi cancel" failed; its message is above`);
}

async function noneLeft(): Promise<void> {
  const left = await waitForOrphans(process.cwd());
  if (left.length > 0)
    throw new Error(
      `the dead run's provider process ${left.join(", ")} is still working; end it, then run this again`,
    );
}

/** What a killed run was making is ours by its mark: in the state, a destroy finds it as well. */
async function takeIn(stack: string, state: ExportedStack): Promise<void> {
  const taken = takeInPendingCreates(state, await foundInClouds(state));
  if (!taken) return;
  const file = path.join(HOME, `import-${process.pid}.json`);
  fs.writeFileSync(file, JSON.stringify(taken), { mode: 0o600 });
  try {
    if (await pulumi(["stack", "import", "--stack", stack, "--file", file]))
      throw new Error("what the killed run was making could not be taken in; the message is above");
  } finally {
    fs.rmSync(file, { force: true });
  }
}

/** Only the cloud knows what the plugin has made, and by which id. */
async function foundInClouds(state: ExportedStack): Promise<Map<string, StateResource>> {
  const pending = pendingCreates(state).filter(isPlugins);
  if (pending.length === 0) return new Map();
  await noneLeft();
  const { called, findInClouds } = require("./openstack-pending") as typeof import("./openstack-pending");
  console.error(`labplan: a killed run was making ${pending.map(called).join(", ")}; looking for it …`);
  const found = await findInClouds(state);
  const list = (isThere: boolean) =>
    pending
      .filter(({ urn }) => found.has(urn) === isThere)
      .map(called)
      .join(", ") || "nothing";
  console.error(`labplan: in the cloud, and now in the state: ${list(true)}. Never made: ${list(false)}.`);
  return found;
}

async function stackOf(args: string[]): Promise<string | undefined> {
  const { values } = parseArgs({ args, options: { stack: { type: "string", short: "s" } }, strict: false });
  if (typeof values.stack === "string") return values.stack.split("/").pop();
  const { stdout, code } = await pulumiOutput(["stack", "ls", "--json"]);
  if (code !== 0) return undefined;
  return (JSON.parse(stdout) as { name: string; current: boolean }[]).find(({ current }) => current)?.name;
}
