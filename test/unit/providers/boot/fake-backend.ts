import type { Definition } from "../../../../providers/core/definition";
import { kinds } from "../../../../providers/registry";

interface MachineInputs {
  name: string;
  nics: { mac: string }[];
  disk: string;
}
interface MachineState extends MachineInputs {
  running: boolean;
}
interface DiskInputs {
  name: string;
  capacity: number;
}

/** What a machine does between its start and its power-off: it talks to the boot server over real HTTP. */
export type Life = (machine: FakeMachine) => Promise<void>;

export interface FakeMachine {
  name: string;
  mac: string;
  /** Content of its disk. */
  disk: { text: string };
  /** Aborts when its power is cut. */
  signal: AbortSignal;
}

/** Machines and disks in memory, as two kinds of resources. Everything else in these tests is the real thing. */
export class FakeBackend {
  readonly disks = new Map<string, { text: string }>();
  readonly running = new Map<string, AbortController>();
  readonly defined = new Set<string>();
  starts = 0;
  life: Life = async () => {};

  readonly #machine: Definition<MachineInputs, MachineState> = {
    kind: "test:Machine",
    schema: {},
    changes: {} as never,
    id: ({ name }) => name,
    observe: async (inputs) =>
      this.defined.has(inputs.name) ? { ...inputs, running: this.running.has(inputs.name) } : undefined,
    reconcile: async (inputs, observed) => {
      this.defined.add(inputs.name);
      if (!observed?.running) this.#start(inputs);
      return { ...inputs, running: true };
    },
    remove: async ({ name }) => {
      this.defined.delete(name);
      this.cut(name);
    },
  };

  readonly #disk: Definition<DiskInputs> = {
    kind: "test:Disk",
    schema: {},
    changes: {} as never,
    id: ({ name }) => name,
    observe: async (inputs) => (this.disks.has(inputs.name) ? inputs : undefined),
    reconcile: async (inputs) => {
      if (!this.disks.has(inputs.name)) this.disks.set(inputs.name, { text: "" });
      return inputs;
    },
    remove: async ({ name }) => {
      this.disks.delete(name);
    },
  };

  install(): void {
    kinds["test:Machine"] = { load: () => this.#machine as unknown as Definition<object> };
    kinds["test:Disk"] = { load: () => this.#disk as unknown as Definition<object> };
  }

  cut(name: string): void {
    this.running.get(name)?.abort();
    this.running.delete(name);
  }

  #start({ name, nics, disk }: MachineInputs): void {
    this.starts++;
    const power = new AbortController();
    this.running.set(name, power);
    const content = this.disks.get(disk);
    if (!content) throw new Error(`no disk ${disk}`);
    const machine = { name, mac: nics[0]?.mac ?? "", disk: content, signal: power.signal };
    void this.life(machine)
      .catch(() => {})
      .finally(() => {
        if (!power.signal.aborted) this.running.delete(name);
      });
  }

  uninstall(): void {
    for (const name of [...this.running.keys()]) this.cut(name);
    delete kinds["test:Machine"];
    delete kinds["test:Disk"];
  }
}
