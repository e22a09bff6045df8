import Ajv, { type ErrorObject } from "ajv";
import backends from "../../schemas/backends.schema.json";
import bootServer from "../../schemas/boot-server.schema.json";
import common from "../../schemas/common.schema.json";
import devstack from "../../schemas/devstack.schema.json";
import images from "../../schemas/images.schema.json";
import machines from "../../schemas/machines.schema.json";
import networks from "../../schemas/networks.schema.json";
import stack from "../../schemas/stack.schema.json";
import vpn from "../../schemas/vpn.schema.json";
import { formats } from "./formats";

/** The schema of each part of a lab, in the order of the reference. */
export const partSchemas = { backends, networks, images, machines, bootServer, vpn, devstack } as const;

/** The schemas by their `$id`. */
export const schemas: Record<string, object> = Object.fromEntries(
  [common, backends, networks, images, machines, bootServer, vpn, devstack, stack].map((schema) => [
    schema.$id,
    schema,
  ]),
);

/** The sections of a stack's config. */
export const SECTIONS = Object.keys(stack.properties.config.properties).map(
  (key) => key.split(":")[1] ?? key,
);

/** Names of the fields that hold a number: any other is quoted when it looks like one. */
export const numberFields: ReadonlySet<string> = new Set(Object.values(partSchemas).flatMap(integersIn));

function integersIn(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([name, child]) =>
    isInteger(child as { type?: unknown; $ref?: string } | null) ? [name] : integersIn(child),
  );
}

function isInteger(schema: { type?: unknown; $ref?: string } | null): boolean {
  return schema?.type === "integer" || schema?.$ref?.endsWith("/port") === true;
}

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  allowUnionTypes: true,
  discriminator: true,
  strictTypes: false,
  keywords: ["patternErrorMessage"],
  formats: Object.fromEntries(
    Object.entries(formats).map(([name, check]) => [name, (text: string) => check(text) === undefined]),
  ),
  schemas: Object.values(schemas),
});

/** Everything that the schemas have against a stack file's content. */
export function schemaErrors(content: unknown): ErrorObject[] {
  const validate = ajv.getSchema("stack.schema.json");
  if (!validate) throw new Error("stack.schema.json is not among the schemas");
  return validate(content) ? [] : (validate.errors ?? []);
}
