export const PHASES = ["create", "preview", "preview without refresh", "refresh", "destroy"] as const;
export type Phase = (typeof PHASES)[number];

/** Seconds of each run, by phase. */
export type Samples = Record<Phase, number[]>;

export const noSamples = (): Samples =>
  Object.fromEntries(PHASES.map((phase) => [phase, []])) as unknown as Samples;

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e9;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
