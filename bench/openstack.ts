import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { table } from "../cli/table";
import { TestLab } from "../test/lifecycle/harness";
import { KEY } from "../test/lifecycle/lab-config";
import { available, type OpenStack, startOpenStack } from "../test/systems/openstack/start";
import { median, seconds } from "./measure";

const LOOP = join(__dirname, "openstack-loop.py");
const run = promisify(execFile);
const YES = ["--yes", "--skip-preview", "--suppress-outputs"];
/** What `npm run lab` gives the engine. */
const PARALLEL = ["--parallel", "32"];

/** The plugin waits 30 s in steps of its own, whatever it makes: many machines outweigh that, few do not. */
const allowedRatio = (machines: number): number => (machines >= 100 ? 1 : 1.3);
const ALLOWED_PREVIEW = 0.05;

interface Times {
  loop: { create: number[]; destroy: number[] };
  together: { create: number[]; destroy: number[] };
  /** Our previews look at the world first; `planned` is one that does not. */
  labplan: { create: number[]; preview: number[]; planned: number[]; destroy: number[] };
}

/** Machines with a port, a floating IP and metadata each, as the loop makes them. */
function configOf(count: number): object {
  const machine = (index: number) => ({
    backend: "cloud",
    image: "cirros",
    flavor: "m1.tiny",
    networks: ["bench"],
    floatingIp: true,
    sshKeys: [KEY],
    metadata: { index: String(index) },
    wait: "none",
  });
  return {
    backends: { cloud: { kind: "openstack", cloud: "lab" } },
    networks: { bench: { backend: "cloud", cidr: "10.20.0.0/16" } },
    images: { cirros: { glance: { name: "cirros-a", user: "cirros" } } },
    machines: Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, machine(index)])),
  };
}

/** Seconds of the script that openstacksdk's users write. */
async function loop(plane: OpenStack, count: number, ...words: string[]) {
  const env = { PATH: "/usr/bin:/bin", HOME: plane.stateDir, ...plane.lab };
  const { stdout } = await run("/usr/bin/python3", [LOOP, String(count), ...words], { env });
  return JSON.parse(stdout) as { create: number; destroy: number };
}

async function labplan(plane: OpenStack, count: number) {
  const lab = await TestLab.create(configOf(count));
  lab.env = { OS_CLIENT_CONFIG_FILE: plane.cloudsYaml };
  try {
    const create = await seconds(() => lab.mustSucceed(["up", ...YES, ...PARALLEL]));
    const unchanged = ["preview", "--expect-no-changes", "--suppress-outputs", ...PARALLEL];
    const preview = await seconds(() => lab.mustSucceed(unchanged));
    const planned = await seconds(() => lab.mustSucceed([...unchanged, "--refresh=false"]));
    const destroy = await seconds(() => lab.mustSucceed(["destroy", ...YES, ...PARALLEL]));
    return { create, preview, planned, destroy };
  } finally {
    await lab.close();
  }
}

/**
 * `npm run bench -- --openstack 20 [--runs 3]`: machines, ports and floating IPs through the engine and the plugin,
 * against a loop over openstacksdk on the same APIs, one by one and (for comparison) with one wait for all, in turns.
 */
export async function benchOpenStack(count: number, runs: number): Promise<number> {
  const reason = available();
  if (reason) {
    console.log(`OpenStack APIs: NOT RUN: ${reason}`);
    return 0;
  }
  const { ensureOpenStackPlugin } = await import("../engine/openstack-plugin.mjs");
  await ensureOpenStackPlugin();
  console.error("starting the control plane");
  const plane = await startOpenStack();
  const times: Times = {
    loop: { create: [], destroy: [] },
    together: { create: [], destroy: [] },
    labplan: { create: [], preview: [], planned: [], destroy: [] },
  };
  const add = (to: Record<string, number[]>, from: Record<string, number>) => {
    for (const [phase, value] of Object.entries(from)) to[phase]?.push(value);
    const figures = Object.entries(from).map(([phase, value]) => `${phase} ${value.toFixed(1)} s`);
    console.error(`  ${figures.join(", ")}`);
  };
  try {
    for (let turn = 1; turn <= runs; turn++) {
      console.error(`OpenStack, ${count} machines: run ${turn} of ${runs}`);
      console.error("the loop, one by one");
      add(times.loop, await loop(plane, count));
      console.error("labplan");
      add(times.labplan, await labplan(plane, count));
      console.error("the loop, one wait for all");
      add(times.together, await loop(plane, count, "together"));
    }
  } finally {
    await plane.stop();
  }
  print(count, times);
  return 0;
}

function print(count: number, { loop: one, together, labplan: ours }: Times): void {
  const shown = (values: number[] = []) => (values.length > 0 ? median(values).toFixed(1) : "-");
  const lines = [
    ["create", shown(ours.create), shown(one.create), shown(together.create)],
    ["no-op preview", shown(ours.preview), "-", "-"],
    ["the same without refresh", shown(ours.planned), "-", "-"],
    ["destroy", shown(ours.destroy), shown(one.destroy), shown(together.destroy)],
  ];
  const head = ["phase", "labplan s", "loop, one by one s", "loop, one wait for all s"];
  console.log(`\nOpenStack, ${count} machines with a port and a floating IP each\n${table(head, lines)}\n`);
  const ratio = median(ours.create) / median(one.create);
  const verdict = (ok: boolean) => (ok ? "" : " (!)");
  console.log(
    `create: ${ratio.toFixed(2)} × the loop, at most ${allowedRatio(count)}${verdict(ratio <= allowedRatio(count))}`,
  );
  for (const [name, values] of [
    ["no-op preview", ours.preview],
    ["without refresh", ours.planned],
  ] as const) {
    const share = median(values) / median(one.create);
    const limit = `at most ${100 * ALLOWED_PREVIEW} % at 100 machines`;
    console.log(
      `${name}: ${(100 * share).toFixed(1)} % of the loop's create, ${limit}${verdict(count < 100 || share <= ALLOWED_PREVIEW)}`,
    );
  }
}
