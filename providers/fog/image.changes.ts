import type { ChangeTable } from "../core/definition";
import { sameName } from "./host.changes";
import type { ImageInputs } from "./image";

/** What an edit of an image's record does. The files in the server's store are never touched. */
export const imageChanges: ChangeTable<ImageInputs> = {
  name: {
    class: "recreate",
    reason: "hosts are told their image by its record: a new name is a new record",
    gentler: { when: sameName, class: "ignored", reason: "FOG compares names without case" },
  },
  backend: { class: "recreate", reason: "another FOG server: the record is made there" },
  path: { class: "live", reason: "the next imaging takes the other folder; hosts that are imaged stay" },
  osId: { class: "live", reason: "the next imaging goes by it; hosts that are imaged stay" },
  imageType: { class: "live", reason: "the next imaging goes by it; hosts that are imaged stay" },
  partitionType: { class: "live", reason: "the next imaging goes by it; hosts that are imaged stay" },
  enabled: { class: "live", reason: "a disabled image is refused by the next imaging" },
  adopt: { class: "ignored", reason: "counts only when the record is first met" },
  onDestroy: { class: "ignored", reason: "counts only when the record is destroyed" },
};
