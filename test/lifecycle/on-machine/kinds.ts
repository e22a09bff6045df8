import * as fs from "node:fs";
import type { Definition, Run } from "../../../providers/core/definition";
import { BackendError } from "../../../providers/core/errors";

/**
 * The smallest machine that can be imaged, and the smallest thing on it, in a file that is their world: what an
 * imaged host and the domains on it are to the engine, without any of their work.
 */
export interface World {
  machines: Record<string, { image: string; imagedAt: string }>;
  /** Thing → imaging of its machine that it is from. */
  things: Record<string, string>;
  /** What was done, in order. */
  log: string[];
  /** Nobody gets in. */
  locked: boolean;
}

const file = (): string => process.env.LP_TEST_WORLD ?? "world.json";
export const readWorld = (at = file()): World => JSON.parse(fs.readFileSync(at, "utf8"));
export const writeWorld = (world: World, at = file()): void => fs.writeFileSync(at, JSON.stringify(world));

function change(edit: (world: World) => void): void {
  const world = readWorld();
  edit(world);
  writeWorld(world);
}

interface MachineInputs {
  backend: string;
  name: string;
  image: string;
  release: string;
  allow: "wipe"[];
}
interface MachineState extends MachineInputs {
  address: string;
  imagedAt: string;
}

const machine: Definition<MachineInputs, MachineState> = {
  kind: "test:Machine",
  schema: { type: "object" },
  changes: {
    backend: { class: "recreate", reason: "it is elsewhere" },
    name: { class: "recreate", reason: "it is another one" },
    image: { class: "wipe", reason: "it is imaged anew" },
    release: { class: "live", reason: "counts at the end" },
    allow: { class: "live", reason: "only says what may be done" },
  },
  id: ({ name }) => name,
  async observe(inputs, _run, known) {
    const found = readWorld().machines[inputs.name];
    return found && known ? { ...known, imagedAt: found.imagedAt } : undefined;
  },
  async reconcile(inputs) {
    change((world) => {
      const found = world.machines[inputs.name];
      if (found?.image === inputs.image) return;
      world.log.push(`image ${inputs.name}: ${inputs.image}`);
      world.machines[inputs.name] = { image: inputs.image, imagedAt: `t${world.log.length}` };
      for (const [thing, since] of Object.entries(world.things))
        if (since === found?.imagedAt) delete world.things[thing];
    });
    const { imagedAt } = readWorld().machines[inputs.name] ?? { imagedAt: "" };
    return { ...inputs, address: "192.0.2.1", imagedAt };
  },
  async remove({ name }) {
    change((world) => {
      const found = world.machines[name];
      for (const [thing, since] of Object.entries(world.things))
        if (since === found?.imagedAt) delete world.things[thing];
      delete world.machines[name];
      world.log.push(`release ${name}`);
    });
  },
};

interface ThingInputs {
  backend: string;
  name: string;
}

/** It is on whichever machine it was told of, and goes with its system. */
const thing: Definition<ThingInputs> = {
  kind: "test:Thing",
  schema: { type: "object" },
  changes: {
    backend: { class: "recreate", reason: "it is elsewhere" },
    name: { class: "recreate", reason: "it is another one" },
  },
  id: ({ name }) => name,
  async observe(inputs) {
    refuseLocked();
    return readWorld().things[inputs.name] === undefined ? undefined : inputs;
  },
  async precheck(inputs, run) {
    run.say(`looked for ${inputs.name} at ${run.on?.address}`);
    return [];
  },
  async reconcile(inputs, observed, run: Run) {
    refuseLocked();
    await run.step("1/1 make", async () => {});
    if (!observed)
      change((world) => {
        world.things[inputs.name] = run.on?.since ?? "";
        world.log.push(`make ${inputs.name} at ${run.on?.since}`);
      });
    return inputs;
  },
  async remove({ name }) {
    refuseLocked();
    change((world) => {
      delete world.things[name];
      world.log.push(`remove ${name}`);
    });
  },
};

function refuseLocked(): void {
  if (readWorld().locked) throw new BackendError("192.0.2.1: the server took none of our keys");
}

export const testKinds = {
  "test:Machine": {
    load: () => machine as unknown as Definition<object>,
    outputs: ["address", "sshPort", "sshHostKey", "imagedAt"],
  },
  "test:Thing": { load: () => thing as unknown as Definition<object> },
};
