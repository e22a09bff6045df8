import type { ChangeTable } from "../core/definition";
import type { UserInputs } from "./user";

const text = { type: "string", minLength: 1 };
const texts = { type: "array", items: text };

/** JSON Schema of a user's inputs as planned. */
export const userSchema = {
  type: "object",
  required: [
    "uid",
    "backend",
    "base",
    "objectClasses",
    "cn",
    "sn",
    "groups",
    "expired",
    "passwordVersion",
    "permanent",
  ],
  properties: {
    uid: text,
    backend: text,
    base: text,
    objectClasses: { ...texts, minItems: 1 },
    cn: text,
    sn: text,
    givenName: text,
    mail: text,
    groups: texts,
    until: { type: "string", pattern: "^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d+)?)?Z$" },
    expired: { type: "boolean" },
    passwordVersion: { type: "integer", minimum: 1 },
    password: { type: "object" },
    permanent: texts,
    adopt: { type: "boolean" },
    onDestroy: { enum: ["release", "delete"] },
  },
} as const;

export const userChanges: ChangeTable<UserInputs> = {
  uid: { class: "live", reason: "the entry is renamed in place and keeps its password" },
  backend: { class: "recreate", reason: "another directory: the entry and its password are made anew" },
  base: { class: "live", reason: "the entry is moved in place and keeps its password" },
  objectClasses: { class: "live", reason: "auxiliary classes come and go in place" },
  cn: { class: "live", reason: "an attribute" },
  sn: { class: "live", reason: "an attribute" },
  givenName: { class: "live", reason: "an attribute" },
  mail: { class: "live", reason: "an attribute" },
  groups: { class: "live", reason: "only our own value in each group changes" },
  until: {
    class: "live",
    reason: "enforced at the server where its password policy does, else by the next up",
  },
  expired: {
    class: "live",
    reason:
      "past its end the entry is locked and leaves its groups; a VPN session that is up can outlast it; extended, it gets a new password",
  },
  passwordVersion: { class: "live", reason: "a new password; the old one stops working at the next login" },
  password: { class: "live", reason: "the password is set again from the other secret" },
  permanent: { class: "ignored", reason: "a guard of this tool, not of the entry" },
  adopt: { class: "ignored", reason: "counts only when the entry is first met" },
  onDestroy: { class: "ignored", reason: "counts only when the entry is destroyed" },
};
