import * as path from "node:path";
import { parseArgs } from "node:util";
import { clientFor } from "../providers/virtualbox/clients";
import { exportMachine } from "../providers/virtualbox/export";
import type { MachineState } from "../providers/virtualbox/machine";
import { isEmbedded } from "../stacks/config/place";
import type { BackendConfig } from "../stacks/config/types";
import type { ExportedStack } from "./pending";
import { pulumiOutput } from "./pulumi";
import { ensureWorkspace } from "./workspace";

const TYPE = "pulumi-nodejs:dynamic/virtualbox:Machine";
const USAGE = "npm run lab -- export <machine> --out FILE.ova [--stack <stack>]";

export interface ExportedMachine {
  state: MachineState;
  backend: BackendConfig;
}

/** A VirtualBox machine of a stack, by its name in the config; throws what to write instead. */
export function machineIn(stack: ExportedStack, name: string): ExportedMachine {
  const machines = (stack.deployment.resources ?? []).filter(({ type }) => type === TYPE);
  const nameOf = ({ urn }: { urn: string }) => urn.split("::").pop() ?? "";
  const found = machines.find((resource) => nameOf(resource) === name);
  if (!found?.outputs) {
    const names = machines.map(nameOf).sort().join(", ");
    throw new Error(`the stack has no VirtualBox machine "${name}"; it has ${names || "none"}`);
  }
  const { __backend: backend, ...state } = found.outputs;
  return { state: state as unknown as MachineState, backend: backend as BackendConfig };
}

/** Where the file goes: VirtualBox writes it itself, at its own host. */
export function placeFor(out: string, backend: BackendConfig): { path: string; where: string } {
  const isRemote = backend.kind === "virtualbox" && backend.host !== undefined && !isEmbedded(backend);
  if (!isRemote) return { path: path.resolve(out), where: "" };
  if (!path.posix.isAbsolute(out) && !path.win32.isAbsolute(out))
    throw new Error(`${out}: VirtualBox writes it on ${backend.host}, so its path must be absolute there`);
  return { path: out, where: ` on ${backend.host}` };
}

/** `npm run lab -- export <machine> --out FILE.ova` */
export async function exportCommand(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { out: { type: "string" }, stack: { type: "string", short: "s" } },
  });
  const [name] = positionals;
  if (!name || positionals.length > 1 || !values.out?.endsWith(".ova")) {
    console.error(`usage: ${USAGE}`);
    return 2;
  }
  ensureWorkspace();
  const { code, stdout } = await pulumiOutput([
    "stack",
    "export",
    ...(values.stack === undefined ? [] : ["--stack", values.stack]),
  ]);
  if (code !== 0) return code;
  const { state, backend } = machineIn(JSON.parse(stdout) as ExportedStack, name);
  const { path: file, where } = placeFor(values.out, backend);
  const stop = new AbortController();
  const client = await clientFor({ backend, signal: stop.signal });
  let shown = -1;
  try {
    await exportMachine(client, state, file, (percent) => {
      if (percent >= shown + 10 || percent === 100) console.error(`${percent} %`);
      if (percent >= shown + 10) shown = percent;
    });
  } finally {
    await client.close();
  }
  console.log(`${name} is in ${file}${where}`);
  return 0;
}
