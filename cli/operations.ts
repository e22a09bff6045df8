import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { isOffline } from "../providers/core/settings";
import { lockPath } from "../stacks/lock-path";
import { forgetDestroyed, isEmptied } from "./forget-destroyed";
import { ensurePluginFor, someStackDeclares } from "./openstack-plugin";
import { type ExportedStack, takeInPendingCreates } from "./pending";
import { pulumi, pulumiOutput } from "./pulumi";
import { deadLocks, waitForOrphans } from "./stale-lock";
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
  const stack = someStackDeclares() ? await stackOf(rest) : undefined;
  if (stack) await ensurePluginFor(stack);
  const offline = flags.has("offline") || isOffline(process.env);
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
  const { code, stdout } = await pulumiOutput(["stack", "export", "--stack", stack]);
  return code === 0 && isEmptied(JSON.parse(stdout) as ExportedStack);
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
  const backend = pulumiEnv().PULUMI_BACKEND_URL ?? process.env.PULUMI_BACKEND_URL ?? "";
  const [dead] = deadLocks(backend, stack);
  if (dead) {
    console.error(
      `labplan: a run of ${dead.timestamp} (pid ${dead.pid}) died and left stack "${stack}" locked; carrying on from there.`,
    );
    const left = await waitForOrphans(process.cwd());
    if (left.length > 0)
      throw new Error(
        `its provider process ${left.join(", ")} is still working; end it, then run this again`,
      );
    const quiet = ["--stack", stack, "--color", "never"];
    if (await pulumi(["cancel", "--yes", ...quiet]))
      throw new Error(`"pulumi cancel" failed; its message is above`);
  }
  const { code, stdout } = await pulumiOutput(["stack", "export", "--stack", stack]);
  const state = code === 0 ? (JSON.parse(stdout) as ExportedStack) : undefined;
  if (state) await takeIn(stack, state);
  await ensurePluginFor(stack, state);
}

/** What a killed run was making is ours by its mark: in the state, a destroy finds it as well. */
async function takeIn(stack: string, state: ExportedStack): Promise<void> {
  const taken = takeInPendingCreates(state);
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

async function stackOf(args: string[]): Promise<string | undefined> {
  const { values } = parseArgs({ args, options: { stack: { type: "string", short: "s" } }, strict: false });
  if (typeof values.stack === "string") return values.stack.split("/").pop();
  const { stdout, code } = await pulumiOutput(["stack", "ls", "--json"]);
  if (code !== 0) return undefined;
  return (JSON.parse(stdout) as { name: string; current: boolean }[]).find(({ current }) => current)?.name;
}
