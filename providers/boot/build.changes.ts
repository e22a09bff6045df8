import type { ChangeTable } from "../core/definition";
import type { BuildInputs } from "./build";

const ACTION = "imaging is an action: only a higher generation installs it anew";
const OTHER = "another system is installed, on a blank disk";

/** What an edit of an image's installation does. */
export const buildChanges: ChangeTable<BuildInputs> = {
  name: { class: "ignored", reason: "only the name that it is told by" },
  backend: { class: "recreate", reason: "it is installed anew at the other place" },
  family: { class: "recreate", reason: OTHER },
  release: { class: "recreate", reason: OTHER },
  installer: { class: "recreate", reason: OTHER },
  text: { class: "ignored", reason: ACTION },
  kernel: { class: "ignored", reason: ACTION },
  initrd: { class: "ignored", reason: ACTION },
  cmdline: { class: "ignored", reason: ACTION },
  mac: { class: "ignored", reason: "only the builder's, which is gone" },
  server: { class: "ignored", reason: "only of use while it is built" },
  builder: { class: "ignored", reason: "it is gone once the image is built" },
  disk: { class: "live", reason: "a larger one stays installed; another one is installed anew" },
  via: { class: "ignored", reason: "only of use while it is built" },
  generation: { class: "recreate", reason: "it is installed anew, on a blank disk" },
  timeoutS: { class: "live", reason: "only says how long is waited" },
};
