import type { Calls } from "./calls";
import type { FogHost } from "./client";
import { FogError } from "./errors";
import { host, hostPath, hosts, refuseMacsOfOthers } from "./host-look";
import { activeTasks } from "./task-calls";

/** The primary one counts by its place, the others do not. */
const same = (a: readonly string[], b: readonly string[]): boolean =>
  a[0] === b[0] && [...a].sort().join() === [...b].sort().join();

/** A locally administered address that no card has: it stands in for a moment. */
const standIn = (id: number): string =>
  `02:f0:67:${(id % 0x1000000)
    .toString(16)
    .padStart(6, "0")
    .replace(/(..)(..)(..)/, "$1:$2:$3")}`;

/**
 * Give a host these MACs, the primary one first.
 *
 * FOG makes the first MAC of a PUT that the host does not have its primary one, and forgets the primary one of before,
 * whether it is in the list or not (recorded). So a primary one that is to stay, in whichever place, is taken away
 * first, and then all are new.
 */
export async function putMacs(calls: Calls, before: FogHost, macs: string[]): Promise<FogHost> {
  if (same(before.macs, macs)) return before;
  await refuseUnlessFree(calls, before, macs);
  const put = (list: string[]) => calls.write("PUT", `${hostPath(before.id)}/edit`, { macs: list });
  const [primary = ""] = macs;
  const stays = before.macs.includes(primary) || macs.includes(before.macs[0] ?? "");
  try {
    if (stays) await put([standIn(before.id)]);
    await put(macs);
  } catch (error) {
    // Better the MACs of before than none that is real.
    const now = await host(calls, before.id);
    if (now?.macs.includes(standIn(before.id)) && before.macs.length > 0) await put(before.macs);
    const last = await host(calls, before.id);
    if (!last || !same(last.macs, macs)) throw error;
  }
  const after = await host(calls, before.id);
  if (after && same(after.macs, macs)) return after;
  throw new FogError(
    "refused",
    `${calls.label}: host "${before.name}" was given the MACs ${macs.join(", ")} and shows ${after?.macs.join(", ") || "none"}. Set them in FOG's web page.`,
  );
}

async function refuseUnlessFree(calls: Calls, { id, name }: FogHost, macs: string[]): Promise<void> {
  const [task] = await activeTasks(calls, id);
  if (task)
    throw new FogError(
      "conflict",
      `${calls.label}: host "${name}" keeps its MACs while task ${task.id} is under way on it. Let it end first.`,
    );
  const others = (await hosts(calls)).filter((one) => one.id !== id);
  refuseMacsOfOthers(calls, others, name, macs);
}
