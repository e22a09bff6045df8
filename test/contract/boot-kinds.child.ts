// Runs one operation on a resource of the boot server's kinds and prints what came of it: in a process of its own, so
// that it can be put into a network namespace, or killed.
import { LabError } from "../../providers/core/errors";
import { kinds } from "../../providers/registry";
import type { Asked, Told } from "./boot-kinds";
import { newTrace, runOn } from "./libvirt-handlers.run";

async function main(): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const asked = JSON.parse(Buffer.concat(chunks).toString()) as Asked<{ name: string }>;
  const { kind, backend, what, inputs, known, secrets } = asked;
  const definition = kinds[kind]?.load();
  if (!definition) throw new Error(`no kind ${kind}`);
  const trace = newTrace();
  const run = runOn<object>(backend, { name: inputs.name, secrets, trace });
  const told: Told<object> = { trace };
  try {
    if (what === "remove") await definition.remove(inputs, run);
    else {
      const observed = await definition.observe(inputs, run, known);
      told.state = await definition.reconcile(inputs, observed, run);
    }
  } catch (error) {
    told.error = error instanceof LabError ? error.message : String((error as Error).stack);
  }
  process.stdout.write(JSON.stringify(told), () => process.exit(0));
}

void main();
