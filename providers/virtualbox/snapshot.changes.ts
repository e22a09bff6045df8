import type { ChangeTable } from "../core/definition";
import type { SnapshotInputs } from "./snapshot";

/** What an edit of a snapshot does. */
export const snapshotChanges: ChangeTable<SnapshotInputs> = {
  name: { class: "live", reason: "only its label; its UUID stays" },
  backend: { class: "recreate", reason: "a snapshot is a part of its machine" },
  machine: { class: "live", reason: "only what messages call the machine" },
  machineUuid: { class: "recreate", reason: "a snapshot is a part of its machine" },
  description: { class: "live", reason: "only its label" },
  restore: {
    class: "restart",
    reason: "the machine is switched off, put back to the snapshot, and started again if it ran",
    gentler: {
      when: (from, to) => Number(to ?? 0) <= Number(from ?? 0),
      class: "live",
      reason: "only a higher number goes back to it",
    },
  },
};
