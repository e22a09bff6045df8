import type { Run } from "./definition";

/** How many operations run at once on one backend (rule 15). */
const AT_ONCE = {
  libvirt: 16,
  ldap: 8,
  virtualbox: 8,
  // An imaging holds its place for minutes and asks little; the client limits its calls by itself.
  fog: 256,
  // It only looks: the plugin does the work.
  openstack: 64,
  embedded: 16,
} as const;

class Gate {
  private running = 0;
  private readonly waiting: (() => void)[] = [];
  constructor(private readonly limit: number) {}

  async through<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.running++;
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.running--;
    }
  }
}

const gates = new Map<string, Gate>();

/** Run `work` when its backend has room. */
export function byBackend<T>(run: Pick<Run, "backend">, work: () => Promise<T>): Promise<T> {
  const key = JSON.stringify(run.backend);
  let gate = gates.get(key);
  if (!gate) {
    gate = new Gate(AT_ONCE[run.backend?.kind] ?? 8);
    gates.set(key, gate);
  }
  return gate.through(work);
}
