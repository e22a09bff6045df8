import type { ChangeTable } from "../core/definition";
import type { MediumInputs } from "./medium";

/** What an edit of a medium does. */
export const mediumChanges: ChangeTable<MediumInputs> = {
  name: { class: "recreate", reason: "its name carries our mark; what was written to it is lost" },
  backend: { class: "recreate", reason: "it moves to another VirtualBox; what was written to it is lost" },
  format: { class: "recreate", reason: "its bytes are laid out anew; what was written to it is lost" },
  capacity: {
    class: "restart",
    reason: "it grows once the machine that has it is off; shrinking is refused",
  },
  parent: {
    class: "recreate",
    reason: "a clone means nothing on another image; what was written to it is lost",
  },
  clone: { class: "recreate", reason: "it is cloned anew; what was written to it is lost" },
  source: { class: "recreate", reason: "its contents come from there; what was written to it is lost" },
  checksum: { class: "recreate", reason: "its contents are others; what was written to it is lost" },
};
