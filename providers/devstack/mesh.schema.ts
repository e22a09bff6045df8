import type { ChangeTable } from "../core/definition";
import { object, text } from "../core/schema-parts";
import { folder, userName } from "./host.schema";
import { loginSchema } from "./login.schema";
import type { MeshInputs } from "./types";

const word = { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9.:_-]*$" };
const node = object({ backend: text, login: loginSchema, hostName: word, address: word }, [
  "backend",
  "login",
  "hostName",
  "address",
]);

/** JSON Schema of who knows whom, as planned. */
export const meshSchema = object(
  {
    ...{ name: text, user: userName, home: folder },
    nodes: { type: "object", propertyNames: word, additionalProperties: node, minProperties: 1 },
    controller: word,
  },
  ["name", "user", "home", "nodes"],
);

export const meshChanges: ChangeTable<MeshInputs> = {
  name: { class: "live", reason: "only the name that the layout is told by" },
  user: { class: "recreate", reason: "another user's file of keys has the lines" },
  home: { class: "recreate", reason: "another file of keys has the lines" },
  nodes: { class: "live", reason: "only our own lines in each node's files are replaced" },
  controller: { class: "ignored", reason: "only says whose nova is asked before a node leaves" },
};
