import { table } from "../cli/table";
import { loadConfig } from "../stacks/config/load";
import { emptyLock } from "../stacks/plan/lock-file";
import { plan } from "../stacks/plan/plan";
import { layoutConfig, SECRETS } from "../test/lifecycle/devstack-layout.config";
import { TestLab } from "../test/lifecycle/harness";
import { median, seconds } from "./measure";

interface Times {
  plan: number[];
  preview: number[];
  /** Without a look at the backends. */
  offline: number[];
}

const PREVIEW = ["preview", "--suppress-outputs", "--parallel", "32"];

/**
 * `npm run bench -- --devstack 2,20,100 [--runs 3]`: how long it takes to plan a new devstack of so many nodes, and to
 * preview it through the engine on the embedded lab, which is up.
 */
export async function benchDevstack(sizes: number[], runs: number): Promise<number> {
  const lines: string[][] = [];
  // The schemas are compiled once.
  planned(2);
  for (const nodes of sizes) {
    const times: Times = { plan: [], preview: [], offline: [] };
    let resources = 0;
    for (let run = 1; run <= runs; run++) {
      console.error(`devstack of ${nodes} nodes: run ${run} of ${runs}`);
      times.plan.push(
        await seconds(async () => {
          resources = planned(nodes);
        }),
      );
      await previewed(nodes, times);
    }
    const shown = (values: number[], digits: number) => median(values).toFixed(digits);
    lines.push([
      String(nodes),
      String(resources),
      ...[shown(times.plan, 3), shown(times.offline, 1), shown(times.preview, 1)],
    ]);
  }
  console.log(`\n${table(["nodes", "resources", "plan() s", "offline preview s", "preview s"], lines)}\n`);
  return 0;
}

/** From its config to its plan, as the program does it. Returns how many resources it has. */
function planned(nodes: number): number {
  const read = () => {
    throw new Error("it names no file");
  };
  const { config } = loadConfig({
    ...{ values: { lab: "benchlab", ...layoutConfig(nodes) }, stack: "bench", readFile: read },
  });
  const made = config && plan(config, emptyLock(), new Date(), {}).plan;
  if (!made) throw new Error("the layout cannot be planned");
  return made.resources.length;
}

async function previewed(nodes: number, times: Times): Promise<void> {
  const lab = await TestLab.create(layoutConfig(nodes), { secrets: SECRETS });
  try {
    // Its start is no part of a preview.
    await lab.mustSucceed(PREVIEW);
    times.preview.push(await seconds(() => lab.mustSucceed(PREVIEW)));
    times.offline.push(await seconds(() => lab.mustSucceed(PREVIEW, { LABPLAN_OFFLINE: "1" })));
  } finally {
    await lab.close();
  }
}
