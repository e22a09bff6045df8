import type { ChangeTable } from "../core/definition";
import type { VolumeInputs } from "./volume";

/** What an edit of a volume does. */
export const volumeChanges: ChangeTable<VolumeInputs> = {
  name: { class: "recreate", reason: "libvirt cannot rename a volume" },
  backend: { class: "recreate", reason: "it moves to another hypervisor" },
  pool: { class: "recreate", reason: "it moves to another folder" },
  format: { class: "recreate", reason: "its bytes are laid out anew" },
  capacity: { class: "live", reason: "it grows, under a running machine too; shrinking is refused" },
  backing: { class: "recreate", reason: "an overlay means nothing on another image" },
  source: { class: "recreate", reason: "its contents come from there" },
  checksum: { class: "recreate", reason: "its contents are others" },
};
