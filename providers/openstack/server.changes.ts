import type { ChangeTable } from "../core/definition";
import type { ServerInputs } from "./server";

const ELSEWHERE = "the cloud's own resources change it; here it is looked for anew";

/** What an edit of a server does, seen from its machine: the plugin's resources do the work. */
export const serverChanges: ChangeTable<ServerInputs> = {
  name: { class: "recreate", reason: "another machine" },
  backend: { class: "recreate", reason: "another cloud: the server is made there" },
  serverName: { class: "live", reason: ELSEWHERE },
  fixedAddress: { class: "live", reason: ELSEWHERE },
  floatingIp: { class: "live", reason: "it is reached at another address" },
  user: { class: "live", reason: "another user logs in" },
  hostKey: { class: "live", reason: "another key proves it" },
  running: { class: "live", reason: "the cloud starts or stops it" },
  wait: { class: "live", reason: "counts from now on" },
};
