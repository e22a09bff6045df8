import { setTimeout as sleep } from "node:timers/promises";
import { table } from "../cli/table";
import { host, MetalWorld, metal } from "../test/lifecycle/fog-lab.config";
import { TestLab } from "../test/lifecycle/harness";
import { median } from "./measure";

/** All hosts together may take so many times what the slowest one takes. */
const ALLOWED = 1.3;
const UP = ["up", "--yes", "--skip-preview", "--suppress-outputs", "--parallel", "32"];
/** Long enough that it is imaging that is measured, as it takes minutes in a real lab, and not the engine. */
const IMAGING_MS = 30_000;
const LOOK_MS = 250;

interface Figures {
  /** Seconds from the first task of all to the last host's end. */
  all: number;
  /** Seconds from its task to its end, of the host that took longest. */
  slowest: number;
  /** Seconds of `pulumi up` as a whole. */
  up: number;
}

/** `npm run bench -- --fog 12`: so many hosts of the embedded FOG server, imaged by one `up`. */
export async function benchFog(count: number, runs: number): Promise<number> {
  const rows: Figures[] = [];
  for (let run = 1; run <= runs; run++) {
    console.error(`FOG, ${count} hosts: run ${run} of ${runs}`);
    rows.push(await once(count));
  }
  const middle = (field: keyof Figures) => median(rows.map((row) => row[field]));
  const ratio = median(rows.map(({ all, slowest }) => all / slowest));
  const cells = [
    String(count),
    ...[middle("slowest"), middle("all"), middle("up"), ratio].map((n) => n.toFixed(2)),
  ];
  console.log(`\n${table(["hosts", "slowest s", "all s", "up s", "all / slowest"], [cells])}\n`);
  const isMet = ratio <= ALLOWED;
  console.log(`${count} hosts within ${ALLOWED} times the slowest one: ${isMet ? "met" : "NOT MET"}`);
  return isMet ? 0 : 1;
}

async function once(count: number): Promise<Figures> {
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  const machines = numbers.map((n) => [`n${n}`, host(n, { access: undefined, onRelease: "keep" })]);
  const lab = await TestLab.create(metal(Object.fromEntries(machines)));
  try {
    lab.env = {
      LABPLAN_BOOT_HOME: `${lab.folder}/.labplan/boot`,
      LABPLAN_EMBEDDED_FOG_MS: String(IMAGING_MS),
    };
    // Its start is no part of an imaging.
    await lab.mustSucceed(["preview"]);
    const world = new MetalWorld(lab);
    const begun = performance.now();
    let isOver = false;
    const done = lab.mustSucceed(UP).finally(() => {
      isOver = true;
    });
    const [first, last] = [new Map<string, number>(), new Map<string, number>()];
    while (!isOver) {
      for (const { id, stateID } of await world.tasks()) {
        if (!first.has(id)) first.set(id, performance.now());
        if (stateID === "4" && !last.has(id)) last.set(id, performance.now());
      }
      await sleep(LOOK_MS);
    }
    await done;
    const up = (performance.now() - begun) / 1_000;
    const times = [...first].map(([id, from]) => ((last.get(id) ?? performance.now()) - from) / 1_000);
    const all = (Math.max(...last.values()) - Math.min(...first.values())) / 1_000;
    await lab.destroy();
    return { all, slowest: Math.max(...times), up };
  } finally {
    await lab.close();
  }
}
