import type { MediumFacts } from "../facts";
import { entriesOf, fieldOf, readBlocks } from "./blocks";

const MIB = 1024 * 1024;
const UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
/** A machine's name may hold anything, its snapshots' names too: the first UUID that can be the machine's counts. */
const USER = new RegExp(`^.*? \\(UUID: (${UUID})\\)(?: \\[.*\\])?$`);

/** Reads `list hdds --long`, `list dvds --long` and `showmediuminfo`. */
export function readMedia(text: string, kind: MediumFacts["kind"]): MediumFacts[] {
  return readBlocks(text, "UUID").map((block) => {
    const parent = fieldOf(block, "Parent UUID");
    return {
      uuid: fieldOf(block, "UUID"),
      path: fieldOf(block, "Location"),
      kind,
      // A differencing one has its parent's format in lower case.
      format: fieldOf(block, "Storage format").toUpperCase(),
      // Never told more exactly than this.
      capacityBytes: Number(/^(\d+) MBytes$/.exec(fieldOf(block, "Capacity"))?.[1] ?? 0) * MIB,
      ...(new RegExp(`^${UUID}$`).test(parent) && { parent }),
      children: entriesOf(block, "Child UUIDs"),
      accessible: fieldOf(block, "State") !== "inaccessible",
      usedBy: entriesOf(block, "In use by VMs").flatMap((entry) => USER.exec(entry)?.[1] ?? []),
    };
  });
}
