import { parseDocument } from "yaml";
import { type Fields, fieldsOf, isFields, listOf } from "../import/fields";
import type { Notes } from "../import/notes";

/** How the importer sees the world. */
export interface LaasIo {
  /** Names of the files in a folder. */
  readDir(path: string): string[];
  readFile(path: string): string;
}

export type Kind = "installer" | "domains" | "networks" | "pharos" | "vpn" | "inventory";

export interface LaasFile {
  name: string;
  kind: Kind;
  /** The map in the file, or the map around a plain list. */
  fields: Fields;
}

/** Reads a folder of LaaS files and tells what each is, by its content: file names were never fixed. */
export function readFolder(dir: string, io: LaasIo, notes: Notes): LaasFile[] {
  const names = io
    .readDir(dir)
    .filter((name) => /\.(ya?ml|conf)$/i.test(name))
    .toSorted();
  return names.flatMap((name) => {
    const content = parse(name, io.readFile(`${dir}/${name}`), notes);
    const file = content === undefined ? undefined : classify(name, content);
    if (!file && content !== undefined)
      notes.add(name, "none of the LaaS files looks like this; not imported");
    return file ?? [];
  });
}

/** PyYAML read YAML 1.1 and took the last of two equal keys. */
function parse(name: string, text: string, notes: Notes): unknown {
  const document = parseDocument(text, { version: "1.1", prettyErrors: false });
  const [broken] = document.errors.filter(({ code }) => code !== "DUPLICATE_KEY");
  if (broken) {
    // The parser's message can quote the text, and with it a secret.
    notes.add(name, `no valid YAML (${broken.code}); not imported`);
    return undefined;
  }
  if (document.errors.length > 0)
    notes.add(name, "a key stands twice in a map; the last one counts, as in LaaS");
  return parseDocument(text, { version: "1.1", uniqueKeys: false }).toJS();
}

function classify(name: string, content: unknown): LaasFile | undefined {
  if (Array.isArray(content)) {
    const [first] = content.filter(isFields);
    if (!first) return undefined;
    if (has(first, "vcpus", "memory", "interfaces", "disk"))
      return { name, kind: "domains", fields: { domains: content } };
    if (has(first, "cidr", "brName", "brAddr", "forward", "netmask"))
      return { name, kind: "networks", fields: { networks: content } };
    return undefined;
  }
  const fields = fieldsOf(content);
  const kind = kindOf(fields);
  return kind && { name, kind, fields };
}

function kindOf(fields: Fields): Kind | undefined {
  if (listOf(fields.domains).length > 0) return "domains";
  if (Array.isArray(fields.networks)) return "networks";
  if (has(fields, "dashboard", "poling", "polling", "default_configs")) return "pharos";
  if (has(fields, "authenticaion", "authentication", "directory", "permanent_users")) return "vpn";
  if (has(fields, "fog", "hypervisor_config", "installer", "dhcp_log")) return "installer";
  const entries = Object.entries(fields);
  const isInventory =
    entries.length > 0 && entries.every(([id, host]) => /^\d+$/.test(id) && !isFields(host));
  return isInventory ? "inventory" : undefined;
}

const has = (fields: Fields, ...keys: string[]): boolean => keys.some((key) => key in fields);
