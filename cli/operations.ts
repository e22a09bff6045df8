import { parseArgs } from "node:util";
import { pulumi } from "./pulumi";
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
  return pulumi(["preview", "--diff=false", ...rest], flags.has("offline") ? { LABPLAN_OFFLINE: "1" } : {});
}

export async function up(args: string[]): Promise<number> {
  ensureWorkspace();
  const { flags, rest } = split(args, { "allow-removals": { type: "boolean" } });
  return pulumi(
    ["up", ...PARALLEL, ...rest],
    flags.has("allow-removals") ? { LABPLAN_ALLOW_REMOVALS: "1" } : {},
  );
}

export async function destroy(args: string[]): Promise<number> {
  ensureWorkspace();
  return pulumi(["destroy", ...PARALLEL, ...args]);
}

export async function refresh(args: string[]): Promise<number> {
  ensureWorkspace();
  return pulumi(["refresh", ...args]);
}
