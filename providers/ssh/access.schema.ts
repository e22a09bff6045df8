import type { ChangeTable } from "../core/definition";
import { flag, object, text } from "../core/schema-parts";
import type { AccessInputs } from "./access";

/** Becomes part of paths and of lines of "user:password". */
const user = { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_.-]{0,31}$" };
const secretRef = {
  anyOf: [
    object({ secret: text }, ["secret"]),
    object({ env: text }, ["env"]),
    object({ file: text }, ["file"]),
  ],
};

/** JSON Schema of who can log in, as planned. */
export const accessSchema = object(
  {
    name: text,
    backend: text,
    user,
    login: object({ user, identityFile: text, via: text, viaHostKey: text }, ["user"]),
    authorizedKeys: { type: "array", items: { type: "string" } },
    exclusive: flag,
    password: { anyOf: [{ enum: ["generated", "none"] }, secretRef] },
    passwordVersion: { type: "integer", minimum: 1 },
  },
  [...["name", "backend", "user", "login", "authorizedKeys", "exclusive", "password"], "passwordVersion"],
);

export const accessChanges: ChangeTable<AccessInputs> = {
  name: { class: "live", reason: "only the name that the machine is told by" },
  backend: { class: "recreate", reason: "it is another machine that people log in to" },
  user: { class: "recreate", reason: "one user's keys and password go, another's come" },
  login: { class: "live", reason: "only says who we log in as to do it" },
  authorizedKeys: {
    class: "live",
    reason: "the file of keys is replaced as a whole; whoever is logged in stays so",
  },
  exclusive: { class: "live", reason: "decides whether keys that are not listed are taken away" },
  password: {
    class: "live",
    reason: "the password is set from the other source; for none, the one that we had set is closed",
  },
  passwordVersion: {
    class: "live",
    reason: "a new password; the old one stops working at the next login",
  },
};
