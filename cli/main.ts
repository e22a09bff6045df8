import { spawnSync } from "node:child_process";
import { demo, demoDown } from "./demo";
import { lab } from "./lab";

type Verb = (args: string[]) => Promise<number>;

/** One entry per npm script, loaded when it is called; `npm run lab -- <verb>` has a table of its own. */
const verbs: Record<string, Verb> = {
  lab,
  demo,
  "demo:down": demoDown,
  test: async (args) => (require("./test") as typeof import("./test")).runTests(args),
  traps: async (args) => (require("./traps") as typeof import("./traps")).traps(args),
  bench: async (args) => (require("../bench/main") as typeof import("../bench/main")).bench(args),
  systems: async () => spawnSync("bash", ["test/systems/install.sh"], { stdio: "inherit" }).status ?? 1,
};

async function main(): Promise<void> {
  const [name = "", ...args] = process.argv.slice(2);
  const verb = verbs[name];
  if (!verb) throw new Error(`unknown command "${name}"; there are: ${Object.keys(verbs).join(", ")}`);
  process.exitCode = await verb(args);
}

// Whoever reads us may have seen enough: `npm run lab -- --help | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

main().catch((error: Error) => {
  process.stderr.write(`labplan: ${error.message}\n`);
  process.exitCode = 1;
});
