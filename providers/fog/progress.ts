import type { FogClient, FogHost, FogTask } from "./client";

const STATES = {
  1: "queued",
  2: "checked in, waiting for a slot",
  3: "in progress",
  4: "complete",
  5: "cancelled",
  6: "failed",
} as const satisfies Record<FogTask["state"], string>;

/** `task 17 "labplan … - pod1-node1" (started by fog)` */
export const taskText = ({ id, name, createdBy }: FogTask): string =>
  `task ${id} "${name}"${createdBy ? ` (started by ${createdBy})` : ""}`;

/** `in progress, 43 %, 8.1 of 20.0 GiB, 1:10 left` */
export function progressText(task: FogTask): string {
  const { state, percent, copied, total, remaining } = task;
  if (state !== 3) return STATES[state];
  return [`${STATES[state]}, ${percent} %`, amounts(copied, total), left(remaining)]
    .filter((part) => part !== undefined)
    .join(", ");
}

/** `8.1 of 20.0 GiB`; both units where they differ. */
function amounts(copied: string | undefined, total: string | undefined): string | undefined {
  if (!copied || !total) return undefined;
  const [, number, unit] = /^([\d.,]+) ?(\D.*)$/.exec(copied) ?? [];
  return unit && total.endsWith(unit) ? `${number} of ${total}` : `${copied} of ${total}`;
}

/** `00:01:10` as `1:10 left` */
function left(remaining: string | undefined): string | undefined {
  const text = remaining?.replace(/^0+:/, "").replace(/^0(?=\d)/, "");
  return text && /\d/.test(text) ? `${text} left` : undefined;
}

/** How somebody stops what goes on in the server; never done by us. */
export const howToStop = (client: Pick<FogClient, "server">, host: Pick<FogHost, "id" | "name">): string =>
  `To stop it: cancel the task of "${host.name}" in the web page's active tasks, or tell ${client.server}: DELETE /fog/host/${host.id}/cancel, which is of that host alone.`;
