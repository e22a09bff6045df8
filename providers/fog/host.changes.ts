import type { ChangeTable } from "../core/definition";
import type { HostInputs } from "./host";
import { sameFogName } from "./marks";

/** Another spelling of the same name is nothing to FOG. */
export const sameName = (from: unknown, to: unknown): boolean =>
  typeof from === "string" && typeof to === "string" && sameFogName(from, to);

/** What an edit of a host's record does. None of it touches the machine itself. */
export const hostChanges: ChangeTable<HostInputs> = {
  name: {
    class: "recreate",
    reason: "FOG refuses to rename a host over its interface: its record is removed and made anew",
    gentler: { when: sameName, class: "ignored", reason: "FOG compares names without case" },
  },
  backend: { class: "recreate", reason: "another FOG server: the record is made there" },
  macs: { class: "live", reason: "the record's MACs are set, the first one as the primary" },
  adopt: { class: "ignored", reason: "counts only when the record is first met" },
  onDestroy: { class: "ignored", reason: "counts only when the record is destroyed" },
};
