import { danglingNames } from "./dangling";
import { devstackOf } from "./devstack-form";
import { backendOf, imageOf, machineOf, networkOf, vpnOf, vpnUserOf } from "./long-form";
import type { Reading } from "./named-files";
import { type PositionedProblem, place, sorted } from "./positions";
import { SECTIONS, schemaErrors } from "./schema";
import { schemaProblems } from "./schema-problems";
import { secretProblems } from "./secret-references";
import { soundPart, thingOf } from "./sound-part";
import { sourceProblems } from "./source-checks";
import { NAMESPACE, parseStackFile, type SourceFile, valuesOf } from "./stack-file";
import { syntaxProblems } from "./syntax";
import type { ConfigPath, ConfigProblem, LabConfig } from "./types";
import type { WrittenLab } from "./written";

export interface ConfigSource {
  /** Section → value, as the engine gives it. When absent, what the file says. */
  values?: Record<string, unknown>;
  stack: string;
  /** The stack's file, for positions and for what only its text shows. */
  file?: SourceFile;
  /** Reads a file that the config names, relative to the project's root. */
  readFile(path: string): string;
}

export type LoadResult =
  | { config: LabConfig; problems: [] }
  /** `partial` is what is sound by itself: a plan of it can find more to tell at once. Absent when nothing could be read. */
  | { config?: undefined; problems: PositionedProblem[]; partial?: LabConfig };

/** Reads a stack's config: everything that is wrong in it, or the lab in its long form. */
export function loadConfig(source: ConfigSource): LoadResult {
  const file = source.file && parseStackFile(source.file);
  const syntax = file ? syntaxProblems(file) : [];
  if (syntax.length > 0) return { problems: sorted(syntax) };

  const values = sections(source.values ?? (file ? valuesOf(file) : {}));
  const inText = file ? sourceProblems(file, SECTIONS) : [];
  const found: PositionedProblem[] = [];
  const add = (problem: ConfigProblem, prefer: "key" | "value" = "value") =>
    found.push(
      file
        ? place(file, problem, prefer)
        : { file: `Pulumi.${source.stack}.yaml`, line: 0, column: 0, ...problem },
    );

  const bad = new Set(inText.map(({ path }) => thingOf(path)));
  for (const problem of schemaProblems(schemaErrors(asContent(values)))) {
    bad.add(thingOf(problem.path));
    add(problem, problem.prefer);
  }
  const written = withoutBad(values, bad);
  const config = longForm(written, source, (path, message) => {
    bad.add(thingOf(path));
    add({ path, message });
  });
  for (const problem of danglingNames(values, bad)) {
    bad.add(thingOf(problem.path));
    add(problem);
  }
  const secrets = file ? secretProblems(config, file) : [];
  const problems = sorted([...inText, ...found.filter((problem) => !isToldBy(inText, problem)), ...secrets]);
  return problems.length === 0 ? { config, problems: [] } : { problems, partial: soundPart(config, bad) };
}

/** Our sections; one without a value is an empty one (the engine gives it as an empty text). */
function sections(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(values).filter(
      ([name, value]) => SECTIONS.includes(name) && value !== undefined && value !== null && value !== "",
    ),
  );
}

const asContent = (values: Record<string, unknown>) => ({
  config: Object.fromEntries(Object.entries(values).map(([name, value]) => [`${NAMESPACE}${name}`, value])),
});

/** The things that the schemas have nothing against, so that what is wrong between them can be told as well. */
function withoutBad(values: Record<string, unknown>, bad: ReadonlySet<string>): WrittenLab {
  const good = (section: string, value: unknown, at: ConfigPath): Record<string, never> =>
    Object.fromEntries(
      Object.entries(bad.has(section) ? {} : ((value ?? {}) as Record<string, never>)).filter(
        ([name]) => !bad.has(thingOf([...at, name])),
      ),
    );
  const { vpn, devstack } = values as Pick<WrittenLab, "vpn" | "devstack">;
  return {
    ...(values.lab !== undefined && !bad.has("lab") ? { lab: String(values.lab) } : {}),
    ...(values.addressPool !== undefined && !bad.has("addressPool")
      ? { addressPool: String(values.addressPool) }
      : {}),
    backends: good("backends", values.backends, ["backends"]),
    networks: good("networks", values.networks, ["networks"]),
    images: good("images", values.images, ["images"]),
    machines: good("machines", values.machines, ["machines"]),
    ...(values.bootServer !== undefined && !bad.has("bootServer")
      ? { bootServer: values.bootServer as NonNullable<WrittenLab["bootServer"]> }
      : {}),
    ...(vpn !== undefined && !bad.has("vpn")
      ? { vpn: { ...vpn, users: good("vpn", vpn.users, ["vpn", "users"]) } }
      : {}),
    ...(devstack !== undefined && !bad.has("devstack") ? { devstack } : {}),
  };
}

function longForm(written: WrittenLab, source: ConfigSource, problem: Reading["problem"]): LabConfig {
  const reading: Reading = { readFile: (path) => source.readFile(path), problem };
  const each = <T, L>(
    section: string,
    things: Record<string, T>,
    long: (t: T, at: ConfigPath, r: Reading) => L,
  ) =>
    Object.fromEntries(
      Object.entries(things).map(([name, thing]) => [name, long(thing, [section, name], reading)]),
    );
  const users = Object.entries(written.vpn?.users ?? {}).map(([name, user]) => [name, vpnUserOf(user)]);
  return {
    lab: written.lab ?? "",
    stack: source.stack,
    ...(written.addressPool === undefined ? {} : { addressPool: written.addressPool }),
    backends: each("backends", written.backends, backendOf),
    networks: each("networks", written.networks, networkOf),
    images: each("images", written.images, imageOf),
    machines: each("machines", written.machines, machineOf),
    ...(written.bootServer ? { bootServer: written.bootServer } : {}),
    ...(written.vpn ? { vpn: { ...vpnOf(written.vpn), users: Object.fromEntries(users) } } : {}),
    ...(written.devstack ? { devstack: devstackOf(written.devstack, ["devstack"], reading) } : {}),
  };
}

/** What the text shows to be wrong explains whatever else is said of the same place. */
const isToldBy = (inText: PositionedProblem[], { line, column, path }: PositionedProblem): boolean =>
  inText.some(
    (told) =>
      (told.line === line && told.column === column) ||
      (told.path.length > 1 && told.path.every((part, i) => part === path[i])),
  );
