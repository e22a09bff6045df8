/** Parts of the JSON Schemas of our inputs. */

export const object = (properties: object, required: readonly string[]) => ({
  type: "object",
  properties,
  required: [...required],
  additionalProperties: false,
});

export const text = { type: "string", minLength: 1 };
export const flag = { type: "boolean" };
/** libvirt refuses slashes and line ends in names; the rest is its users' choice. */
export const libvirtName = { type: "string", minLength: 1, pattern: "^[^/\\n]+$" };
export const uuid = { type: "string", pattern: "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$" };
export const mac = { type: "string", pattern: "^[0-9a-f]{2}(:[0-9a-f]{2}){5}$" };
export const ipv4 = { type: "string", pattern: "^\\d{1,3}(\\.\\d{1,3}){3}$" };
export const cidr = { type: "string", pattern: "^\\d{1,3}(\\.\\d{1,3}){3}/\\d{1,2}$" };
export const adoption = { adopt: flag, onDestroy: { enum: ["release", "delete"] } };
