import { type Fields, fieldsOf, listOf, logicalName, textOf } from "../import/fields";
import type { Notes } from "../import/notes";
import type { BootedFile } from "./folder";
import { PythonSyntaxError, readAssignments } from "./python";

/** An image of booted's: a machine of ours. */
export interface BootedImage {
  /** As booted says it. */
  name: string;
  /** Name in our config. */
  logical: string;
  environments: string[];
}

const KNOWN = ["images", "roles", "version", "service"];
const NOT_YET =
  "environments and services are no section of labplan's yet: the machines are declared, and nothing is deployed on them";

/** The machines that the groups of environments.py name. */
export function imagesOf(file: BootedFile, notes: Notes): BootedImage[] {
  const groups = groupsOf(file, notes);
  const images = new Map<string, BootedImage>();
  const add = (name: string, environment: string): void => {
    const known = images.get(name) ?? { name, logical: logicalName(name), environments: [] };
    if (!known.environments.includes(environment)) known.environments.push(environment);
    images.set(name, known);
  };
  for (const [environment, value] of Object.entries(groups)) {
    const group = fieldsOf(value);
    const listed = textsOf(group.images);
    const roles = Object.entries(fieldsOf(group.roles)).map(
      ([role, names]) => [role, textsOf(names)] as const,
    );
    const inRoles = roles.flatMap(([, names]) => names);
    for (const name of [...listed, ...inRoles]) add(name, environment);
    for (const name of inRoles.filter((name) => !listed.includes(name)))
      notes.add(
        `${environment}: ${name}`,
        "has a role, and is not among the environment's images; declared as a machine",
      );
    for (const name of listed.filter((name) => roles.length > 0 && !inRoles.includes(name)))
      notes.add(
        `${environment}: ${name}`,
        "is among the environment's images, and has no role; declared as a machine",
      );
    noteEnvironment(file.path, environment, group, roles, notes);
  }
  noteNames([...images.keys()], notes);
  for (const { name, environments } of images.values())
    if (environments.length > 1)
      notes.add(name, `is in ${environments.join(" and ")}; one machine is declared, which both would use`);
  return [...images.values()];
}

function groupsOf(file: BootedFile, notes: Notes): Fields {
  try {
    const found = readAssignments(file.text);
    const groups =
      found.get("groups") ?? [...found.values()].find(({ value }) => Object.keys(fieldsOf(value)).length > 0);
    if (groups) return fieldsOf(groups.value);
    notes.add(file.path, 'no dict "groups" in it; no machines are declared');
  } catch (error) {
    if (!(error instanceof PythonSyntaxError)) throw error;
    notes.add(
      file.path,
      `is not run, only read, and its groups cannot be read: ${error.message}. No machines are declared`,
    );
  }
  return {};
}

function noteEnvironment(
  path: string,
  name: string,
  group: Fields,
  roles: readonly (readonly [string, readonly string[]])[],
  notes: Notes,
): void {
  const [service, version] = [textOf(group.service), textOf(group.version)];
  const said = [
    service && `service ${service}`,
    version && `version ${version}`,
    ...roles.map(([role, names]) => `${role} ${names.join(" ")}`),
  ].filter(Boolean);
  notes.add(`environment ${name} (${said.join("; ")})`, NOT_YET);
  for (const key of Object.keys(group).filter((key) => !KNOWN.includes(key)))
    notes.add(`${path}: ${name}.${key}`, "no key of booted's environments; not imported");
}

/** `fabric1`, `ifabric2`: nothing said that a name was mistyped, and none was ever checked. */
function noteNames(names: readonly string[], notes: Notes): void {
  const stems = new Map<string, string[]>();
  for (const name of names) {
    const stem = name.replace(/\d+$/, "");
    stems.set(stem, [...(stems.get(stem) ?? []), name]);
  }
  for (const [stem, members] of stems)
    for (const [other, others] of stems)
      if (other !== stem && other.length === stem.length + 1 && isOneMore(other, stem))
        notes.add(
          `${others.join(", ")} beside ${members.join(", ")}`,
          "the names differ by one letter; is one of them mistyped? booted did not check",
        );
}

const isOneMore = (longer: string, shorter: string): boolean =>
  [...longer].some((_, i) => longer.slice(0, i) + longer.slice(i + 1) === shorter);

const textsOf = (value: unknown): string[] => listOf(value).flatMap((item) => textOf(item) ?? []);
