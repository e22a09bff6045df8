import * as fs from "node:fs";
import * as path from "node:path";
import { parseArgs } from "node:util";
import { localConfWithSources } from "../providers/devstack/local-conf-diff";
import type { NodeInputs, VerifyInputs } from "../providers/devstack/types";
import { loadConfig } from "../stacks/config/load";
import { formatProblem, positioned } from "../stacks/config/positions";
import { suggest } from "../stacks/config/suggest";
import { lockPath } from "../stacks/lock-path";
import { emptyLock, parseLock } from "../stacks/plan/lock-file";
import { plan } from "../stacks/plan/plan";
import type { LabPlan } from "../stacks/plan/types";
import { table } from "./table";

const USAGE = "npm run lab -- devstack show [<node>] [--stack <stack>]";

export const DEVSTACK_HELP = `  show           the nodes of the layout: role, host name, address in the overlay
  show <node>    its local.conf as planned, with the source of every line; secrets stand there by name

Reads the stack's file and its lock file, and contacts nothing.`;

/** `npm run lab -- devstack show [<node>] [--stack <stack>]` */
export async function devstack(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { stack: { type: "string", short: "s" } },
  });
  const [verb, node, ...more] = positionals;
  if (verb !== "show" || more.length > 0) {
    console.error(`usage: ${USAGE}`);
    return 2;
  }
  const planned = planOf(values.stack ?? onlyStack("stacks"));
  console.log(node === undefined ? layoutText(planned) : localConfText(planned, node));
  return 0;
}

/** The stack with a devstack, where there is one alone. */
export function onlyStack(folder: string): string {
  const stacks = fs.readdirSync(folder).flatMap((name) => {
    const [, stack] = /^Pulumi\.(.+)\.yaml$/.exec(name) ?? [];
    const isOne =
      stack !== undefined && /^\s+labplan:devstack:/m.test(fs.readFileSync(path.join(folder, name), "utf8"));
    return isOne ? [stack] : [];
  });
  const [stack] = stacks;
  if (stack !== undefined && stacks.length === 1) return stack;
  throw new Error(
    stacks.length === 0
      ? `no stack in ${folder}/ has a devstack; "npm run lab -- init mystack --from devstack" makes one`
      : `several stacks have a devstack: say --stack ${stacks.sort().join(" or --stack ")}`,
  );
}

/** The plan of a stack's file and lock file, without an engine. */
function planOf(stack: string): LabPlan {
  const file = path.join("stacks", `Pulumi.${stack}.yaml`);
  if (!fs.existsSync(file)) throw new Error(`${file} does not exist`);
  const source = { path: file, text: fs.readFileSync(file, "utf8") };
  const loaded = loadConfig({ stack, file: source, readFile: (name) => fs.readFileSync(name, "utf8") });
  if (!loaded.config) throw new Error(`wrong config:\n${loaded.problems.map(formatProblem).join("\n")}`);
  const lockFile = lockPath(stack);
  const lock = fs.existsSync(lockFile) ? parseLock(fs.readFileSync(lockFile, "utf8"), lockFile) : emptyLock();
  const planned = plan(loaded.config, lock, new Date(), { allowRemovals: true });
  if (!planned.plan)
    throw new Error(
      `wrong config:\n${planned.problems.map((one) => formatProblem(positioned(one, source))).join("\n")}`,
    );
  return planned.plan;
}

const nodesIn = ({ resources }: LabPlan): NodeInputs[] =>
  resources
    .filter(({ kind }) => kind === "devstack:Node")
    .map(({ inputs }) => inputs as unknown as NodeInputs);

/** What `show <node>` prints. */
export function localConfText(planned: LabPlan, name: string): string {
  const nodes = nodesIn(planned);
  const node = nodes.find((one) => one.name === name);
  if (node) return localConfWithSources(node).join("\n");
  const names = nodes.map((one) => one.name).sort();
  throw new Error(
    names.length === 0
      ? `stack "${planned.stack}" has no devstack`
      : `the layout has no node "${name}"${suggest(name, names, "Nodes")}`,
  );
}

/** What `show` prints. */
export function layoutText(planned: LabPlan): string {
  const verify = planned.resources.find(({ kind }) => kind === "devstack:Verify");
  if (!verify) throw new Error(`stack "${planned.stack}" has no devstack`);
  const { nodes, mtu, cells } = verify.inputs as unknown as VerifyInputs;
  const cellOf = (host: string) => Object.keys(cells).find((cell) => cells[cell]?.includes(host)) ?? "-";
  const rows = Object.entries(nodes).map(([name, { role, hostName, overlay }]) => [
    name,
    role,
    hostName,
    overlay ?? "-",
    cellOf(hostName),
  ]);
  return [
    table(["node", "role", "host name", "overlay", "hypervisor of cell"], rows),
    ...(mtu === undefined ? [] : [`\nMTU in the overlay: ${mtu}`]),
  ].join("\n");
}
