import type { ErrorObject } from "ajv";
import { bareDuration } from "./durations";
import { formats } from "./formats";
import { bareSize } from "./sizes";
import { NAMESPACE } from "./stack-file";
import { closest, suggest } from "./suggest";
import type { ConfigPath, ConfigProblem } from "./types";

/** A problem that knows whether it is about a key or a value. */
export interface SchemaProblem extends ConfigProblem {
  prefer: "key" | "value";
}

/** Turns what ajv says about a stack's content into one problem for each mistake. */
export function schemaProblems(errors: readonly ErrorObject[]): SchemaProblem[] {
  const causes = errors.filter(isCause);
  const unknownKeys = causes.filter(({ keyword }) => keyword === "additionalProperties");
  const real = causes.filter((error) => !isExplainedBy(error, unknownKeys));
  const byPlace = new Map<string, SchemaProblem>();
  for (const error of real.toSorted((a, b) => rank(a) - rank(b))) {
    const problem = problemOf(error);
    const key = JSON.stringify([
      problem.path,
      ["required", "oneOf"].includes(error.keyword) && problem.message,
    ]);
    if (!byPlace.has(key)) byPlace.set(key, problem);
  }
  return [...byPlace.values()];
}

/** `if` and `oneOf` report their branches as well; `propertyNames` the check of each name. */
function isCause(error: ErrorObject): boolean {
  const { keyword, propertyName, schemaPath, params } = error;
  // A kind that is not there is told by `required`.
  if (keyword === "discriminator" && params.tagValue === undefined) return false;
  return keyword !== "if" && propertyName === undefined && !/\/oneOf\/\d+\/required$/.test(schemaPath);
}

/** A mistyped key is also a missing one: `backnd` and no `backend`. */
function isExplainedBy(error: ErrorObject, unknownKeys: readonly ErrorObject[]): boolean {
  const missing = missingKeys(error);
  return unknownKeys.some((unknown) => {
    if (unknown.instancePath !== error.instancePath) return false;
    const meant = closest(String(unknown.params.additionalProperty), knownKeys(unknown));
    return meant !== undefined && missing.includes(meant);
  });
}

function missingKeys(error: ErrorObject): string[] {
  if (error.keyword === "required") return [String(error.params.missingProperty)];
  return error.keyword === "oneOf" ? alternatives(error) : [];
}

const alternatives = (error: ErrorObject): string[] =>
  (error.schema as { required?: string[] }[]).flatMap(({ required }) => required ?? []);

const knownKeys = (error: ErrorObject): string[] =>
  Object.keys((error.parentSchema?.properties as object | undefined) ?? {});

/** Which of several things said about one value tells the most. */
function rank({ keyword }: ErrorObject): number {
  const order = ["type", "format", "pattern"];
  const at = order.indexOf(keyword);
  return at < 0 ? order.length : at;
}

function problemOf(error: ErrorObject): SchemaProblem {
  const path = configPath(error);
  const { params } = error;
  switch (error.keyword) {
    case "additionalProperties": {
      const key = String(params.additionalProperty);
      return { path: [...path, key], prefer: "key", message: `unknown key${suggest(key, knownKeys(error))}` };
    }
    case "propertyNames":
      return {
        path: [...path, String(params.propertyName)],
        prefer: "key",
        message:
          "a name begins with a letter or digit and holds letters, digits, dot, dash and underscore, at most 63",
      };
    case "uniqueItems":
      return {
        path: [...path, Math.max(params.i, params.j)],
        prefer: "value",
        message: "this is given twice",
      };
    case "required":
      return { path, prefer: "key", message: missing(error) };
    case "discriminator":
      return { path: [...path, String(params.tag)], prefer: "value", message: wrongKind(error) };
    case "minProperties":
    case "maxProperties":
      return { path, prefer: "key", message: "give exactly one of secret, env and file" };
    case "oneOf":
      return { path, prefer: "key", message: oneOf(error) };
    default:
      return { path, prefer: "value", message: valueMessage(error) };
  }
}

/** `/config/labplan:machines/w1` as `["machines", "w1"]`, list positions as numbers. */
function configPath(error: ErrorObject): ConfigPath {
  const [, section, ...rest] = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (section === undefined) return [];
  return [
    section.replace(NAMESPACE, ""),
    ...rest.map((part) => (String(Number(part)) === part ? Number(part) : part)),
  ];
}

