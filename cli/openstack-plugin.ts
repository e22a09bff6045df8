import * as fs from "node:fs";
import { parse } from "yaml";
import type { ExportedStack } from "./pending";

/** Does a stack's file, as text, have a backend that the OpenStack plugin serves? */
export function declaresOpenStack(stackFile: string): boolean {
  const file = parseOrNothing(stackFile) as { config?: Record<string, unknown> } | null | undefined;
  const backends = file?.config?.["labplan:backends"];
  if (typeof backends !== "object" || backends === null) return false;
  return Object.values(backends as Record<string, { kind?: unknown } | null>).some(
    (backend) => backend?.kind === "openstack",
  );
}

/** Does a state have something that only the plugin can look at and remove? */
export function holdsOpenStack({ deployment }: ExportedStack): boolean {
  return (deployment.resources ?? []).some(({ type }) =>
    /^(openstack:|pulumi:providers:openstack$)/.test(type),
  );
}

/** Get the plugin before a run of the engine, when the stack needs it by its file or by its state. */
export async function ensurePluginFor(stack: string, state?: ExportedStack): Promise<void> {
  if (!declared(stack) && !(state && holdsOpenStack(state))) return;
  const { ensureOpenStackPlugin } = await import("../engine/openstack-plugin.mjs");
  await ensureOpenStackPlugin();
}

/** Is there any stack here that may need the plugin? To ask the engine which one is meant takes half a second. */
export const someStackDeclares = (): boolean =>
  fs.existsSync("stacks") &&
  fs
    .readdirSync("stacks")
    .flatMap((name) => /^Pulumi\.(.+)\.yaml$/.exec(name)?.[1] ?? [])
    .some(declared);

function declared(stack: string): boolean {
  const file = `stacks/Pulumi.${stack}.yaml`;
  return fs.existsSync(file) && declaresOpenStack(fs.readFileSync(file, "utf8"));
}

/** What is wrong with the file is said by the run itself, with its place. */
function parseOrNothing(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}
