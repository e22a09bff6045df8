import type { ChangeTable } from "../core/definition";
import type { CaptureInputs } from "./capture";
import { sameName } from "./host.changes";

const NEXT = "counts for the next capture; nothing is captured now";

/** What an edit of a capture does. Only another generation captures again. */
export const captureChanges: ChangeTable<CaptureInputs> = {
  name: {
    class: "recreate",
    reason: "it is captured into another image",
    gentler: { when: sameName, class: "ignored", reason: "FOG compares names without case" },
  },
  backend: { class: "recreate", reason: "another FOG server: the image is captured there" },
  host: { class: "live", reason: NEXT },
  generation: { class: "live", reason: "captures the image anew, which replaces what it holds" },
  power: { class: "live", reason: NEXT },
  imaging: { class: "live", reason: NEXT },
};