function missing(error: ErrorObject): string {
  const name = String(error.params.missingProperty);
  if (name === `${NAMESPACE}lab`)
    return 'labplan:lab, the lab\'s random id, is missing; "npm run lab -- init <stack>" writes it';
  const kinds = kindsIn(error);
  if (name === "kind" && kinds.length > 0) return `kind is missing; one of ${kinds.join(", ")}`;
  const field = (error.parentSchema?.properties as Record<string, { description?: string }> | undefined)?.[
    name
  ];
  return `${name} is missing${field?.description ? `: ${firstSentence(field.description)}` : ""}`;
}

const firstSentence = (text: string): string => {
  const sentence = /^.*?[.](?= |$)/s.exec(text)?.[0] ?? text;
  return sentence.replace(/\.$/, "").replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
};

/** The kinds that a thing can be of, by the names of their schemas: `#/definitions/power-ipmi` is `ipmi`. */
const kindsIn = ({ parentSchema }: ErrorObject): string[] =>
  ((parentSchema?.oneOf ?? []) as { $ref?: string }[]).map(
    ({ $ref = "" }) =>
      $ref
        .split("/")
        .at(-1)
        ?.replace(/^power-/, "") ?? "",
  );

function wrongKind(error: ErrorObject): string {
  const { tagValue } = error.params;
  const kinds = kindsIn(error);
  const near = typeof tagValue === "string" ? suggest(tagValue, kinds) : `; one of ${kinds.join(", ")}`;
  return `${kindOf(tagValue)} is no kind of ${kinds.includes("ipmi") ? "power" : "backend"}${near}`;
}

function oneOf(error: ErrorObject): string {
  const names = listed(alternatives(error));
  return error.params.passingSchemas ? `give only one of ${names}` : `give one of ${names}`;
}

/** `network, bridge and type` */
const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;

function valueMessage(error: ErrorObject): string {
  const { keyword, params, data, parentSchema } = error;
  switch (keyword) {
    case "type":
      return wrongType(error);
    case "format":
      return formats[String(params.format)]?.(String(data)) ?? `is no ${String(params.format)}`;
    case "pattern":
      return String(parentSchema?.patternErrorMessage ?? `does not match ${String(params.pattern)}`);
    case "enum": {
      const allowed = (params.allowedValues as unknown[]).map(String);
      if (typeof data === "object") return `must be one of ${allowed.join(", ")}`;
      return `"${String(data)}" is not possible${suggest(String(data), allowed, "One of")}`;
    }
    case "const":
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case "minimum":
      return `${String(data)} is too small; at least ${String(params.limit)}`;
    case "maximum":
      return `${String(data)} is too large; at most ${String(params.limit)}`;
    case "minLength":
      return "must not be empty";
    case "maxLength":
      return `is too long; at most ${String(params.limit)} characters`;
    case "minItems":
      return "must not be an empty list";
    default:
      return error.message ?? keyword;
  }
}

const WORDS: Record<string, string> = {
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "a map",
};

function wrongType({ schema, data, parentSchema }: ErrorObject): string {
  const wanted = [schema].flat().map(String);
  if (isSecretRef(parentSchema)) return SECRET_BY_NAME;
  const words = wanted.map((type) => WORDS[type] ?? type).join(" or ");
  if (data === null) return `has no value; write ${words}, or take the line out`;
  if (wanted.includes("string") && typeof data === "number") {
    if (parentSchema?.format === "size") return bareSize(data);
    if (parentSchema?.format === "duration") return bareDuration(data);
  }
  if (wanted.includes("string") && (typeof data === "number" || typeof data === "boolean"))
    return `${data} is read as ${typeof data === "number" ? "a number" : "true or false"}; write "${data}"`;
  return `must be ${words}, not ${kindOf(data)}`;
}

const isSecretRef = (schema: object | undefined): boolean =>
  Object.keys((schema as { properties?: object })?.properties ?? {}).join() === "secret,env,file";

/** Never repeats what stands there, which may be the secret. */
export const SECRET_BY_NAME =
  "a secret is given by name: { secret: <config key> }, { env: NAME } or { file: path }, never its value";

function kindOf(data: unknown): string {
  if (Array.isArray(data)) return "a list";
  if (typeof data === "object") return "a map";
  return typeof data === "string" ? `"${data}"` : String(data);
}
