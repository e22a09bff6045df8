import { type BootEvent, STAGES, type Stage } from "./types";

/** Where a machine is, from what the log has of its last build. */
export interface MachineProgress {
  machine: string;
  mac?: string;
  build: string;
  stage: Stage;
  /** ISO 8601 of its last event. */
  at: string;
  /** That its last event came from. */
  address: string;
  hostName?: string;
  /** `ssh-ed25519 AAAA…`, from the machine itself. */
  sshHostKey?: string;
  bootId?: string;
  /** Of a failure: the end of its log. */
  detail?: string;
}

/** A caller that is no machine of ours, or could not prove that it is. Never a target. */
export interface StrangerSeen {
  address: string;
  /** As it claims. */
  mac?: string;
  /** Lines in the log; a caller that repeats itself has fewer than calls. */
  times: number;
  /** ISO 8601. */
  firstAt: string;
  lastAt: string;
  /** What it wanted last. */
  wanted: string;
}

/**
 * The last build of each machine, in the order of their names. Stages may be told twice or late, and then change
 * nothing; after a failure any later event counts, as the machine has begun again.
 */
export function progressOf(events: readonly BootEvent[]): MachineProgress[] {
  const found = new Map<string, MachineProgress>();
  for (const event of events) {
    const { stage, machine, build } = event;
    if (stage === "refused" || machine === undefined || build === undefined) continue;
    const before = found.get(machine);
    const same = before?.build === build ? before : undefined;
    found.set(machine, next(same, { ...event, stage, machine, build }));
  }
  return [...found.values()].sort((a, b) => (a.machine < b.machine ? -1 : 1));
}

function next(
  before: MachineProgress | undefined,
  event: BootEvent & { stage: Stage; machine: string; build: string },
): MachineProgress {
  const goesOn =
    !before || before.stage === "failed" || STAGES.indexOf(event.stage) >= STAGES.indexOf(before.stage);
  const { detail: _, ...kept } = before ?? {};
  const { detail, ...said } = event;
  const stage = goesOn || !before ? event.stage : before.stage;
  const why = stage === "failed" ? (event.stage === "failed" ? detail : before?.detail) : undefined;
  return { ...kept, ...said, stage, ...(why !== undefined && { detail: why }) };
}

/** Refused callers by MAC, or by address where they named none; the last one first. */
export function strangersOf(events: readonly BootEvent[]): StrangerSeen[] {
  const found = new Map<string, StrangerSeen>();
  for (const { stage, machine, mac, address, at, detail = "" } of events) {
    // A machine of ours at the wrong time is no stranger.
    if (stage !== "refused" || machine !== undefined) continue;
    const key = mac ?? address;
    const before = found.get(key);
    found.set(key, {
      address,
      ...(mac !== undefined && { mac }),
      times: (before?.times ?? 0) + 1,
      firstAt: before?.firstAt ?? at,
      lastAt: at,
      wanted: detail,
    });
  }
  return [...found.values()].sort((a, b) => (a.lastAt < b.lastAt ? 1 : -1));
}
