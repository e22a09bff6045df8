import { Document, isScalar, visit } from "yaml";
import type { ChangeRule } from "../providers/core/definition";

/** As much of a JSON Schema as the reference shows. */
interface Schema {
  $id?: string;
  $ref?: string;
  title?: string;
  description?: string;
  type?: string | string[];
  format?: string;
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  minimum?: number;
  maximum?: number;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  items?: Schema;
  oneOf?: Schema[];
  required?: string[];
  examples?: unknown[];
  definitions?: Record<string, Schema>;
}

/** Schemas by their `$id`. */
export type Schemas = Record<string, object>;

const INTRO = `# Config reference

Generated from the JSON Schemas in \`schemas/\`; editors with yaml-language-server read the same ones, by the first line
of a stack's file: \`# yaml-language-server: $schema=../schemas/stack.schema.json\`.

A lab is described in \`stacks/Pulumi.<stack>.yaml\`, under \`config:\`. Each section can be left out.

- **Sizes** carry their unit: \`8 GiB\`, \`512 MiB\` (by 1024), \`100 GB\` (by 1000). A bare number is refused, because
  people mean different things by it.
- **Durations** as well: \`90s\`, \`10m\`, \`2h\`, \`1d\`, \`1h 30m\`.
- **Secrets** are given by name and never by value: \`{ secret: <config key> }\` (set by \`pulumi config set --secret <config key>\`),
  \`{ env: NAME }\` or \`{ file: path }\`. In cloud-init's texts: \`{{secret:name}}\`.
- **Quotes** are needed around what looks like a number or a date where text is meant (\`"1.10"\`, \`"010"\`,
  \`"2026-12-24T18:00:00Z"\`): the Pulumi CLI would rewrite it. It is refused, with the text to paste.
- **Anchors**, aliases and merge keys (\`<<: *worker\`) work.
- **Files** that the config names (\`template\`) are relative to the project and lie inside of it. A template is a Jinja
  template (rendered by nunjucks) of the XML; its variables are the planned fields of the network or machine, as
  in the preview. An unknown variable is an error that lists the known ones; name and UUID are put in for you.
  The template of an image's \`install\` is one of its kickstart, preseed or autoinstall; it gets what
  \`kickstart/variables.ts\` lists, and is linted in the preview.
- **Moves**: another \`backend\` makes a machine anew there, and the old one is deleted with its disks. The preview says
  so, and where there are disks to lose, the machine must say \`allow: [wipe]\` until it is done. The same goes for a
  higher \`generation\` of an installed image, for the machines that are clones of it: new ones can use another image
  meanwhile. A host of a FOG server says it as well, when it is new to the stack, and for another image or a higher
  \`imageGeneration\`; no other edit puts an image on it.
- **Ports**: a machine on VirtualBox that its host cannot reach by address gets a port of the host from 2200 to 2999 for its
  SSH, kept in the lock file.
`;

/** The config reference in Markdown, from the schemas. */
export function renderConfigReference(schemas: Schemas): string {
  const reference = new Reference(schemas as Record<string, Schema>);
  const stack = reference.schema("stack.schema.json");
  const sections = Object.entries(stack.properties?.config?.properties ?? {});
  const parts = sections.filter(([, schema]) => schema.$ref !== undefined);
  const plain = sections.filter(([, schema]) => schema.$ref === undefined);
  return [
    INTRO,
    "## Single values\n",
    table(plain.map(([key, schema]) => reference.row(key, schema, stack.properties?.config?.required ?? []))),
    ...parts.map(([key, { $ref = "" }]) => reference.part(key, reference.schema($ref))),
  ].join("\n");
}

type Row = [field: string, written: string, byDefault: string, meaning: string];

class Reference {
  private readonly schemas: Record<string, Schema>;

  constructor(schemas: Record<string, Schema>) {
    this.schemas = schemas;
  }

  schema(id: string): Schema {
    const schema = this.schemas[id];
    if (!schema) throw new Error(`no schema ${id}`);
    return schema;
  }

  /** One section of the config: what it is, an example, and the fields of each thing in it. */
  part(key: string, schema: Schema): string {
    const entry = typeof schema.additionalProperties === "object" ? schema.additionalProperties : schema;
    const thing = this.resolve(entry, schema);
    const kinds = thing.oneOf?.every(({ $ref }) => $ref) ? thing.oneOf : undefined;
    const bodies = kinds
      ? kinds.map((kind) => {
          const resolved = this.resolve(kind, schema);
          return `### kind: ${resolved.title ?? ""}\n\n${resolved.description ?? ""}\n\n${this.fields(resolved, schema)}`;
        })
      : [this.fields(thing, schema)];
    return [`## ${key}\n`, `${schema.description ?? ""}\n`, example(key, schema), ...bodies].join("\n");
  }

  private fields(thing: Schema, root: Schema): string {
    return table(this.rows(thing, root, "", new Set()));
  }

  private rows(thing: Schema, root: Schema, prefix: string, shown: Set<Schema>): Row[] {
    return Object.entries(thing.properties ?? {}).flatMap(([name, field]) => {
      const resolved = this.resolve(field, root);
      const own = this.row(`${prefix}${name}`, this.withItem(resolved, root), thing.required ?? []);
      return [own, ...this.inner(resolved, root, `${prefix}${name}`, shown)];
    });
  }

