// Runs one operation on an image's installation and prints what came of it: in a process of its own, so that it can
// be put into a network namespace, or killed.
import { buildDefinition } from "../../providers/boot/build.handlers";
import { LabError } from "../../providers/core/errors";
import type { Asked, Told } from "./boot-build.suite";
import { newTrace, runOn } from "./libvirt-handlers.run";

async function main(): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  const { backend, what, inputs, known, secrets } = JSON.parse(Buffer.concat(chunks).toString()) as Asked;
  const trace = newTrace();
  const run = runOn<typeof inputs & { installed: boolean }>(backend, { name: inputs.name, secrets, trace });
  const told: Told = { trace };
  try {
    if (what === "remove") await buildDefinition.remove({ ...inputs, installed: false }, run);
    else {
      const observed = await buildDefinition.observe(inputs, run, known);
      told.state = await buildDefinition.reconcile(inputs, observed, run);
    }
  } catch (error) {
    told.error = error instanceof LabError ? error.message : String((error as Error).stack);
  }
  process.stdout.write(JSON.stringify(told), () => process.exit(0));
}

void main();
