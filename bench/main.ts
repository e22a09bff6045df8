import { parseArgs } from "node:util";
import { table } from "../cli/table";
import { connectLibvirt } from "../providers/libvirt/connect";
import { available, startLibvirtd } from "../test/systems/libvirt/start";
import { benchBootServer } from "./boot-server";
import { benchDevstack } from "./devstack";
import { benchFog } from "./fog";
import { median, noSamples, PHASES, type Phase, type Samples } from "./measure";
import { benchOpenStack } from "./openstack";
import { pairsConfig } from "./pairs";
import { type RawPair, readPairs, runRaw } from "./raw";
import { runStack, type StateBytes } from "./stack";
import { benchVirtualBox } from "./virtualbox";

/** Phases in which libvirt itself has work to do. */
const RAW_PHASES: Phase[] = ["create", "destroy"];
const NULL_PROGRAM = "bench/null-program.ts";

interface Row {
  system: string;
  pairs: number;
  ours: Samples;
  nothing: Samples;
  raw: Samples;
  bytes: StateBytes;
}

/**
 * `npm run bench [-- --runs 5 --pairs 1,10,100 --embedded 500]`: our stack against two floors of the same run, each
 * run of one followed by a run of the others: a stack of as many resources that do nothing, with the same input
 * bytes, and the same work by raw RPC calls. Prints medians and ratios. `--boot-server 200`, `--virtualbox 20`,
 * `--fog 12`, `--openstack 20` and `--devstack 2,20,100` measure those alone.
 */
export async function bench(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      runs: { type: "string", default: "5" },
      pairs: { type: "string", default: "1,10,100" },
      embedded: { type: "string", default: "500" },
      "boot-server": { type: "string" },
      virtualbox: { type: "string" },
      fog: { type: "string" },
      openstack: { type: "string" },
      devstack: { type: "string" },
      seconds: { type: "string", default: "15" },
    },
  });
  if (values["boot-server"]) return benchBootServer(Number(values["boot-server"]), Number(values.seconds));
  const runs = Number(values.runs);
  if (values.virtualbox) return benchVirtualBox(Number(values.virtualbox), runs);
  if (values.fog) return benchFog(Number(values.fog), runs);
  if (values.openstack) return benchOpenStack(Number(values.openstack), runs);
  if (values.devstack) return benchDevstack(numbers(values.devstack), runs);
  const rows: Row[] = [];
  const reason = available();
  if (reason) console.log(`real libvirtd: NOT RUN: ${reason}`);
  else for (const pairs of numbers(values.pairs)) rows.push(await onLibvirtd(pairs, runs));
  for (const pairs of numbers(values.embedded)) rows.push(await onEmbedded(pairs, runs));
  print(rows);
  return 0;
}

const numbers = (list: string): number[] =>
  list
    .split(",")
    .map(Number)
    .filter((n) => n > 0);

async function onLibvirtd(pairs: number, runs: number): Promise<Row> {
  const system = await startLibvirtd();
  const client = await connectLibvirt(system.uri);
  try {
    return await measure(
      "libvirtd",
      pairs,
      runs,
      { kind: "libvirt", uri: system.uri },
      {
        read: () => readPairs(client),
        raw: (found, samples) => runRaw(client, found, samples),
      },
    );
  } finally {
    await client.close();
    await system.stop();
  }
}

const onEmbedded = (pairs: number, runs: number): Promise<Row> =>
  measure("embedded", pairs, runs, { kind: "embedded" });

async function measure(
  system: string,
  pairs: number,
  runs: number,
  backend: object,
  floor?: { read(): Promise<RawPair[]>; raw(pairs: RawPair[], samples: Samples): Promise<void> },
): Promise<Row> {
  const config = pairsConfig(pairs, backend);
  const row: Row = {
    system,
    pairs,
    ours: noSamples(),
    nothing: noSamples(),
    raw: noSamples(),
    bytes: { total: 0, beyondVisible: 0 },
  };
  for (let run = 1; run <= runs; run++) {
    console.error(`${system}, ${pairs} pairs: run ${run} of ${runs}`);
    let made: RawPair[] = [];
    row.bytes = await runStack(config, row.ours, {
      whenMade: async () => {
        made = (await floor?.read()) ?? [];
      },
    });
    await runStack(config, row.nothing, { program: NULL_PROGRAM });
    await floor?.raw(made, row.raw);
  }
  return row;
}

function print(rows: Row[]): void {
  const lines = rows.flatMap((row) =>
    PHASES.map((phase) => {
      const [ours, nothing, raw] = [row.ours, row.nothing, row.raw].map((samples) => median(samples[phase]));
      const floor = (nothing ?? 0) + (RAW_PHASES.includes(phase) ? raw || 0 : 0);
      const shown = (value: number | undefined) => (value && !Number.isNaN(value) ? value.toFixed(2) : "-");
      return [
        row.system,
        String(row.pairs),
        phase,
        shown(ours),
        shown(nothing),
        shown(raw),
        shown((ours ?? 0) / floor),
      ];
    }),
  );
  const head = [
    "system",
    "pairs",
    "phase",
    "labplan s",
    "do-nothing s",
    "raw RPC s",
    "ratio to the floors' sum",
  ];
  console.log(`\n${table(head, lines)}\n`);
  for (const { system, pairs, bytes } of rows)
    console.log(
      `state, ${system}, ${pairs} pairs: ${bytes.total} bytes a resource, ${bytes.beyondVisible} beyond its visible inputs and outputs`,
    );
  const [hundred, thousand] = [rows.find((r) => r.pairs === 100), rows.findLast((r) => r.pairs >= 500)];
  if (!hundred || !thousand) return;
  const growth = (phase: Phase) => (median(thousand.ours[phase]) / median(hundred.ours[phase])).toFixed(1);
  console.log(
    `growth from ${hundred.pairs} to ${thousand.pairs} pairs: ${PHASES.map((phase) => `${phase} ×${growth(phase)}`).join(", ")}`,
  );
}
