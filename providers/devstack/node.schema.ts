import type { ChangeRule, ChangeTable } from "../core/definition";
import { object, text } from "../core/schema-parts";
import { folder, userName } from "./host.schema";
import { loginSchema } from "./login.schema";
import type { NodeInputs } from "./types";

/** A name of one file, which no path leads out of. */
const fileName = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]*$" };
const files = { type: "object", propertyNames: fileName, additionalProperties: { type: "string" } };
const secretRef = {
  anyOf: [
    object({ secret: text }, ["secret"]),
    object({ env: text }, ["env"]),
    object({ file: text }, ["file"]),
  ],
};
const seconds = { type: "number", exclusiveMinimum: 0 };

/** JSON Schema of devstack on one node, as planned. */
export const nodeSchema = object(
  {
    ...{ name: text, backend: text, login: loginSchema, user: userName, home: folder },
    role: { enum: ["controller", "compute", "database", "messagequeue", "cell"] },
    // Words of git's: none may be taken for an option.
    repo: { type: "string", pattern: "^[^-\\s][^\\s]*$" },
    branch: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._/-]*$" },
    patches: files,
    extras: files,
    localConf: text,
    sources: { type: "array", items: { type: "string" } },
    secrets: { type: "object", additionalProperties: secretRef },
    generation: { type: "integer" },
    checks: { type: "array", items: text },
    timeoutS: seconds,
    silenceS: seconds,
  },
  [
    ...["name", "backend", "login", "role", "user", "home", "repo", "branch", "patches", "extras"],
    ...["localConf", "secrets", "generation", "checks", "timeoutS", "silenceS"],
  ],
);

const restack = (what: string): ChangeRule => ({
  class: "restart",
  reason: `${what}: unstack.sh and stack.sh run again, which takes the node's services down; on a controller stack.sh drops the databases: users, images and networks of this devstack are lost, and it is refused while servers are in that cloud; elsewhere it is refused while servers run on the node, because unstack.sh destroys them with their disks`,
});

export const nodeChanges: ChangeTable<NodeInputs> = {
  name: { class: "live", reason: "only the name that the machine is told by" },
  backend: { class: "recreate", reason: "it is another machine" },
  login: { class: "live", reason: "only says who we log in as to do it" },
  role: restack("the node gets other services"),
  user: { class: "recreate", reason: "all of devstack belongs to that user: it is unstacked and made anew" },
  home: { class: "recreate", reason: "all of devstack lies below it: it is unstacked and made anew" },
  repo: restack("devstack itself is another one"),
  branch: restack("devstack itself is another one"),
  patches: restack("devstack itself is another one"),
  extras: restack("stack.sh does other things"),
  localConf: restack("devstack reads it only while it stacks"),
  sources: { class: "ignored", reason: "only says where each line of local.conf comes from" },
  secrets: restack("they are in local.conf"),
  generation: restack("you asked for it"),
  checks: { class: "live", reason: "they are run again; nothing is stacked" },
  timeoutS: { class: "live", reason: "how long the next stack.sh may take" },
  silenceS: { class: "live", reason: "how long the next stack.sh may be silent" },
};
