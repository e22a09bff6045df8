import { object, text } from "../core/schema-parts";

const user = { type: "string", pattern: "^[A-Za-z_][A-Za-z0-9_.-]{0,31}$" };

/** Who is logged in as; see `NodeLogin`. */
export const loginSchema = object({ user, identityFile: text, via: text, viaHostKey: text }, ["user"]);
