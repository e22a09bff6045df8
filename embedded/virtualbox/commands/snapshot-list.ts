import type { Snapshot, Vm } from "../store/types";

/** Snapshots of a machine with their place in the tree: `""`, `-1`, `-1-2` … */
function walk(vm: Vm): { one: Snapshot; node: string; depth: number }[] {
  const below = (parent: string | undefined, node: string, depth: number): ReturnType<typeof walk> =>
    vm.snapshots
      .filter((one) => one.parent === parent)
      .flatMap((one, index) => {
        const place = parent === undefined ? node : `${node}-${index + 1}`;
        return [{ one, node: place, depth }, ...below(one.uuid, place, depth + 1)];
      });
  return below(undefined, "", 0);
}

/** Names and descriptions as they are: nothing is escaped here, unlike everywhere else. */
export function snapshotKeys(vm: Vm): string[] {
  return walk(vm).flatMap(({ one, node }) => [
    `SnapshotName${node}="${one.name}"`,
    `SnapshotUUID${node}="${one.uuid}"`,
    ...(one.description ? [`SnapshotDescription${node}="${one.description}"`] : []),
    ...(one.uuid === vm.currentSnapshot
      ? [
          `CurrentSnapshotName="${one.name}"`,
          `CurrentSnapshotUUID="${one.uuid}"`,
          `CurrentSnapshotNode="SnapshotName${node}"`,
        ]
      : []),
  ]);
}

export function snapshotTree(vm: Vm): string[] {
  return walk(vm).flatMap(({ one, depth }) => {
    const indent = "   ".repeat(depth + 1);
    const mark = one.uuid === vm.currentSnapshot ? " *" : "";
    return [
      `${indent}Name: ${one.name} (UUID: ${one.uuid})${mark}`,
      ...(one.description ? [`${indent}Description: ${one.description}`] : []),
    ];
  });
}
