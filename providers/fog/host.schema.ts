import { adoption, mac, object, text } from "../core/schema-parts";

/**
 * FOG's own rule for host names. Longer ones and ones with spaces are answered by 404, and are created all the same,
 * cut off, so that nothing can be done with them any more (measured).
 */
export const fogHostName = {
  type: "string",
  minLength: 1,
  maxLength: 15,
  pattern: "^[\\w!@#$%^()'{}.~-]+$",
};

/** JSON Schema of a host record's inputs. */
export const hostSchema = object(
  { name: fogHostName, backend: text, macs: { type: "array", items: mac, minItems: 1 }, ...adoption },
  ["name", "backend"],
);
