import { parseArgs } from "node:util";
import { isOffline } from "../providers/core/settings";
import { lockPath } from "../stacks/lock-path";
import { isFileBackend, statesIn } from "./file-backend";
import { forgetDestroyed, isEmptied } from "./forget-destroyed";
import { carryOn } from "./killed-run";
import { ensurePluginFor, someStackDeclares } from "./openstack-plugin";
import { pendingCreates } from "./pending";
import { pulumi, pulumiOutput } from "./pulumi";
import { backendUrl, exportedStack } from "./stack-state";
import { ensureWorkspace } from "./workspace";

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
    ["preview", ...PARALLEL, ...(offline ? ["--refresh=false"] : []), ...rest],
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
  const state = await exportedStack(stack);
  return state !== undefined && isEmptied(state);
}

export async function refresh(args: string[]): Promise<number> {
  ensureWorkspace();
  await prepare(args);
  return pulumi(["refresh", ...PARALLEL, ...args]);
}

/** Carry on after a run that was killed on this host; then get what this run needs. */
async function prepare(args: string[]): Promise<void> {
  const stack = await stackOf(args);
  if (stack) await ensurePluginFor(stack, await carryOn(stack));
}

/** A preview takes in the same, where it can see that no run is at work. It asks only where there may be need. */
async function preparePreview(args: string[], offline: boolean): Promise<void> {
  const url = backendUrl();
  const mayNeed = (text: string) => text.includes('"pending_operations"') || text.includes('"openstack:');
  if (!someStackDeclares() && !(isFileBackend(url) && statesIn(url).some(mayNeed))) return;
  const stack = await stackOf(args);
  if (!stack) return;
  const state = await exportedStack(stack);
  if (state && pendingCreates(state).length > 0 && !offline && isFileBackend(url)) await carryOn(stack);
  await ensurePluginFor(stack, state);
}

async function stackOf(args: string[]): Promise<string | undefined> {
  const { values } = parseArgs({ args, options: { stack: { type: "string", short: "s" } }, strict: false });
  if (typeof values.stack === "string") return values.stack.split("/").pop();
  const { stdout, code } = await pulumiOutput(["stack", "ls", "--json"]);
  if (code !== 0) return undefined;
  return (JSON.parse(stdout) as { name: string; current: boolean }[]).find(({ current }) => current)?.name;
}