  /** The fields inside of a map, of the items of a list, or of each thing in a map of things. */
  private inner(field: Schema, root: Schema, name: string, shown: Set<Schema>): Row[] {
    if (field.items) {
      const item = this.resolve(field.items, root);
      return this.inner(item, root, `${name}[]`, shown);
    }
    if (typeof field.additionalProperties === "object")
      return this.rows(this.resolve(field.additionalProperties, root), root, `${name}.<name>.`, shown);
    if (field.oneOf?.every(({ $ref }) => $ref)) return this.kinds(field.oneOf, root, name);
    const [first] = Object.values(field.properties ?? {});
    // Forms of several fields (a secret by name) and definitions used twice are told once.
    if (!first || field.description?.startsWith("A secret by name") || isSecret(field) || shown.has(first))
      return [];
    shown.add(first);
    return this.rows(field, root, `${name}.`, shown);
  }

  /** The fields of each kind of a thing: which one it is says its `kind`. */
  private kinds(kinds: Schema[], root: Schema, name: string): Row[] {
    return kinds.flatMap((kind) => {
      const resolved = this.resolve(kind, root);
      return Object.entries(resolved.properties ?? {}).map(([field, schema]): Row => {
        const [shown, how, byDefault, meaning] = this.row(
          `${name}.${field}`,
          this.resolve(schema, root),
          resolved.required ?? [],
        );
        return [
          shown,
          how,
          byDefault,
          field === "kind" ? (resolved.description ?? "") : `${resolved.title}: ${meaning}`,
        ];
      });
    });
  }

  private withItem(field: Schema, root: Schema): Schema {
    return field.items ? { ...field, items: this.resolve(field.items, root) } : field;
  }

  row(name: string, field: Schema, required: readonly string[]): Row {
    const last = name.split(".").at(-1) ?? name;
    const byDefault = field.default === undefined ? "" : code(field.default);
    return [
      `\`${name}\``,
      written(field),
      required.includes(last) ? "**required**" : byDefault,
      field.description ?? "",
    ];
  }

  /** What a `$ref` points at, with what stands beside it on top. */
  private resolve(schema: Schema, root: Schema): Schema {
    if (schema.$ref === undefined) return schema;
    const [file, pointer = ""] = schema.$ref.split("#");
    const home = file ? this.schema(file) : root;
    const target = pointer
      .split("/")
      .filter(Boolean)
      .reduce<unknown>((value, part) => (value as Record<string, unknown>)?.[part], home) as Schema;
    const { $ref: _, ...beside } = schema;
    return { ...this.resolve(target, home), ...beside };
  }
}

const isSecret = (field: Schema): boolean => Object.keys(field.properties ?? {}).join() === "secret,env,file";

const TYPES: Record<string, string> = {
  string: "text",
  integer: "whole number",
  boolean: "true or false",
  object: "map",
};

const FORMATS: Record<string, string> = {
  size: "size",
  duration: "duration",
  instant: "instant",
  "ipv4-address": "IPv4 address",
  "ipv4-cidr": "IPv4 network",
  "ipv6-cidr": "IPv6 network",
  "mac-address": "MAC address",
  dn: "DN",
  "http-url": "URL",
  "ldap-url": "URL",
  "libvirt-uri": "URI",
  "fog-url": "URL",
  "redfish-url": "URL",
  "ssh-host": "URL",
  checksum: "checksum",
  "ssh-public-key": "public key",
};

/** What a field takes, in words. */
function written(field: Schema): string {
  if (isSecret(field)) return "secret by name";
  if (field.const !== undefined) return code(field.const);
  if (field.enum) return field.enum.map(code).join(", ");
  const types = [field.type ?? "text"].flat();
  return types
    .map((type) => {
      if (type === "array") return field.items ? `list of ${written(field.items)}` : "list";
      if (type === "string" && field.format) return FORMATS[field.format] ?? "text";
      return TYPES[type] ?? type;
    })
    .join(" or ")
    .concat(range(field));
}

function range({ minimum, maximum }: Schema): string {
  if (minimum === undefined) return "";
  return maximum === undefined ? `, at least ${minimum}` : `, ${minimum} to ${maximum}`;
}

const code = (value: unknown): string => `\`${typeof value === "string" ? value : JSON.stringify(value)}\``;

function example(key: string, schema: Schema): string {
  const [first] = schema.examples ?? [];
  if (first === undefined) return "";
  const document = new Document({ [key]: first }, { version: "1.1" });
  visit(document, {
    Seq: (_, list) => {
      list.flow = list.items.every(isScalar);
    },
  });
  return `\`\`\`yaml\n${document.toString({ lineWidth: 0 })}\`\`\`\n`;
}

function table(rows: Row[]): string {
  const cells = rows.map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  return ["| field | written as | default | meaning |", "|---|---|---|---|", ...cells, ""].join("\n");
}

/** What the table of change classes needs of a resource's definition. */
export interface ChangeTableSource {
  readonly kind: string;
  readonly changes: Readonly<Record<string, ChangeRule>>;
}

const CHANGES_INTRO = `# What a change does

Generated from the tables that decide what a preview says and what an update does.

| class | what happens |
|---|---|
| live | applied while it runs |
| restart | stopped and started again |
| recreate | removed and made again, in that order |
| wipe | data on it are lost; needs \`allow: [wipe]\` |
| ignored | kept, never applied |
`;

/** The tables of change classes in Markdown, one for each kind of resource. */
export function renderChangeTables(definitions: readonly ChangeTableSource[]): string {
  const tables = definitions.map(({ kind, changes }) => {
    const rows = Object.entries(changes).map(
      ([field, rule]) => `| \`${field}\` | ${rule.class} | ${rule.reason.replaceAll("|", "\\|")} |`,
    );
    return [`## ${kind}\n`, "| field | class | why |", "|---|---|---|", ...rows, ""].join("\n");
  });
  return [CHANGES_INTRO, ...tables].join("\n");
}
