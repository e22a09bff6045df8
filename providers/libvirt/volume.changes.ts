import type { ChangeTable } from "../core/definition";
import type { VolumeInputs } from "./volume";

/** What an edit of a volume does. */
export const volumeChanges: ChangeTable<VolumeInputs> = {
  name: { class: "recreate", reason: "libvirt cannot rename a volume" },
  backend: { class: "recreate", reason: "it moves to another hypervisor; what was written to it is lost" },
  pool: { class: "recreate", reason: "it moves to another folder; what was written to it is lost" },
  format: { class: "recreate", reason: "its bytes are laid out anew; what was written to it is lost" },
  capacity: { class: "live", reason: "it grows, under a running machine too; shrinking is refused" },
  backing: {
    class: "recreate",
    reason: "an overlay means nothing on another image; what was written to it is lost",
  },
  copyOf: { class: "recreate", reason: "its contents come from there; what was written to it is lost" },
  source: { class: "recreate", reason: "its contents come from there; what was written to it is lost" },
  checksum: { class: "recreate", reason: "its contents are others; what was written to it is lost" },
};
