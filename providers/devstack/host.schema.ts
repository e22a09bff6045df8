import type { ChangeTable } from "../core/definition";
import { object, text } from "../core/schema-parts";
import { loginSchema } from "./login.schema";
import type { HostInputs } from "./types";

/** Becomes a word of commands, a line of sudoers and part of paths. */
export const userName = { type: "string", pattern: "^[a-z_][a-z0-9_-]{0,31}$" };
export const folder = { type: "string", pattern: "^(/[A-Za-z0-9_.-]+)+$" };
const hostName = { type: "string", pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$" };

/** JSON Schema of what a node needs before devstack comes, as planned. */
export const hostSchema = object(
  {
    ...{ name: text, backend: text, login: loginSchema, hostName, user: userName, home: folder },
    uid: { type: "integer", minimum: 1, maximum: 60_000 },
    packages: { type: "array", items: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9.+_:-]*$" } },
  },
  ["name", "backend", "login", "hostName", "user", "uid", "home", "packages"],
);

export const hostChanges: ChangeTable<HostInputs> = {
  name: { class: "live", reason: "only the name that the machine is told by" },
  backend: { class: "recreate", reason: "it is another machine" },
  login: { class: "live", reason: "only says who we log in as to do it" },
  hostName: {
    class: "live",
    reason:
      "the system is renamed at once; services that are stacked keep the old name until they are stacked anew",
  },
  user: { class: "recreate", reason: "the user that we made goes with its home, another comes" },
  uid: { class: "recreate", reason: "files belong to numbers: the user is removed and made anew" },
  home: { class: "recreate", reason: "the user is removed and made anew with the other home" },
  packages: { class: "live", reason: "missing ones are installed; nothing is ever uninstalled" },
};
