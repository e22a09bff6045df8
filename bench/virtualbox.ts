import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { table } from "../cli/table";
import { TestLab } from "../test/lifecycle/harness";
import { available, startVirtualBox, type VirtualBox } from "../test/systems/virtualbox/start";
import { median, seconds } from "./measure";

const PHASES = ["create", "no-op", "destroy"] as const;
type Phase = (typeof PHASES)[number];
type Times = Record<Phase, number[]>;
const noTimes = (): Times => ({ create: [], "no-op": [], destroy: [] });

const NULL_PROGRAM = "bench/null-program.ts";
const YES = ["--yes", "--skip-preview", "--suppress-outputs", "--parallel", "32"];
const COMMANDS: Record<Phase, string[]> = {
  create: ["up", ...YES],
  "no-op": ["up", ...YES],
  destroy: ["destroy", ...YES],
};
/** What the engine and we may cost on top of VBoxManage's own time. */
const ALLOWED = 0.3;

/** `count` small machines that stay off, each with a disk of its own and a forwarded port. */
function configOf(count: number, backend: object): object {
  const machine = (index: number) => ({
    backend: "b",
    memory: "64 MiB",
    disk: "1 GiB",
    networks: [{ type: "nat", forwards: [{ protocol: "tcp", hostPort: 43000 + index, guestPort: 22 }] }],
    running: false,
    wait: "none",
  });
  const numbers = Array.from({ length: count }, (_, index) => index);
  return {
    backends: { b: backend },
    machines: Object.fromEntries(numbers.map((n) => [`m${n}`, machine(n)])),
  };
}

/** VirtualBox without anything in it, also on its disk. */
function empty({ folder, backend, vboxManage }: VirtualBox): void {
  const list = (...argv: string[]) => execFileSync(vboxManage, argv, { encoding: "utf8" });
  for (const [, uuid = ""] of list("list", "vms").matchAll(/\{([0-9a-f-]{36})\}/g))
    execFileSync(vboxManage, ["unregistervm", uuid], { stdio: "ignore" });
  for (const [, uuid = ""] of list("list", "hdds").matchAll(/^UUID: +(\S+)/gm))
    spawnSync(vboxManage, ["closemedium", "disk", uuid]);
  for (const place of [folder, backend.folder])
    for (const name of readdirSync(place)) rmSync(join(place, name), { recursive: true, force: true });
}

/** A VBoxManage that writes down what it is called with, as lines of a shell script. */
function recorder({ folder, vboxManage }: VirtualBox): { program: string; take(): string } {
  const [program, log] = [join(folder, "..", "recorder.sh"), join(folder, "..", "calls.sh")];
  const quoted = `printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\\\\\''/g")"`;
  writeFileSync(
    program,
    `#!/bin/sh\n{ for word in "$@"; do ${quoted}; done; echo; } >> '${log}'\nexec '${vboxManage}' "$@"\n`,
  );
  chmodSync(program, 0o755);
  return {
    program,
    take: () => {
      const calls = readFileSync(log, "utf8");
      rmSync(log);
      return calls;
    },
  };
}

/** Seconds that a shell takes for the same calls, one after the other; what they answer is thrown away. */
function replay({ folder, vboxManage }: VirtualBox, calls: string): Promise<number> {
  const script = join(folder, "..", "replay.sh");
  const lines = calls.trimEnd().split("\n");
  writeFileSync(script, lines.map((line) => `'${vboxManage}' ${line} >/dev/null 2>&1`).join("\n"));
  return seconds(async () => {
    spawnSync("/bin/sh", [script], { stdio: "ignore" });
  });
}

async function life(
  system: VirtualBox,
  count: number,
  options: { program?: string; vboxManage?: string; after?: (phase: Phase) => void },
): Promise<Record<Phase, number>> {
  const { vboxManage = system.vboxManage, program } = options;
  const config = configOf(count, { ...system.backend, vboxManage });
  const lab = await TestLab.create(config, program === undefined ? {} : { program });
  const times = {} as Record<Phase, number>;
  try {
    for (const phase of PHASES) {
      times[phase] = await seconds(() => lab.mustSucceed(COMMANDS[phase]));
      options.after?.(phase);
    }
    return times;
  } finally {
    await lab.close();
  }
}

/**
 * `npm run bench -- --virtualbox 20 [--runs 3]`: machines made, left alone and removed through the engine, against the
 * very same VBoxManage calls in a shell loop, and against a stack of as many resources that do nothing, in turns.
 */
export async function benchVirtualBox(count: number, runs: number): Promise<number> {
  const reason = available();
  if (reason) {
    console.log(`real VBoxManage: NOT RUN: ${reason}`);
    return 0;
  }
  const system = await startVirtualBox();
  try {
    execFileSync(system.vboxManage, ["setproperty", "machinefolder", system.folder]);
    const { program, take } = recorder(system);
    const calls = {} as Record<Phase, string>;
    console.error(`VirtualBox, ${count} machines: a first run, which writes down its calls`);
    await life(system, count, {
      vboxManage: program,
      after: (phase) => {
        calls[phase] = take();
      },
    });
    const [ours, nothing, shell] = [noTimes(), noTimes(), noTimes()];
    const add = (to: Times, times: Record<Phase, number>) => {
      for (const phase of PHASES) to[phase].push(times[phase]);
    };
    for (let run = 1; run <= runs; run++) {
      console.error(`VirtualBox, ${count} machines: run ${run} of ${runs}`);
      add(ours, await life(system, count, {}));
      empty(system);
      add(nothing, await life(system, count, { program: NULL_PROGRAM }));
      for (const phase of PHASES) shell[phase].push(await replay(system, calls[phase]));
      empty(system);
    }
    print(count, calls, { ours, nothing, shell });
    return 0;
  } finally {
    await system.stop();
  }
}

function print(
  count: number,
  calls: Record<Phase, string>,
  { ours, nothing, shell }: { ours: Times; nothing: Times; shell: Times },
): void {
  const lines = PHASES.map((phase) => {
    const [a = 0, b = 0, c = 0] = [ours, nothing, shell].map((times) => median(times[phase]));
    const overhead = (a - b) / c - 1;
    return [
      phase,
      String(calls[phase].trimEnd().split("\n").length),
      a.toFixed(2),
      b.toFixed(2),
      c.toFixed(2),
      (a / (b + c)).toFixed(2),
      `${(100 * overhead).toFixed(0)} %${overhead > ALLOWED ? " (!)" : ""}`,
    ];
  });
  const head = [
    "phase",
    "VBoxManage calls",
    "labplan s",
    "engine, doing nothing s",
    "same calls in a shell s",
    "ratio to the floors' sum",
    "overhead over the calls",
  ];
  console.log(`\nVirtualBox, ${count} machines with a disk each\n${table(head, lines)}\n`);
}
