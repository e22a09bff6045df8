import type { ChangeTable } from "../core/definition";
import { sameName } from "./host.changes";
import type { ImagedHostInputs } from "./imaged-host";

const NEXT = "counts for the next imaging; the host is not touched";

/** What an edit does to an imaged host. Only `image` and `generation` image it. */
export const imagedHostChanges: ChangeTable<ImagedHostInputs> = {
  name: {
    class: "recreate",
    reason: "another host: the one of before is released, and the new one is imaged",
    gentler: { when: sameName, class: "ignored", reason: "FOG compares names without case" },
  },
  backend: {
    class: "recreate",
    reason: "another FOG server: the host is released there, and imaged by the new one",
  },
  image: { class: "wipe", reason: "the host is imaged anew" },
  generation: { class: "wipe", reason: "the host is imaged anew" },
  allow: { class: "live", reason: "only says what may be done to the host" },
  mac: { class: "live", reason: NEXT },
  address: {
    class: "live",
    reason: "only says where it is looked for",
    // The state has the one that was found.
    gentler: { when: (_from, to) => to === undefined, class: "ignored", reason: "it is found" },
  },
  hostKeys: { class: "live", reason: "only says which host key is believed" },
  user: { class: "live", reason: NEXT },
  power: { class: "live", reason: "the next switching goes by it; the host is not touched" },
  proof: { class: "live", reason: NEXT },
  imaging: { class: "live", reason: NEXT },
  onRelease: { class: "live", reason: "says what destroy does with the host" },
  callback: { class: "live", reason: NEXT },
  ownImages: { class: "ignored", reason: "says which images need not be there in a preview" },
  adopt: { class: "ignored", reason: "counts only when the host is first met" },
};
