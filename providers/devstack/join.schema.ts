import type { ChangeTable } from "../core/definition";
import { object, text } from "../core/schema-parts";
import { loginSchema } from "./login.schema";
import type { JoinInputs } from "./types";

/** JSON Schema of a compute's place in the cloud, as planned. */
export const joinSchema = object(
  {
    ...{ name: text, backend: text, login: loginSchema, user: text, home: text },
    computeLogin: loginSchema,
    // A word of commands on the controller.
    hostName: { type: "string", pattern: "^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$" },
    cell: text,
    timeoutS: { type: "number", exclusiveMinimum: 0 },
    edition: text,
  },
  ["name", "backend", "login", "user", "home", "computeLogin", "hostName", "cell", "timeoutS"],
);

export const joinChanges: ChangeTable<JoinInputs> = {
  name: { class: "live", reason: "only the name that the machine is told by" },
  backend: { class: "recreate", reason: "it is another controller that knows the compute" },
  login: { class: "live", reason: "only says how we log in to the controller" },
  user: { class: "live", reason: "only says who runs nova-manage" },
  home: { class: "live", reason: "only says where nova-manage is" },
  computeLogin: { class: "live", reason: "only says how we log in to the compute" },
  hostName: { class: "recreate", reason: "nova knows it under its host name; the old record goes" },
  cell: {
    class: "recreate",
    reason: "a host is in one cell: it is checked empty, taken out, and joined anew",
  },
  timeoutS: { class: "live", reason: "how long the next joining may take" },
  edition: {
    class: "live",
    reason: "what knew of it is stacked anew, which drops its databases: it joins again",
  },
};
