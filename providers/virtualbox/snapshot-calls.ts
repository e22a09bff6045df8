import { LabError } from "../core/errors";
import type { Calls } from "./calls";
import type { MediumFacts, SnapshotFacts, VirtualBoxClient } from "./client";
import { unlessGone } from "./errors";

type SnapshotCalls = Pick<
  VirtualBoxClient,
  "snapshots" | "takeSnapshot" | "editSnapshot" | "restoreSnapshot" | "deleteSnapshot"
>;

/** What is needed of the machine's and the media's own calls. */
type Others = Pick<VirtualBoxClient, "media" | "moveMedium"> & {
  /** The snapshots, as the machine's settings file has them, and its folder for their disks. */
  tree(vm: string): Promise<{ snapshots: SnapshotFacts[]; folder: string } | undefined>;
};

export function snapshotCalls(calls: Calls, others: Others): SnapshotCalls {
  const { run, runLong } = calls;
  const treeOf = async (vm: string) => (await others.tree(vm)) ?? { snapshots: [], folder: "" };
  return {
    snapshots: async (vm) => (await treeOf(vm)).snapshots,
    takeSnapshot: async (vm, { name, description, live }, options) => {
      const argv = ["snapshot", vm, "take", name];
      if (description !== undefined) argv.push("--description", description);
      if (live) argv.push("--live");
      const told = await runLong(argv, options);
      const uuid = /Snapshot taken\. UUID: ([0-9a-f-]{36})/.exec(told)?.[1];
      if (uuid === undefined)
        throw new LabError(`${calls.label}: VBoxManage did not tell the UUID of snapshot "${name}"`);
      return uuid;
    },
    editSnapshot: async (vm, snapshot, { name, description }) => {
      const argv = ["snapshot", vm, "edit", snapshot];
      if (name !== undefined) argv.push("--name", name);
      if (description !== undefined) argv.push("--description", description);
      await run(...argv);
    },
    restoreSnapshot: async (vm, snapshot, options) => {
      await runLong(["snapshot", vm, "restore", snapshot], options);
    },
    deleteSnapshot: async (vm, snapshot, options) => {
      const { snapshots, folder } = await treeOf(vm);
      if (!snapshots.some(({ uuid }) => uuid === snapshot)) return;
      const before = (await others.media()).filter(({ usedBy }) => usedBy.includes(vm));
      await unlessGone(runLong(["snapshot", vm, "delete", snapshot], options));
      await keepPaths(others, before, folder);
    },
  };
}

/**
 * A linked clone that a deleted snapshot was taken of is merged into its child, and its own file goes (measured on
 * 7.2.22). Its content is put back under the name by which everyone knows it.
 */
async function keepPaths(others: Others, before: readonly MediumFacts[], folder: string): Promise<void> {
  const now = new Map((await others.media()).map((medium) => [medium.uuid, medium]));
  for (const medium of before) {
    if (medium.path.startsWith(folder) || now.has(medium.uuid)) continue;
    const heir = medium.children.map((uuid) => now.get(uuid)).find((one) => one?.parent === medium.parent);
    if (heir) await others.moveMedium(heir.uuid, medium.path);
  }
}
